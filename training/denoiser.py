"""Trains the text encoder and the UNet of the bundled model together.

References: Ho et al. 2020 (arXiv:2006.11239), section 3; Rombach et al. 2022 (arXiv:2112.10752);
Ho and Salimans 2022 (arXiv:2207.12598) (captions dropped for guidance); Hang et al. 2023 (arXiv:2303.09556)
(weights of noise levels, of which ours differ at high noise).
"""

import random
from functools import partial
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from models.noise import NoiseTable
from models.text.clip import ClipText, ClipTextConfig
from models.unet.blocks import ResidualBlock, SpatialTransformer
from models.unet.config import UNetConfig
from models.unet.unet import UNet
from training.captions import caption
from training.latents import LatentSet
from training.loop import Settings, Training, seeded
from training.plan import OUTPUTS, plan_batch, plan_loss
from training.prompts import WordTable

TEXT_WIDTH = 128
TEXT_CONFIG = ClipTextConfig(width=TEXT_WIDTH, layers=3, heads=TEXT_WIDTH // 64, feed_forward=2 * TEXT_WIDTH)
UNET_CONFIG = UNetConfig(
    channels=64,
    multipliers=(1, 2),
    input_depths=((0,), (1,)),
    output_depths=((0, 0), (1, 1)),
    context_width=TEXT_WIDTH,
)
SETTINGS = Settings(
    steps=10200,
    learning_rate=1.0e-3,
    batch=32,
    warmup=300,
    hold=0.89,
    average=0.999,
    seed=23,
    save_seconds=150.0,
    parts=2,
)
DROPPED_CAPTIONS = 0.1
FIGURE_WEIGHT = 2.0
PLAN_CAPTIONS = 48
PLAN_WEIGHT = 0.1


class Denoiser(nn.Module):
    """A UNet, a text encoder and the compact table of the words that train."""

    def __init__(self, unet: UNetConfig = UNET_CONFIG, text: ClipTextConfig = TEXT_CONFIG) -> None:
        super().__init__()
        self.table = WordTable()
        self.unet = UNet(unet)
        self.text = ClipText(text)
        self.words = nn.Embedding(len(self.table), text.width)
        self.plan = nn.Linear(text.width, OUTPUTS)
        self.text.text_model.embeddings.token_embedding.weight.requires_grad_(False)
        self._start_small()

    def context(self, rows: Tensor) -> Tensor:
        """The text context (B, 77, D) of rows (B, 77) of the word table."""
        hidden: Tensor = self.text(self.words(rows), end_positions=rows.new_zeros(len(rows))).hidden
        return hidden

    def plans(self, rows: Tensor) -> Tensor:
        """What the tokens from the end of a caption on say is where (B, OUTPUTS), from rows (B, 77)."""
        ends = (rows == rows[:, -1:]).unsqueeze(-1)
        pooled = (self.context(rows) * ends).sum(dim=1) / ends.sum(dim=1)
        outputs: Tensor = self.plan(pooled)
        return outputs

    def forward(self, x: Tensor, t: Tensor, rows: Tensor) -> Tensor:
        """The noise in (B, C, h, w) at times (B,), under rows (B, 77) of the word table."""
        predicted: Tensor = self.unet(x, t, self.context(rows))
        return predicted

    @torch.no_grad()
    def spread_words(self) -> None:
        """Write the trained words into CLIP's table; every other word gets the vector of an unknown one."""
        weight = self.text.text_model.embeddings.token_embedding.weight
        weight[:] = self.words.weight[0]
        weight[torch.tensor(self.table.ids)] = self.words.weight[1:]

    @torch.no_grad()
    def _start_small(self) -> None:
        """Residual branches start at zero and words louder than their positions: both train faster."""
        self.words.weight.normal_(std=0.5)
        self.text.text_model.embeddings.token_embedding.weight.zero_()
        self.text.text_model.embeddings.position_embedding.weight.normal_(std=0.1)
        for module in self.unet.modules():
            if isinstance(module, ResidualBlock):
                nn.init.zeros_(module.out_layers[3].get_parameter("weight"))
            elif isinstance(module, SpatialTransformer):
                nn.init.zeros_(module.proj_out.weight)
        nn.init.zeros_(self.unet.out[2].get_parameter("weight"))


class Conditioned(Protocol):
    """A noise predictor with its table of words: a denoiser, or one with an adapter."""

    table: WordTable

    def __call__(self, x: Tensor, t: Tensor, rows: Tensor, /) -> Tensor:
        """The noise in (B, C, h, w) at times (B,), under rows (B, 77)."""


def signal_levels(table: NoiseTable | None = None) -> Tensor:
    """The cumulative signal share (steps,) of each training time, `alpha bar` of Ho et al. 2020."""
    table = table or NoiseTable()
    betas = torch.linspace(table.start**0.5, table.end**0.5, table.steps, dtype=torch.float64).square()
    return (1.0 - betas).cumprod(0).float()


def level_weights(signal: Tensor) -> Tensor:
    """Weights (B,) of the noise error at signal shares (B,).

    In terms of the clean latent the weight is 1 / sigma^2, at most 5, and only 1 / sigma above sigma 1: plain
    noise prediction all but ignores the levels at which the arrangement of a picture is decided.
    """
    sigma = ((1.0 - signal) / signal).sqrt()
    return torch.minimum(5.0 * sigma.square(), torch.ones_like(sigma)) * sigma.clamp(min=1.0)


def noise_loss(
    network: Conditioned, data: LatentSet, settings: Settings, levels: Tensor, step: int, part: int = 0
) -> Tensor:
    """Weighted squared error of the predicted noise of one part of a batch."""
    generator = seeded(settings.seed, step)
    rng = random.Random(f"{settings.seed}:{step}")
    batch = settings.batch
    chosen = torch.randint(len(data), (batch,), generator=generator)
    texts = [
        "" if rng.random() < DROPPED_CAPTIONS else caption(data.scenes[index], rng)
        for index in chosen.tolist()
    ]
    rows = network.table.with_strays(network.table.encode(texts), rng)
    latents = data.latents[chosen].float()
    offsets = torch.rand(batch, generator=generator)
    times = ((torch.arange(batch) + offsets) / batch * len(levels)).long().clamp(max=len(levels) - 1)
    noise = torch.randn(latents.shape, generator=generator)
    signal = levels[times]
    root = signal[:, None, None, None]
    noisy = root.sqrt() * latents + (1.0 - root).sqrt() * noise
    mine = slice(part, None, settings.parts)
    # The fused attention kernel is several times slower backwards on CPUs than plain products.
    with torch.autocast("cpu", dtype=torch.bfloat16), sdpa_kernel(SDPBackend.MATH):
        predicted = network(noisy[mine], times[mine].float(), rows[mine])
    error = (predicted.float() - noise[mine]).square().mean(dim=1)
    cells = 1.0 + FIGURE_WEIGHT * data.covers[chosen[mine]].float()
    error = (error * cells).sum(dim=(1, 2)) / cells.sum(dim=(1, 2))
    return (error * level_weights(signal[mine])).mean()


def training_loss(
    network: Denoiser, data: LatentSet, settings: Settings, levels: Tensor, step: int, part: int = 0
) -> Tensor:
    """The error of the predicted noise, and a little of that of the side task."""
    rng = random.Random(f"plan {settings.seed}:{step}:{part}")
    rows, plans = plan_batch(network.table, PLAN_CAPTIONS // settings.parts, rng)
    with torch.autocast("cpu", dtype=torch.bfloat16), sdpa_kernel(SDPBackend.MATH):
        outputs = network.plans(rows)
    side = plan_loss(outputs.float(), plans)
    return noise_loss(network, data, settings, levels, step, part) + PLAN_WEIGHT * side


def build(seed: int) -> Denoiser:
    """An untrained denoiser."""
    torch.manual_seed(seed)
    return Denoiser()


def train_denoiser(
    file: Path, network: Denoiser, data: LatentSet, settings: Settings = SETTINGS, until: int | None = None
) -> Denoiser:
    """The denoiser trained on from where its run stands, averaged weights and all words in place."""
    levels = signal_levels()
    training = Training(network, settings, file)
    training.run(partial(training_loss, network, data, settings, levels), until)
    training.average.install(network)
    network.spread_words()
    return network.requires_grad_(False).eval()


def load_denoiser(file: Path) -> Denoiser:
    """The averaged weights of a training run, finished or not."""
    state = torch.load(file, weights_only=True)
    network = Denoiser()
    network.load_state_dict(state["network"])
    network.load_state_dict(state["average"], strict=False)
    network.spread_words()
    return network.requires_grad_(False).eval()

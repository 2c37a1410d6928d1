"""Trains a ControlNet for the frozen bundled model: shapes go where the edges of a hint are.

Reference: Zhang et al. 2023 (arXiv:2302.05543), section 3.3, where captions are left empty too, so that the
hint says what it can say.
"""

import logging
import random
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from loaders.checkpoint import Checkpoint
from models.control.controlnet import ControlNet, ControlNetConfig
from models.text.encode import encode_prompt
from models.unet.unet import UNet
from models.vae.kl import AutoencoderKL
from training.autoencoder import encode
from training.denoiser import FIGURE_WEIGHT, level_weights, signal_levels
from training.latents import CHUNK, cover_of
from training.loop import Settings, Training, seeded
from training.shapes import BACKGROUNDS, COLOURS, KINDS, SIDE, Bytes, Figure, draw

logger = logging.getLogger(__name__)

SETTINGS = Settings(
    steps=1600,
    learning_rate=1.0e-3,
    batch=32,
    warmup=100,
    hold=0.6,
    average=0.995,
    seed=41,
    parts=2,
)
HINT_WIDTHS = (8, 16, 32, 64)
PICTURES = 4096
SEED = 11
DROPPED_CAPTIONS = 0.4
SMALLEST_RADIUS, LARGEST_RADIUS = 14.0, 34.0
# Colours of neighbours that differ by more than this, of 255, have an edge between them.
EDGE = 24


def free_scene(index: int, seed: int = SEED) -> tuple[Figure, str, str, str]:
    """A figure of any size anywhere, and the words for its kind, its colour and what is behind."""
    rng = random.Random(f"free {seed}:{index}")
    kind, colour = rng.choice(list(KINDS)), rng.choice(list(COLOURS))
    background = rng.choice([name for name in BACKGROUNDS if name != colour])
    radius = rng.uniform(SMALLEST_RADIUS, LARGEST_RADIUS)
    x, y = (rng.uniform(radius, SIDE - radius) for _ in range(2))
    return Figure(kind, x, y, radius, COLOURS[colour]), kind, colour, background


def picture_of(index: int, seed: int = SEED) -> Bytes:
    """The picture (H, W, 3) of a scene."""
    figure, _, _, background = free_scene(index, seed)
    return draw([figure], BACKGROUNDS[background])


def edges_of(picture: Bytes) -> NDArray[np.float32]:
    """Where neighbours in a picture (H, W, 3) differ: (H, W), 0 or 1."""
    values = picture.astype(np.int16)
    edges = np.zeros(picture.shape[:2], dtype=np.float32)
    edges[:, 1:] = np.abs(np.diff(values, axis=1)).max(axis=2) > EDGE
    below = np.abs(np.diff(values, axis=0)).max(axis=2) > EDGE
    edges[1:] = np.maximum(edges[1:], below)
    return edges


def caption_of(kind: str, colour: str, background: str) -> str:
    """A prompt that says what, but not where or how large."""
    return f"a {colour} {kind} on a {background} background"


class EdgeSet:
    """Pictures with their latents, scaled for the denoiser; hints are drawn anew when they are needed."""

    def __init__(self, checkpoint: Checkpoint, file: Path, count: int = PICTURES) -> None:
        assert checkpoint.vae is not None
        assert checkpoint.clip is not None
        vae = checkpoint.vae.base.network
        assert isinstance(vae, AutoencoderKL)
        scale = checkpoint.model.base.latent.scale
        self.latents = torch.load(file, weights_only=True) if file.exists() else _encoded(vae, count, scale)
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            torch.save(self.latents, file)
        self.captions = [caption_of(*free_scene(index)[1:]) for index in range(len(self.latents))]
        texts = sorted({"", *self.captions})
        clip = checkpoint.clip.base
        self.contexts = {text: encode_prompt(clip, text)[0] for text in texts}
        self.covers = torch.from_numpy(
            np.stack([cover_of([free_scene(i)[0]]) for i in range(len(self.latents))])
        )

    def hints(self, chosen: list[int]) -> Tensor:
        """The hints (B, 3, H, W) of pictures."""
        maps = np.stack([edges_of(picture_of(index)) for index in chosen])
        return torch.from_numpy(maps)[:, None].expand(-1, 3, -1, -1).contiguous()


def _encoded(vae: AutoencoderKL, count: int, scale: float) -> Tensor:
    parts = []
    for first in range(0, count, CHUNK):
        pictures = [picture_of(index) for index in range(first, first + CHUNK)]
        parts.append((encode(vae, pictures) * scale).half())
        if first % 1024 == 0:
            logger.info("encoded %d of %d pictures", first, count)
    return torch.cat(parts)


def copied(unet: UNet) -> ControlNet:
    """An untrained ControlNet: the way down of a UNet, and convolutions that start at zero."""
    control = ControlNet(ControlNetConfig(unet.config, hint_widths=HINT_WIDTHS))
    weights = {name: value.clone() for name, value in unet.state_dict().items()}
    missing, _ = control.load_state_dict(weights, strict=False)
    assert all(name.startswith(("input_hint_block", "zero_convs", "middle_block_out")) for name in missing)
    zeros: list[nn.Module] = [*control.zero_convs.modules(), control.input_hint_block[-1]]
    if hasattr(control, "middle_block_out"):
        zeros += control.middle_block_out.modules()
    for module in zeros:
        if isinstance(module, nn.Conv2d):
            nn.init.zeros_(module.weight)
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]
    return control.requires_grad_(True).train()


def edge_loss(
    control: ControlNet, unet: UNet, data: EdgeSet, settings: Settings, levels: Tensor, step: int, part: int
) -> Tensor:
    """Weighted squared error of the noise that the steered UNet predicts, of one part of a batch."""
    generator = seeded(settings.seed, step)
    rng = random.Random(f"{settings.seed}:{step}")
    chosen = torch.randint(len(data.latents), (settings.batch,), generator=generator)
    texts = ["" if rng.random() < DROPPED_CAPTIONS else data.captions[index] for index in chosen.tolist()]
    offsets = torch.rand(settings.batch, generator=generator)
    shares = (torch.arange(settings.batch) + offsets) / settings.batch
    times = (shares * len(levels)).long().clamp(max=len(levels) - 1)
    latents = data.latents[chosen].float()
    noise = torch.randn(latents.shape, generator=generator)
    signal = levels[times]
    root = signal[:, None, None, None]
    noisy = root.sqrt() * latents + (1.0 - root).sqrt() * noise
    mine = slice(part, None, settings.parts)
    context = torch.cat([data.contexts[text] for text in texts[mine]])
    x, t, hints = noisy[mine], times[mine].float(), data.hints(chosen[mine].tolist())
    # The fused attention kernel is several times slower backwards on CPUs than plain products.
    with torch.autocast("cpu", dtype=torch.bfloat16), sdpa_kernel(SDPBackend.MATH):
        residuals = control(x, t, context, None, control.encode_hint(hints))
        predicted = unet(x, t, context, control=residuals)
    error = (predicted.float() - noise[mine]).square().mean(dim=1)
    cells = 1.0 + FIGURE_WEIGHT * data.covers[chosen[mine]].float()
    error = (error * cells).sum(dim=(1, 2)) / cells.sum(dim=(1, 2))
    weighted: Tensor = (error * level_weights(signal[mine])).mean()
    return weighted


def train_edges(runs: Path, checkpoint: Checkpoint, settings: Settings = SETTINGS) -> ControlNet:
    """The trained ControlNet, averaged weights in place."""
    unet = checkpoint.model.base.network
    assert isinstance(unet, UNet)
    torch.manual_seed(settings.seed)
    data = EdgeSet(checkpoint, runs / "latents-edges.pt")
    control = copied(unet)
    training = Training(control, settings, runs / "edges.pt")
    training.run(partial(edge_loss, control, unet, data, settings, signal_levels()))
    training.average.install(control)
    return control.requires_grad_(False).eval()

"""Invents scenes with one figure of any size anywhere, and keeps their latents for training on them."""

import logging
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from loaders.checkpoint import Checkpoint
from models.text.encode import encode_prompt
from models.vae.kl import AutoencoderKL
from training.autoencoder import encode
from training.denoiser import FIGURE_WEIGHT, level_weights
from training.latents import CHUNK, cover_of
from training.loop import Settings, seeded
from training.shapes import BACKGROUNDS, COLOURS, KINDS, SIDE, Bytes, Figure, draw

logger = logging.getLogger(__name__)

PICTURES = 4096
SEED = 11
SMALLEST_RADIUS, LARGEST_RADIUS = 14.0, 34.0


def free_figure(rng: random.Random, kind: str, colour: str) -> Figure:
    """A figure of a kind and colour, of any size, anywhere in the picture."""
    radius = rng.uniform(SMALLEST_RADIUS, LARGEST_RADIUS)
    x, y = (rng.uniform(radius, SIDE - radius) for _ in range(2))
    return Figure(kind, x, y, radius, COLOURS[colour])


def free_scene(index: int, seed: int = SEED) -> tuple[Figure, str, str, str]:
    """A figure of any size anywhere, and the words for its kind, its colour and what is behind."""
    rng = random.Random(f"free {seed}:{index}")
    kind, colour = rng.choice(list(KINDS)), rng.choice(list(COLOURS))
    background = rng.choice([name for name in BACKGROUNDS if name != colour])
    return free_figure(rng, kind, colour), kind, colour, background


def picture_of(index: int, seed: int = SEED) -> Bytes:
    """The picture (H, W, 3) of a scene."""
    figure, _, _, background = free_scene(index, seed)
    return draw([figure], BACKGROUNDS[background])


class FreeSet:
    """Pictures of free scenes as latents, scaled for the denoiser, with the contexts of texts.

    Attributes:
        latents: (N, 4, h, w), half precision.
        covers: (N, h, w) which cells the figure touches.
        contexts: what the text encoder says to each of some texts.
    """

    def __init__(self, checkpoint: Checkpoint, file: Path, texts: set[str], count: int = PICTURES) -> None:
        assert checkpoint.vae is not None
        assert checkpoint.clip is not None
        vae = checkpoint.vae.base.network
        assert isinstance(vae, AutoencoderKL)
        scale = checkpoint.model.base.latent.scale
        self.latents = torch.load(file, weights_only=True) if file.exists() else _encoded(vae, count, scale)
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            torch.save(self.latents, file)
        self.contexts = {text: encode_prompt(checkpoint.clip.base, text)[0] for text in sorted(texts)}
        covers = [cover_of([free_scene(index)[0]]) for index in range(len(self.latents))]
        self.covers = torch.from_numpy(np.stack(covers))


def _encoded(vae: AutoencoderKL, count: int, scale: float) -> Tensor:
    parts = []
    for first in range(0, count, CHUNK):
        pictures = [picture_of(index) for index in range(first, min(count, first + CHUNK))]
        parts.append((encode(vae, pictures) * scale).half())
        if first % 1024 == 0:
            logger.info("encoded %d of %d pictures", first, count)
    return torch.cat(parts)


@dataclass(frozen=True)
class Noised:
    """One part of a batch of noised latents.

    Attributes:
        chosen: (B,) the numbers of the scenes.
        noisy: (B, 4, h, w) latents with noise.
        noise: (B, 4, h, w) that noise.
        times: (B,) levels of noise, as the denoiser counts them.
        signal: (B,) share of the latents in the noisy ones.
        covers: (B, h, w) which cells figures touch.
    """

    chosen: list[int]
    noisy: Tensor
    noise: Tensor
    times: Tensor
    signal: Tensor
    covers: Tensor

    def loss(self, predicted: Tensor) -> Tensor:
        """The weighted squared error of predicted noise (B, 4, h, w)."""
        error = (predicted.float() - self.noise).square().mean(dim=1)
        cells = 1.0 + FIGURE_WEIGHT * self.covers.float()
        error = (error * cells).sum(dim=(1, 2)) / cells.sum(dim=(1, 2))
        weighted: Tensor = (error * level_weights(self.signal)).mean()
        return weighted


def noised(data: FreeSet, settings: Settings, levels: Tensor, step: int, part: int) -> Noised:
    """The scenes and the noise of a step; every part of it draws the same and takes its share."""
    generator = seeded(settings.seed, step)
    chosen = torch.randint(len(data.latents), (settings.batch,), generator=generator)
    offsets = torch.rand(settings.batch, generator=generator)
    shares = (torch.arange(settings.batch) + offsets) / settings.batch
    times = (shares * len(levels)).long().clamp(max=len(levels) - 1)
    latents = data.latents[chosen].float()
    noise = torch.randn(latents.shape, generator=generator)
    signal = levels[times]
    root = signal[:, None, None, None]
    noisy = root.sqrt() * latents + (1.0 - root).sqrt() * noise
    mine = slice(part, None, settings.parts)
    return Noised(
        chosen[mine].tolist(),
        noisy[mine],
        noise[mine],
        times[mine].float(),
        signal[mine],
        data.covers[chosen[mine]],
    )

"""Draws many prompts at once while training goes on; the app itself samples with `schedulers`.

Reference: Song et al. 2021 (arXiv:2010.02502), equation 12 with eta 0.
"""

from itertools import pairwise

import torch
from torch import Tensor

from models.diffusion import LatentFormat
from models.vae.kl import AutoencoderKL
from training.denoiser import Denoiser, signal_levels
from training.measure import judge
from training.scenes import Scene
from training.shapes import Bytes

ATTRIBUTES = ("shape", "colour", "size", "place", "background", "everything")


@torch.no_grad()
def sample_latents(
    network: Denoiser, captions: list[str], *, steps: int = 20, scale: float = 4.0, seed: int = 0
) -> Tensor:
    """Latents (B, C, h, w), in the denoiser's units, of captions."""
    levels = signal_levels()
    times = torch.linspace(len(levels) - 1, 0, steps + 1).round().long()
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(len(captions), 4, 16, 16, generator=generator)
    rows = network.table.encode(captions + [""] * len(captions))
    context = network.context(rows)
    for now, after in pairwise(times):
        t = torch.full((2 * len(captions),), float(now))
        with_text, without = network.unet(torch.cat([x, x]), t, context).chunk(2)
        noise = without + scale * (with_text - without)
        clean = (x - (1 - levels[now]).sqrt() * noise) / levels[now].sqrt()
        level = levels[after] if after > 0 else torch.ones(())
        x = level.sqrt() * clean + (1 - level).sqrt() * noise
    return x


@torch.no_grad()
def sample_pictures(
    network: Denoiser, autoencoder: AutoencoderKL, captions: list[str], *, scale: float = 4.0, seed: int = 0
) -> list[Bytes]:
    """Pictures (H, W, 3) of captions."""
    pictures: list[Bytes] = []
    for first in range(0, len(captions), 32):
        latents = sample_latents(network, captions[first : first + 32], scale=scale, seed=seed + first)
        decoded = autoencoder.decode(latents / LatentFormat().scale)
        pictures += list((decoded * 255.0).round().to(torch.uint8).numpy())
    return pictures


def accuracy(pictures: list[Bytes], scenes: list[Scene]) -> dict[str, float]:
    """The share of pictures that have each attribute of their scene."""
    verdicts = [judge(picture, scene) for picture, scene in zip(pictures, scenes, strict=True)]
    return {name: sum(getattr(v, name) for v in verdicts) / len(verdicts) for name in ATTRIBUTES}

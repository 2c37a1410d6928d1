"""Sampling of latent consistency models (Luo et al. 2023, algorithm 3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from schedulers.path import Path
from schedulers.step import Denoiser, Noise, Step


def lcm(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    noise: Noise,
    *,
    path: Path,
    s_noise: float = 1.0,
    s_noise_end: float | None = None,
    noise_clip: float = 0.0,
) -> Iterator[Step]:
    """Jump to the prediction, then noise it to the next sigma; x: (B, C, H, W).

    s_noise, s_noise_end: factors of the first and of the last noise that is added, None = the same; those
        between lie on a straight line.
    noise_clip: how many standard deviations of noise are left in it; 0 = all.
    """
    last = max(1, sum(sigma > 0 for sigma in sigmas[1:]) - 1)
    end = s_noise if s_noise_end is None else s_noise_end
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        x = denoised
        if sigma_next > 0:
            drawn = noise(sigma, sigma_next)
            if noise_clip > 0:
                drawn = drawn.clamp(-noise_clip, noise_clip)
            factor = s_noise + (end - s_noise) * index / last
            x = path.noised(denoised, drawn if factor == 1.0 else drawn * factor, sigma_next)
        yield Step(index, sigma_next, x, denoised)


def lcm_upscale(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    *,
    scale: float,
    scale_steps: int | None,
    resize: Callable[[Tensor, int, int], Tensor],
) -> Iterator[Step]:
    """The same, with predictions that grow to `scale` times their size in even parts; x: (B, C, H, W).

    scale_steps: steps after which the latent grows, None = about half of them.
    resize: (latent, width, height) -> latent.
    Noise comes from torch's global generator, as workflows expect, and is added to the picture as it is.
    """
    most = len(sigmas)
    parts = max(most // 2, 1) if scale_steps is None else min(scale_steps, most)
    height, width = x.shape[-2:]
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        x = denoised
        if index < parts:
            factor = 1.0 + (scale - 1.0) * (index + 1) / parts
            x = resize(x, round(width * factor), round(height * factor))
        if sigma_next > 0:
            x = x + torch.randn_like(x) * sigma_next
        yield Step(index, sigma_next, x, denoised)

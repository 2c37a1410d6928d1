"""Ancestral sampling of denoising diffusion models (Ho et al. 2020, algorithm 2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from torch import Tensor

from schedulers.samplers.ancestral import split
from schedulers.step import Denoiser, Noise, Step


def ddpm(
    denoise: Denoiser, x: Tensor, sigmas: Sequence[float], noise: Noise, *, noisy_end: bool = True
) -> Iterator[Step]:
    """Equation 11 of the paper; x: (B, C, H, W).

    In units where the picture keeps its size, its mean is denoised + (next / sigma)^2 (x - denoised) and its
    deviation the "up" of an ancestral step.
    noisy_end: the last step draws noise too, where it ends above 0.
    """
    steps = len(sigmas) - 1
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        x = denoised + (sigma_next / sigma) ** 2 * (x - denoised)
        if sigma_next > 0 and (noisy_end or index < steps - 1):
            _, up = split(sigma, sigma_next)
            x = x + noise(sigma, sigma_next) * up
        yield Step(index, sigma_next, x, denoised)

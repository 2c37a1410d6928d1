"""Euler's method on the probability-flow ODE and its ancestral form (Karras et al. 2022; k-diffusion)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from torch import Tensor

from schedulers.samplers.ancestral import split
from schedulers.step import Denoiser, Noise, Step


def euler(denoise: Denoiser, x: Tensor, sigmas: Sequence[float]) -> Iterator[Step]:
    """Euler's method (Karras et al. 2022, algorithm 2 without the correction and churn); x: (B, C, H, W)."""
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        slope = (x - denoised) / sigma
        x = x + slope * (sigma_next - sigma)
        yield Step(index, sigma_next, x, denoised)


def euler_ancestral(denoise: Denoiser, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Iterator[Step]:
    """Euler's method to below the next sigma, then fresh noise up to it; x: (B, C, H, W)."""
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        down, up = split(sigma, sigma_next)
        if down == 0:
            x = denoised
        else:
            slope = (x - denoised) / sigma
            x = x + slope * (down - sigma) + noise(sigma, sigma_next) * up
        yield Step(index, sigma_next, x, denoised)

"""Heun's method on the probability-flow ODE (Karras et al. 2022, algorithm 2 without churn)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from torch import Tensor

from schedulers.step import Denoiser, Step


def heun(denoise: Denoiser, x: Tensor, sigmas: Sequence[float]) -> Iterator[Step]:
    """Second order: Euler, then the mean of both ends' slopes; Euler to sigma 0; x: (B, C, H, W)."""
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        slope = (x - denoised) / sigma
        ahead = x + slope * (sigma_next - sigma)
        if sigma_next != 0:
            slope_ahead = (ahead - denoise(ahead, sigma_next)) / sigma_next
            ahead = x + (slope + slope_ahead) / 2 * (sigma_next - sigma)
        x = ahead
        yield Step(index, sigma_next, x, denoised)

"""Gradient estimation: the slope is pushed on by its last change (Permenter & Yuan 2024, algorithm 2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from torch import Tensor

from schedulers.step import Denoiser, Step

GAMMA = 2.0


def gradient_estimation(denoise: Denoiser, x: Tensor, sigmas: Sequence[float]) -> Iterator[Step]:
    """Euler with slope + (gamma - 1) (slope - last slope), gamma = 2; x: (B, C, H, W)."""
    last: Tensor | None = None
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        slope = (x - denoised) / sigma
        if sigma_next == 0:
            x = denoised
        else:
            x = x + slope * (sigma_next - sigma)
            if last is not None:
                x = x + (GAMMA - 1) * (slope - last) * (sigma_next - sigma)
        last = slope
        yield Step(index, sigma_next, x, denoised)

"""Euler's method on the probability-flow ODE and its ancestral form (Karras et al. 2022; k-diffusion)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from torch import Tensor

from schedulers.path import Path
from schedulers.samplers.ancestral import leap
from schedulers.step import Denoiser, Noise, Step


def euler(denoise: Denoiser, x: Tensor, sigmas: Sequence[float]) -> Iterator[Step]:
    """Euler's method (Karras et al. 2022, algorithm 2 without the correction and churn); x: (B, C, H, W)."""
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        slope = (x - denoised) / sigma
        x = x + slope * (sigma_next - sigma)
        yield Step(index, sigma_next, x, denoised)


def euler_ancestral(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    noise: Noise,
    *,
    path: Path,
    eta: float = 1.0,
    s_noise: float = 1.0,
) -> Iterator[Step]:
    """Euler's method to below the next sigma, then fresh noise up to it; x: (B, C, H, W).

    eta: share of the noise that is renewed, 0 = none; s_noise: factor of what is added.
    """
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        down, scale, up = leap(path, sigma, sigma_next, eta)
        if sigma_next == 0 or (down == 0 and not path.flow):
            x = denoised
        else:
            slope = (x - denoised) / sigma
            x = x + slope * (down - sigma)
            if eta > 0:
                x = x * scale + noise(sigma, sigma_next) * (s_noise * up)
        yield Step(index, sigma_next, x, denoised)

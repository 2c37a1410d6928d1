"""The midpoint method on the probability-flow ODE, as DPM-Solver-2 in sigma (Lu et al. 2022a)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from torch import Tensor

from schedulers.path import Path
from schedulers.samplers.ancestral import leap
from schedulers.step import Denoiser, Noise, Step


def _moved(denoise: Denoiser, x: Tensor, denoised: Tensor, sigma: float, target: float) -> Tensor:
    """The state (B, C, H, W) at a lower sigma, by the slope at the geometric middle; Euler to sigma 0."""
    slope = (x - denoised) / sigma
    if target == 0:
        return x + slope * (target - sigma)
    middle = math.sqrt(sigma * target)
    halfway = x + slope * (middle - sigma)
    return x + (halfway - denoise(halfway, middle)) / middle * (target - sigma)


def dpm_2(denoise: Denoiser, x: Tensor, sigmas: Sequence[float]) -> Iterator[Step]:
    """Second order with one evaluation halfway; x: (B, C, H, W)."""
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        x = _moved(denoise, x, denoised, sigma, sigma_next)
        yield Step(index, sigma_next, x, denoised)


def dpm_2_ancestral(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    noise: Noise,
    *,
    path: Path,
    eta: float = 1.0,
    s_noise: float = 1.0,
) -> Iterator[Step]:
    """The same to below the next sigma, then fresh noise up to it; x: (B, C, H, W).

    eta: share of the noise that is renewed, 0 = none; s_noise: factor of what is added.
    """
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        down, scale, up = leap(path, sigma, sigma_next, eta)
        x = _moved(denoise, x, denoised, sigma, down)
        if down != 0:
            x = x * scale + noise(sigma, sigma_next) * (s_noise * up)
        yield Step(index, sigma_next, x, denoised)

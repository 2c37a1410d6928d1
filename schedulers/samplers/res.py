"""RES, refined exponential solvers (Zhang et al. 2023), multistep of second order."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from torch import Tensor

from schedulers.samplers.ancestral import split
from schedulers.step import Denoiser, Noise, Step


def multistep_weights(
    sigma: float, down: float, sigma_before: float, down_before: float
) -> tuple[float, float]:
    """Factors of the newest and the previous prediction for the step from sigma to down.

    sigma_before, down_before: the sigma the previous step left from and the one it went down to.
    """
    width = math.log(sigma / down)
    reach = math.log(down_before / sigma_before) / width
    phi_1 = math.expm1(-width) / -width
    phi_2 = (phi_1 - 1) / -width
    return width * (phi_1 - phi_2 / reach), width * phi_2 / reach


def _res_multistep(
    denoise: Denoiser, x: Tensor, sigmas: Sequence[float], eta: float, noise: Noise | None
) -> Iterator[Step]:
    previous: Tensor | None = None
    sigma_before = down_before = 0.0
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        down, up = split(sigma, sigma_next, eta)
        if previous is None or down in (0.0, sigma) or sigma_before == down_before:
            x = x + (x - denoised) / sigma * (down - sigma)
        else:
            newest, older = multistep_weights(sigma, down, sigma_before, down_before)
            x = (down / sigma) * x + newest * denoised + older * previous
        if sigma_next > 0 and noise is not None:
            x = x + noise(sigma, sigma_next) * up
        previous, sigma_before, down_before = denoised, sigma, down
        yield Step(index, sigma_next, x, denoised)


def res_multistep(denoise: Denoiser, x: Tensor, sigmas: Sequence[float]) -> Iterator[Step]:
    """The deterministic solver; x: (B, C, H, W)."""
    return _res_multistep(denoise, x, sigmas, 0.0, None)


def res_multistep_ancestral(
    denoise: Denoiser, x: Tensor, sigmas: Sequence[float], noise: Noise
) -> Iterator[Step]:
    """The same to below the next sigma, then fresh noise up to it; x: (B, C, H, W)."""
    return _res_multistep(denoise, x, sigmas, 1.0, noise)

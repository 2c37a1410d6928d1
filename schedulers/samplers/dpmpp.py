"""DPM-Solver++ on data predictions (Lu et al. 2022b), with lambda = -log sigma (crowsonkb/k-diffusion)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from torch import Tensor

from schedulers.path import Path
from schedulers.samplers.ancestral import leap
from schedulers.step import Denoiser, Noise, Step

_HIGHEST_MIDDLE = 0.9999


def dpmpp_2m(denoise: Denoiser, x: Tensor, sigmas: Sequence[float]) -> Iterator[Step]:
    """DPM-Solver++(2M) (algorithm 2): the last two predictions, extrapolated to mid-step; x: (B, C, H, W)."""
    previous: Tensor | None = None
    last_width = 0.0
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        if sigma_next == 0:
            x = denoised
        else:
            width = math.log(sigma / sigma_next)
            ahead = denoised
            if previous is not None and last_width != 0:
                share = width / (2 * last_width)
                ahead = (1 + share) * denoised - share * previous
            x = (sigma_next / sigma) * x - math.expm1(-width) * ahead
            last_width = width
        previous = denoised
        yield Step(index, sigma_next, x, denoised)


def _middle(path: Path, sigma: float, down: float) -> float:
    """The level halfway in lambda between two; from pure noise on a flow, which has none, just below it."""
    if not path.flow:
        return math.sqrt(sigma * down)
    if sigma >= 1.0:
        return _HIGHEST_MIDDLE
    return path.sigma_of((path.lambda_of(sigma) + path.lambda_of(down)) / 2)


def dpmpp_2s_ancestral(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    noise: Noise,
    *,
    path: Path,
    eta: float = 1.0,
    s_noise: float = 1.0,
) -> Iterator[Step]:
    """DPM-Solver++(2S) (algorithm 1) to below the next sigma, then fresh noise up to it; x: (B, C, H, W).

    eta: share of the noise that is renewed, 0 = none; s_noise: factor of what is added.
    """
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        down, scale, up = leap(path, sigma, sigma_next, eta)
        if down == 0:
            x = denoised
        else:
            middle = _middle(path, sigma, down)
            halfway = (middle / sigma) * x + (1 - middle / sigma) * denoised
            x = (down / sigma) * x + (1 - down / sigma) * denoise(halfway, middle)
        if sigma_next > 0 and eta > 0:
            x = x * scale + noise(sigma, sigma_next) * (s_noise * up)
        yield Step(index, sigma_next, x, denoised)

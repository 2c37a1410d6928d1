"""DPM-Solver++ on data predictions (Lu et al. 2022b), with lambda = -log sigma (crowsonkb/k-diffusion)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from torch import Tensor

from schedulers.samplers.ancestral import split
from schedulers.step import Denoiser, Noise, Step


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


def dpmpp_2s_ancestral(denoise: Denoiser, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Iterator[Step]:
    """DPM-Solver++(2S) (algorithm 1) to below the next sigma, then fresh noise up to it; x: (B, C, H, W)."""
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        down, up = split(sigma, sigma_next)
        if down == 0:
            x = denoised
        else:
            width = math.log(sigma / down)
            middle = math.sqrt(sigma * down)
            halfway = (middle / sigma) * x - math.expm1(-width / 2) * denoised
            x = (down / sigma) * x - math.expm1(-width) * denoise(halfway, middle)
        if sigma_next > 0:
            x = x + noise(sigma, sigma_next) * up
        yield Step(index, sigma_next, x, denoised)

"""DPM-Solver++ on data predictions (Lu et al. 2022), with lambda = -log sigma (crowsonkb/k-diffusion)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from torch import Tensor

from schedulers.step import Denoiser, Step


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

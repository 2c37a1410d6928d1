"""DPM-Solver++ on the diffusion SDE (Lu et al. 2022, section 5; crowsonkb/k-diffusion), eta = 1."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from torch import Tensor

from schedulers.step import Denoiser, Noise, Step


def dpmpp_2m_sde(denoise: Denoiser, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Iterator[Step]:
    """SDE-DPM-Solver++(2M), the midpoint form; x: (B, C, H, W)."""
    previous: Tensor | None = None
    last_width = 0.0
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        if sigma_next == 0:
            x = denoised
        else:
            width = math.log(sigma / sigma_next)
            gain = -math.expm1(-2 * width)
            x = (sigma_next / sigma) * math.exp(-width) * x + gain * denoised
            if previous is not None and last_width != 0:
                x = x + 0.5 * gain * (width / last_width) * (denoised - previous)
            x = x + noise(sigma, sigma_next) * (sigma_next * math.sqrt(-math.expm1(-2 * width)))
            last_width = width
        previous = denoised
        yield Step(index, sigma_next, x, denoised)

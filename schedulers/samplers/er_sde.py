"""ER-SDE: extended reverse-time SDE solvers (Cui et al. 2023)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from torch import Tensor

from schedulers.path import Path
from schedulers.step import Denoiser, Noise, Step

_PIECES = 200

NoiseScale = Callable[[float], float]


def er_sde_5(ratio: float) -> float:
    """The noise scale of the paper's best setting at a noise-to-signal ratio."""
    return ratio * (math.exp(ratio**0.3) + 10.0)


def reverse_time(eta: float) -> NoiseScale:
    """The noise scale of the reverse SDE with noise of strength eta; eta 0 makes the ODE."""
    return lambda ratio: float(ratio ** (eta + 1.0))


def er_sde(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    noise: Noise,
    *,
    path: Path,
    noise_scale: NoiseScale = er_sde_5,
    max_stage: int = 3,
    s_noise: float = 1.0,
) -> Iterator[Step]:
    """Up to third order in the predictions' derivatives; x: (B, C, H, W).

    noise_scale: how noise grows with the noise-to-signal ratio; max_stage: highest order.
    s_noise: factor of what is added.
    """
    levels = path.with_finite_start(sigmas)
    ratios = [path.ratio_of(level) for level in levels]
    previous: Tensor | None = None
    previous_slope: Tensor | None = None
    for index, (sigma, sigma_next) in enumerate(pairwise(levels)):
        denoised = denoise(x, sigma)
        slope: Tensor | None = None
        if sigma_next == 0:
            x = denoised
        else:
            here, there = ratios[index], ratios[index + 1]
            alpha = path.alpha_of(sigma_next)
            kept = noise_scale(there) / noise_scale(here)
            x = (alpha / path.alpha_of(sigma) * kept) * x + alpha * (1 - kept) * denoised
            width = there - here
            piece = -width / _PIECES
            points = [there + number * piece for number in range(_PIECES)]
            if max_stage >= 2 and previous is not None and ratios[index - 1] != here:
                slope = (denoised - previous) / (here - ratios[index - 1])
                area = sum(1 / noise_scale(point) for point in points) * piece
                x = x + (alpha * (width + area * noise_scale(there))) * slope
            if max_stage >= 3 and slope is not None and previous_slope is not None:
                bend = (slope - previous_slope) / ((here - ratios[index - 2]) / 2)
                moment = sum((point - here) / noise_scale(point) for point in points) * piece
                x = x + (alpha * (width**2 / 2 + moment * noise_scale(there))) * bend
            if s_noise > 0:
                fresh = max(there**2 - (here * kept) ** 2, 0.0)
                x = x + noise(sigma, sigma_next) * (alpha * s_noise * math.sqrt(fresh))
        previous, previous_slope = denoised, slope
        yield Step(index, sigma_next, x, denoised)

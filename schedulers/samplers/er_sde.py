"""ER-SDE: extended reverse-time SDE solver of third order (Cui et al. 2023, variance exploding)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from torch import Tensor

from schedulers.step import Denoiser, Noise, Step

_PIECES = 200


def _phi(sigma: float) -> float:
    """The noise scale function of the paper's best setting (ER-SDE 5)."""
    return sigma * (math.exp(sigma**0.3) + 10.0)


def er_sde(denoise: Denoiser, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Iterator[Step]:
    """Third order in the predictions' derivatives; x: (B, C, H, W)."""
    previous: Tensor | None = None
    previous_slope: Tensor | None = None
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        slope: Tensor | None = None
        if sigma_next == 0:
            x = denoised
        else:
            ratio = _phi(sigma_next) / _phi(sigma)
            x = ratio * x + (1 - ratio) * denoised
            width = sigma_next - sigma
            piece = -width / _PIECES
            points = [sigma_next + number * piece for number in range(_PIECES)]
            if previous is not None and sigmas[index - 1] != sigma:
                slope = (denoised - previous) / (sigma - sigmas[index - 1])
                area = sum(1 / _phi(point) for point in points) * piece
                x = x + (width + area * _phi(sigma_next)) * slope
            if slope is not None and previous_slope is not None:
                bend = (slope - previous_slope) / ((sigma - sigmas[index - 2]) / 2)
                moment = sum((point - sigma) / _phi(point) for point in points) * piece
                x = x + (width**2 / 2 + moment * _phi(sigma_next)) * bend
            fresh = sigma_next**2 - (sigma * ratio) ** 2
            x = x + noise(sigma, sigma_next) * math.sqrt(max(fresh, 0.0))
        previous, previous_slope = denoised, slope
        yield Step(index, sigma_next, x, denoised)

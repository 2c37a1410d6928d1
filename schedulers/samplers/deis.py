"""Diffusion exponential integrator sampling (Zhang & Chen 2023, tAB-DEIS; zju-pi/diff-sampler)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy
import torch
from torch import Tensor

from schedulers.step import Denoiser, Step

_HIGHEST_ORDER = 3
_PIECES = 10_000
_SIGMA_MIN, _SIGMA_MAX, _T_MIN = 0.002, 80.0, 1e-3


def _variance_preserving() -> tuple[float, float]:
    """(slope, start) of beta(t) = start + slope t for which sigma(0.001) = 0.002 and sigma(1) = 80."""
    low, high = math.log(_SIGMA_MIN**2 + 1), math.log(_SIGMA_MAX**2 + 1)
    slope = 2 * (low / _T_MIN - high) / (_T_MIN - 1)
    return slope, high - slope / 2


def _time(sigma: float) -> float:
    slope, start = _variance_preserving()
    return (math.sqrt(start**2 + 2 * slope * math.log(sigma**2 + 1)) - start) / slope


def _weights(times: Sequence[float], end: float) -> list[float]:
    """Factors of the slopes at times (newest first) for the step from times[0] to end, by a Riemann sum."""
    slope, start = _variance_preserving()
    t = torch.linspace(times[0], end, _PIECES, dtype=torch.float64)
    kept = torch.exp(-0.5 * t**2 * slope - t * start)
    rate = 0.5 * (t * slope + start) / (kept * (1 - kept)).sqrt()
    weights = []
    for place, node in enumerate(times):
        basis = torch.ones_like(t)
        for other_place, other in enumerate(times):
            if other_place != place:
                basis = basis * (t - other) / (node - other)
        weights.append(float((rate * basis).sum()) * (end - times[0]) / _PIECES)
    return weights


def deis(denoise: Denoiser, x: Tensor, sigmas: Sequence[float]) -> Iterator[Step]:
    """Third order in the time of a fixed variance-preserving process; Euler at both ends; x: (B, C, H, W)."""
    times = [_time(sigma) for sigma in sigmas]
    slopes: list[Tensor] = []
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        slopes = [(x - denoised) / sigma, *slopes[: _HIGHEST_ORDER - 1]]
        order = len(slopes)
        if sigma_next == 0 or order == 1:
            x = x + slopes[0] * (sigma_next - sigma)
        else:
            nodes = [times[index - back] for back in range(order)]
            for weight, slope in zip(_weights(nodes, times[index + 1]), slopes, strict=True):
                x = x + slope * weight
        yield Step(index, sigma_next, x, denoised)


def _log_weights(sigmas: Sequence[float], end: float) -> list[float]:
    """Factors of the slopes at sigmas (newest first) that integrate polynomials of log sigma to the end."""
    logs = [math.log(sigma / sigmas[0]) for sigma in sigmas]
    width = math.log(end / sigmas[0])
    moments = [end - sigmas[0]]
    for power in range(1, len(sigmas)):
        moments.append(end * width**power - power * moments[-1])
    return [float(one) for one in numpy.linalg.solve(numpy.vander(logs, increasing=True).T, moments)]


def deis_log(
    denoise: Denoiser, x: Tensor, sigmas: Sequence[float], *, order: int = 2, few: int = 15
) -> Iterator[Step]:
    """The same with polynomials of log sigma (the paper's log-rho variant); x: (B, C, H, W).

    order: how many slopes are kept; with fewer steps than `few` the last steps are of lower order.
    The step to sigma 0 is the prediction.
    """
    steps = len(sigmas) - 1
    slopes: list[Tensor] = []
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        slopes = [(x - denoised) / sigma, *slopes[: order - 1]]
        if sigma_next == 0:
            x = denoised
        else:
            now = min(len(slopes), steps - index) if steps < few else len(slopes)
            nodes = [sigmas[index - back] for back in range(now)]
            for weight, slope in zip(_log_weights(nodes, sigma_next), slopes[:now], strict=True):
                x = x + slope * weight
        yield Step(index, sigma_next, x, denoised)

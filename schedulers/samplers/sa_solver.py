"""SA-Solver: a stochastic Adams predictor-corrector (Xue et al. 2023, algorithm 1, data prediction)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy
from torch import Tensor

from schedulers.step import Denoiser, Noise, PercentToSigma, SdeSampler, Step

_PREDICTOR_ORDER = 3
_CORRECTOR_ORDER = 4
_NOISY_FROM, _NOISY_TO = 0.2, 0.8


def _weights(nodes: Sequence[float], start: float, end: float, tau: float) -> list[float]:
    """Factors of predictions made at nodes for the step from start to end, all in lambda = -log sigma.

    They integrate polynomials exactly against (1 + tau^2) e^((1 + tau^2) (lambda - end)) (equation 11).
    """
    rate, width = 1 + tau**2, end - start
    decay = math.exp(-rate * width)
    moments = [1 - decay]
    for power in range(1, len(nodes)):
        moments.append(-((-width) ** power) * decay - power / rate * moments[-1])
    powers = numpy.vander([node - end for node in nodes], increasing=True).T
    return [float(weight) for weight in numpy.linalg.solve(powers, moments)]


class _Interval:
    """The step between two levels; its predictor and its corrector share start and noise."""

    def __init__(self, x: Tensor, sigma: float, sigma_next: float, tau: float, noise: Noise) -> None:
        """x: (B, C, H, W) at sigma; noise is drawn once if tau is above 0."""
        self._sigma, self._sigma_next, self._tau = sigma, sigma_next, tau
        width = math.log(sigma / sigma_next)
        self._base = (sigma_next / sigma) * math.exp(-(tau**2) * width) * x
        if tau > 0:
            spread = sigma_next * math.sqrt(-math.expm1(-2 * tau**2 * width))
            self._base = self._base + noise(sigma, sigma_next) * spread

    def end(self, predictions: Sequence[Tensor], levels: Sequence[float]) -> Tensor:
        """The latent (B, C, H, W) at the end of the step, from predictions at levels."""
        nodes = [-math.log(level) for level in levels]
        weights = _weights(nodes, -math.log(self._sigma), -math.log(self._sigma_next), self._tau)
        x = self._base
        for weight, prediction in zip(weights, predictions, strict=True):
            x = x + weight * prediction
        return x


def _orders(index: int, steps: int, held: int, *, ends_at_zero: bool, twice: bool) -> tuple[int, int]:
    """(predictor, corrector) order at a step: low at the start, and again before an end at sigma 0."""
    predictor, corrector = min(_PREDICTOR_ORDER, held), min(_CORRECTOR_ORDER, held)
    if ends_at_zero:
        predictor, corrector = min(predictor, steps - 1 - index), min(corrector, steps - index)
    last = ends_at_zero and index == steps - 1
    return predictor, 0 if index == 0 or (last and not twice) else corrector


def _sa_solver(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    noise: Noise,
    noisy: tuple[float, float],
    *,
    twice: bool,
) -> Iterator[Step]:
    steps = len(sigmas) - 1
    held: list[Tensor] = []
    interval: _Interval | None = None
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        held = [*held[-(_CORRECTOR_ORDER - 1) :], denoised]
        levels = sigmas[index + 1 - len(held) : index + 1]
        predictor, corrector = _orders(index, steps, len(held), ends_at_zero=sigmas[-1] == 0, twice=twice)
        if interval is not None and corrector > 0:
            x = interval.end(held[-corrector:], levels[-corrector:])
            if twice:
                denoised = denoise(x, sigma)
                held[-1] = denoised
        if sigma_next == 0:
            x = denoised
        elif sigma_next != sigma:
            tau = 1.0 if noisy[1] <= sigma_next <= noisy[0] else 0.0
            interval = _Interval(x, sigma, sigma_next, tau, noise)
            x = interval.end(held[-predictor:], levels[-predictor:])
        yield Step(index, sigma_next, x, denoised)


def _on(percent_to_sigma: PercentToSigma, *, twice: bool) -> SdeSampler:
    noisy = percent_to_sigma(_NOISY_FROM), percent_to_sigma(_NOISY_TO)

    def run(denoise: Denoiser, x: Tensor, sigmas: Sequence[float], noise: Noise) -> Iterator[Step]:
        return _sa_solver(denoise, x, sigmas, noise, noisy, twice=twice)

    return run


def sa_solver(percent_to_sigma: PercentToSigma) -> SdeSampler:
    """SA-Solver with order 3 and 4, noisy (tau = 1) between a fifth and four fifths of sampling."""
    return _on(percent_to_sigma, twice=False)


def sa_solver_pece(percent_to_sigma: PercentToSigma) -> SdeSampler:
    """The same with a second evaluation after each correction."""
    return _on(percent_to_sigma, twice=True)

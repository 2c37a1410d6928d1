"""SA-Solver: a stochastic Adams predictor-corrector (Xue et al. 2023, algorithm 1, data prediction)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy
from torch import Tensor

from schedulers.path import Path
from schedulers.step import Denoiser, Noise, Step

_NOISY_FROM, _NOISY_TO = 0.2, 0.8


def exact_weights(nodes: Sequence[float], start: float, end: float, tau: float) -> list[float]:
    """Factors of predictions made at nodes for the step from start to end, all in lambda.

    They integrate polynomials exactly against (1 + tau^2) e^((1 + tau^2) (lambda - end)) (equation 11).
    """
    rate, width = 1 + tau**2, end - start
    decay = math.exp(-rate * width)
    moments = [1 - decay]
    for power in range(1, len(nodes)):
        moments.append(-((-width) ** power) * decay - power / rate * moments[-1])
    powers = numpy.vander([node - end for node in nodes], increasing=True).T
    return [float(weight) for weight in numpy.linalg.solve(powers, moments)]


def simple_weights(nodes: Sequence[float], start: float, end: float, tau: float) -> list[float]:
    """The same, but two nodes are weighted by the leading terms only (appendix D)."""
    if len(nodes) != 2:
        return exact_weights(nodes, start, end, tau)
    rate, width = 1 + tau**2, end - start
    whole = -math.expm1(-rate * width)
    if nodes[1] == end:
        newest = 0.5 * rate * width
        return [whole - newest, newest]
    older = 0.5 * rate * width**2 / (nodes[0] - start)
    return [older, whole - older]


Weights = Callable[[Sequence[float], float, float, float], list[float]]


class _Interval:
    """The step between two levels; its predictor and its corrector share start and noise."""

    def __init__(
        self, path: Path, x: Tensor, levels: tuple[float, float], tau: float, added: Tensor | None
    ) -> None:
        """x: (B, C, H, W) at the first of the levels; added: noise of unit variance."""
        self._path, self._tau = path, tau
        sigma, sigma_next = levels
        self._alpha = path.alpha_of(sigma_next)
        self._start, self._end = path.lambda_of(sigma), path.lambda_of(sigma_next)
        width = self._end - self._start
        self._base = (sigma_next / sigma) * math.exp(-(tau**2) * width) * x
        if added is not None:
            self._base = self._base + added * (sigma_next * math.sqrt(-math.expm1(-2 * tau**2 * width)))

    def end(self, predictions: Sequence[Tensor], levels: Sequence[float], weights: Weights) -> Tensor:
        """The latent (B, C, H, W) at the end of the step, from predictions at levels."""
        nodes = [self._path.lambda_of(level) for level in levels]
        x = self._base
        factors = weights(nodes, self._start, self._end, self._tau)
        for factor, prediction in zip(factors, predictions, strict=True):
            x = x + (self._alpha * factor) * prediction
        return x


@dataclass(frozen=True)
class _Orders:
    """How many predictions predictor and corrector use."""

    predictor: int
    corrector: int
    twice: bool
    lower_last: bool

    def at(self, index: int, steps: int, held: int, *, ends_at_zero: bool) -> tuple[int, int]:
        """(predictor, corrector) order at a step: low at the start, and again before an end at sigma 0."""
        predictor, corrector = min(self.predictor, held), min(self.corrector, held)
        if self.lower_last:
            predictor, corrector = min(predictor, steps - index), min(corrector, steps - index + 2)
        if ends_at_zero:
            predictor, corrector = min(predictor, steps - 1 - index), min(corrector, steps - index)
        last = ends_at_zero and index == steps - 1
        return predictor, 0 if index == 0 or (last and not self.twice) else corrector


def sa_solver(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    noise: Noise,
    *,
    path: Path,
    predictor_order: int = 3,
    corrector_order: int = 4,
    use_pece: bool = False,
    simple_order_2: bool = False,
    eta: float = 1.0,
    noisy: tuple[float, float] = (_NOISY_FROM, _NOISY_TO),
    s_noise: float = 1.0,
    lower_order_final: bool = False,
) -> Iterator[Step]:
    """SA-Solver, noisy (tau = eta) in a part of sampling; x: (B, C, H, W).

    use_pece: evaluate a second time after each correction; simple_order_2: weights of leading order for two
    predictions; noisy: parts of sampling, 0 = start, between which noise is added; s_noise: factor of it.
    lower_order_final: the last steps are of lower order even where the schedule does not end at 0.
    """
    levels = path.with_finite_start(sigmas)
    steps = len(levels) - 1
    noisy_from, noisy_to = path.percent_to_sigma(noisy[0]), path.percent_to_sigma(noisy[1])
    orders = _Orders(predictor_order, corrector_order, use_pece, lower_order_final)
    weights = simple_weights if simple_order_2 else exact_weights
    kept = max(predictor_order, corrector_order)
    held: list[Tensor] = []
    interval: _Interval | None = None
    for index, (sigma, sigma_next) in enumerate(pairwise(levels)):
        denoised = denoise(x, sigma)
        held = [*held[max(0, len(held) - kept + 1) :], denoised]
        places = levels[index + 1 - len(held) : index + 1]
        predictor, corrector = orders.at(index, steps, len(held), ends_at_zero=levels[-1] == 0)
        if interval is not None and corrector > 0:
            x = interval.end(held[-corrector:], places[-corrector:], weights)
            if use_pece:
                denoised = denoise(x, sigma)
                held[-1] = denoised
        if sigma_next == 0:
            x = denoised
        elif sigma_next != sigma:
            tau = eta if noisy_to <= sigma_next <= noisy_from else 0.0
            added = noise(sigma, sigma_next) * s_noise if tau > 0 else None
            interval = _Interval(path, x, (sigma, sigma_next), tau, added)
            x = interval.end(held[-predictor:], places[-predictor:], weights)
        yield Step(index, sigma_next, x, denoised)

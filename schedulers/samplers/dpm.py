"""DPM-Solver on noise predictions, in sigma (Lu et al. 2022a; crowsonkb/k-diffusion)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from schedulers.samplers.ancestral import split
from schedulers.step import Denoiser, Noise, Step

_THIRD = 1 / 3


class _Interval:
    """One singlestep from sigma to another in units of lambda = -log sigma; slopes are evaluated once."""

    def __init__(self, denoise: Denoiser, x: Tensor, sigma: float, width: float) -> None:
        """x: (B, C, H, W)."""
        self._denoise = denoise
        self._x = x
        self._sigma = sigma
        self._width = width
        self.end = sigma * math.exp(-width)
        self.denoised = denoise(x, sigma)
        self._slope = (x - self.denoised) / sigma
        self._slopes: dict[float, Tensor] = {}

    def first(self) -> Tensor:
        """The latent (B, C, H, W) at the end to first order."""
        return self._x - self.end * math.expm1(self._width) * self._slope

    def second(self, place: float) -> Tensor:
        """To second order, with a second evaluation at a place in (0, 1)."""
        bend = self._at(place, self._x - self._reach(place) * self._slope) - self._slope
        return self.first() - self.end / (2 * place) * math.expm1(self._width) * bend

    def third(self) -> Tensor:
        """To third order, with evaluations at a third and two thirds."""
        place, far = _THIRD, 2 * _THIRD
        bend = self._at(place, self._x - self._reach(place) * self._slope) - self._slope
        rate = math.expm1(far * self._width) / (far * self._width) - 1
        sigma = self._sigma * math.exp(-far * self._width)
        middle = self._x - self._reach(far) * self._slope - sigma * far / place * rate * bend
        bend = self._at(far, middle) - self._slope
        return self.first() - self.end / far * (math.expm1(self._width) / self._width - 1) * bend

    def _reach(self, place: float) -> float:
        return self._sigma * math.exp(-place * self._width) * math.expm1(place * self._width)

    def _at(self, place: float, x: Tensor) -> Tensor:
        """The slope of x (B, C, H, W) at a place of the interval."""
        if place not in self._slopes:
            sigma = self._sigma * math.exp(-place * self._width)
            self._slopes[place] = (x - self._denoise(x, sigma)) / sigma
        return self._slopes[place]


def _ends(sigmas: Sequence[float]) -> tuple[float, float]:
    """First sigma and the last that is not 0."""
    return sigmas[0], sigmas[-1] if sigmas[-1] > 0 else sigmas[-2]


def dpm_fast(denoise: Denoiser, x: Tensor, sigmas: Sequence[float]) -> Iterator[Step]:
    """DPM-Solver-fast: as many evaluations as steps, in even intervals of third order; x: (B, C, H, W).

    Of the schedule only the first sigma and the last above 0 count, and sampling stays at the latter. A step
    is given for each interval, with the index of the last of its evaluations.
    """
    evaluations = len(sigmas) - 1
    if evaluations < 1:
        return
    first, last = _ends(sigmas)
    intervals = evaluations // 3 + 1
    rest = evaluations % 3
    orders = [3] * (intervals - 2) + [2, 1] if rest == 0 else [3] * (intervals - 1) + [rest]
    width = math.log(first / last) / intervals
    done = 0
    for number, order in enumerate(orders):
        interval = _Interval(denoise, x, first * math.exp(-number * width), width)
        if width == 0 or order == 1:
            x = interval.first()
        else:
            x = interval.second(0.5) if order == 2 else interval.third()
        done += order
        yield Step(done - 1, interval.end, x, interval.denoised)


@dataclass(frozen=True)
class Tolerance:
    """How wide the steps of dpm_adaptive may be.

    order: 2 or 3; relative, absolute: error allowed a step; first_width: first width to try, in lambda.
    proportional, integral, derivative: coefficients of the controller.
    accepted: least factor of a step that is taken.
    """

    order: int = 3
    relative: float = 0.05
    absolute: float = 0.0078
    first_width: float = 0.05
    proportional: float = 0.0
    integral: float = 1.0
    derivative: float = 0.0
    accepted: float = 0.81


class _Controller:
    """Chooses widths by a PID rule on the inverse errors of the last three steps (Soderlind 2003)."""

    def __init__(self, tolerance: Tolerance, order: float) -> None:
        p, i, d = tolerance.proportional, tolerance.integral, tolerance.derivative
        self._powers = ((p + i + d) / order, -(p + 2 * d) / order, d / order)
        self._accepted = tolerance.accepted
        self._inverses: list[float] = []
        self.width = tolerance.first_width

    def take(self, error: float) -> bool:
        """Whether a step of this error is taken; either way the next width follows."""
        inverse = 1 / (error + 1e-8)
        self._inverses = [inverse, *(self._inverses[1:] or [inverse, inverse])]
        product = math.prod(one**power for one, power in zip(self._inverses, self._powers, strict=True))
        factor = 1 + math.atan(product - 1)
        self.width *= factor
        if factor < self._accepted:
            return False
        self._inverses = [inverse, inverse, self._inverses[1]]
        return True


def dpm_adaptive(
    denoise: Denoiser, x: Tensor, sigmas: Sequence[float], *, tolerance: Tolerance = Tolerance()
) -> Iterator[Step]:
    """DPM-Solver-12/23, with steps as wide as their error allows; x: (B, C, H, W).

    Of the schedule only the first sigma and the last above 0 count, and sampling stays at the latter. Its
    steps are its own: their index says how far sampling has come. The error is read back each time.
    """
    return _adaptive(denoise, x, sigmas, tolerance, None, 0.0, 0.0)


def dpm_adaptive_sde(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    noise: Noise,
    *,
    tolerance: Tolerance,
    eta: float,
    s_noise: float = 1.0,
) -> Iterator[Step]:
    """The same to below each level, then fresh noise up to it; x: (B, C, H, W).

    eta: share of the noise that is renewed; s_noise: factor of what is added.
    """
    return _adaptive(denoise, x, sigmas, tolerance, noise, eta, s_noise)


def _adaptive(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    tolerance: Tolerance,
    noise: Noise | None,
    eta: float,
    s_noise: float,
) -> Iterator[Step]:
    count = len(sigmas) - 1
    if count < 1:
        return
    first, last = _ends(sigmas)
    whole = math.log(first / last)
    controller = _Controller(tolerance, 1.5 if eta > 0 else tolerance.order)
    place = 0.0
    lower_before = x
    while place < whole - 1e-5:
        reach = min(whole - place, controller.width)
        sigma = first * math.exp(-place)
        sigma_next = sigma * math.exp(-reach)
        down = max(last, split(sigma, sigma_next, eta)[0])
        interval = _Interval(denoise, x, sigma, math.log(sigma / down))
        if tolerance.order == 2:
            lower, higher = interval.first(), interval.second(0.5)
        else:
            lower, higher = interval.second(_THIRD), interval.third()
        allowed = tolerance.relative * torch.maximum(lower.abs(), lower_before.abs())
        misses = (lower - higher) / allowed.clamp(min=tolerance.absolute)
        if controller.take(float(misses.norm()) / math.sqrt(x.numel())):
            lower_before, x = lower, higher
            if noise is not None:
                up = math.sqrt(max(sigma_next**2 - down**2, 0.0))
                x = x + noise(sigma, sigma_next) * (s_noise * up)
            place += reach
            yield Step(min(count - 1, int(count * place / whole)), sigma_next, x, interval.denoised)

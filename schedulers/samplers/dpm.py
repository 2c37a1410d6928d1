"""DPM-Solver on noise predictions, in sigma (Lu et al. 2022a; crowsonkb/k-diffusion)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from schedulers.step import Denoiser, Step

_RELATIVE_TOLERANCE = 0.05
_ABSOLUTE_TOLERANCE = 0.0078
_FIRST_WIDTH = 0.05
_ACCEPTED = 0.81
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


def dpm_adaptive(denoise: Denoiser, x: Tensor, sigmas: Sequence[float]) -> Iterator[Step]:
    """DPM-Solver-12/23 of third order, with steps as wide as their error allows; x: (B, C, H, W).

    Of the schedule only the first sigma and the last above 0 count, and sampling stays at the latter. Its
    steps are its own: their index says how far sampling has come. The error is read back each time.
    """
    count = len(sigmas) - 1
    if count < 1:
        return
    first, last = _ends(sigmas)
    whole = math.log(first / last)
    place, width = 0.0, _FIRST_WIDTH
    lower_before = x
    while place < whole - 1e-5:
        reach = min(whole - place, width)
        interval = _Interval(denoise, x, first * math.exp(-place), reach)
        lower, higher = interval.second(_THIRD), interval.third()
        allowed = _RELATIVE_TOLERANCE * torch.maximum(lower.abs(), lower_before.abs())
        misses = (lower - higher) / allowed.clamp(min=_ABSOLUTE_TOLERANCE)
        error = float(misses.norm()) / math.sqrt(x.numel())
        factor = 1 + math.atan((1 / (error + 1e-8)) ** (1 / 3) - 1)
        if factor >= _ACCEPTED:
            lower_before, x = lower, higher
            place += reach
            yield Step(min(count - 1, int(count * place / whole)), interval.end, x, interval.denoised)
        width *= factor

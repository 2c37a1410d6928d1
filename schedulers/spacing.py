"""What the schedulers of diffusers share: their options, how they choose training steps, levels between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy
import torch
from torch import Tensor

from schedulers.beta_distribution import quantiles
from schedulers.samplers.dpm_solver import Algorithm
from schedulers.sigmas import closed, exponential, karras
from schedulers.step import Method
from schedulers.tables import SigmaTable

Spacing = Literal["linspace", "leading", "trailing"]
Levels = Literal["steps", "karras", "exponential", "beta"]

SPACINGS: tuple[Spacing, ...] = ("linspace", "leading", "trailing")
LEVELS: tuple[Levels, ...] = ("steps", "karras", "exponential", "beta")


@dataclass(frozen=True)
class Options:
    """What a scheduler of diffusers may be told.

    spacing: how training steps are chosen.
    steps_offset: added to the steps of "leading".
    levels: what lies between the ends of the chosen steps: their own noise levels, or a formula's.
    ends_at_zero: the last level is 0, else the lowest of the table.
    order: of multistep methods.
    algorithm, solver_type: of the DPM solvers.
    eta: share of the noise that is renewed (DDIM, TCD), or its strength (SA-Solver).
    """

    spacing: Spacing = "linspace"
    steps_offset: int = 0
    levels: Levels = "steps"
    ends_at_zero: bool = True
    order: int = 2
    algorithm: Algorithm = "dpmsolver++"
    solver_type: Literal["midpoint", "heun"] = "midpoint"
    eta: float = 0.0


class Combination(NamedTuple):
    """Noise levels (n + 1,), float32, and the sampler that walks them."""

    sigmas: Tensor
    method: Method


Times = Callable[[int, int, Options], numpy.ndarray]
Maker = Callable[[int, SigmaTable, Options], Combination]


def level_at(table: SigmaTable, times: numpy.ndarray) -> list[float]:
    """Noise levels at times, linear in sigma between training steps."""
    grid = table.sigmas.numpy().astype(numpy.float64)
    return [float(level) for level in numpy.interp(times, numpy.arange(len(table)), grid)]


def _trailing(steps: int, total: int) -> numpy.ndarray:
    return numpy.round(numpy.arange(total, 0, -total / steps)) - 1


def fractional(steps: int, total: int, options: Options) -> numpy.ndarray:
    """Times of the Euler family, which keeps fractions."""
    if options.spacing == "linspace":
        return numpy.linspace(0, total - 1, steps)[::-1]
    if options.spacing == "leading":
        return (numpy.arange(steps) * (total // steps)).round()[::-1] + options.steps_offset
    return _trailing(steps, total)


def whole(steps: int, total: int, options: Options) -> numpy.ndarray:
    """Times of the multistep family: one more is counted, and they are rounded."""
    if options.spacing == "linspace":
        return numpy.linspace(0, total - 1, steps + 1).round()[::-1][:-1]
    if options.spacing == "leading":
        places = numpy.arange(steps + 1) * (total // (steps + 1))
        return places.round()[::-1][:-1] + options.steps_offset
    return _trailing(steps, total)


def rounded(steps: int, total: int, options: Options) -> numpy.ndarray:
    """Times of the DDPM family."""
    if options.spacing == "linspace":
        return numpy.linspace(0, total - 1, steps).round()[::-1]
    return fractional(steps, total, options)


def between(steps: int, low: float, high: float, levels: Levels) -> Tensor:
    """Levels (steps + 1,) of a formula between two, then 0."""
    if levels == "karras":
        return karras(steps, low, high)
    if levels == "exponential":
        return exponential(steps, low, high)
    places = quantiles(0.6, 0.6, 1 - numpy.linspace(0, 1, steps))
    return closed([low + float(place) * (high - low) for place in places])


def ended(levels: list[float], table: SigmaTable, options: Options) -> Tensor:
    """Levels (n + 1,) with the last one put where the options say."""
    sigmas = closed(levels)
    if not options.ends_at_zero:
        sigmas[-1] = table.sigma_min
    return sigmas


def counted_back(steps: int, table: SigmaTable, options: Options) -> tuple[Tensor, list[float]]:
    """Levels (steps + 1,) of the DDPM family, and where its steps arrive.

    A step goes to the time total // steps earlier, whatever time comes next.
    """
    total = len(table)
    times = rounded(steps, total, options)
    before = times - total // steps
    last = 0.0 if options.ends_at_zero else table.sigma_min
    targets = [
        level if time >= 0 else last for level, time in zip(level_at(table, before), before, strict=True)
    ]
    return torch.tensor([*level_at(table, times), targets[-1]], dtype=torch.float32), targets

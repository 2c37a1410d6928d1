"""Which noise levels sampling visits: schedules over the table of a network.

Schedules follow Karras et al. 2022 (karras), Lee et al. 2024 (beta) and the k-diffusion repository
(crowsonkb/k-diffusion: exponential); the others spread the table's own steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType

import numpy
import torch
from torch import Tensor

from models.diffusion import DiffusionModel
from schedulers.beta_distribution import quantiles
from schedulers.samplers.table import method
from schedulers.tables import SigmaTable, sigma_table

_NEARLY_ZERO = 1e-5


def closed(values: Tensor | list[float]) -> Tensor:
    """Sigmas (n,) with the final 0 appended, float32."""
    body = torch.as_tensor(values, dtype=torch.float32)
    return torch.cat([body, body.new_zeros(1)])


def _simple(steps: int, table: SigmaTable) -> Tensor:
    stride = len(table) / steps
    return closed([float(table.sigmas[-(1 + int(index * stride))]) for index in range(steps)])


def _sgm_uniform(steps: int, table: SigmaTable) -> Tensor:
    first, last = table.timestep(table.sigma_max), table.timestep(table.sigma_min)
    return closed(table.sigma(torch.linspace(first, last, steps + 1)[:-1]))


def _normal(steps: int, table: SigmaTable) -> Tensor:
    first, last = table.timestep(table.sigma_max), table.timestep(table.sigma_min)
    if abs(float(table.sigma(last))) < _NEARLY_ZERO:
        return table.sigma(torch.linspace(first, last, steps + 1))
    return closed(table.sigma(torch.linspace(first, last, steps)))


def karras(steps: int, sigma_min: float, sigma_max: float, rho: float = 7.0) -> Tensor:
    """Levels (steps + 1,) even in sigma^(1/rho), then 0 (Karras et al. 2022, equation 5)."""
    ramp = torch.linspace(0, 1, steps)
    high, low = sigma_max ** (1 / rho), sigma_min ** (1 / rho)
    return closed((high + ramp * (low - high)) ** rho)


def exponential(steps: int, sigma_min: float, sigma_max: float) -> Tensor:
    """Levels (steps + 1,) even in log sigma, then 0."""
    return closed(torch.linspace(math.log(sigma_max), math.log(sigma_min), steps).exp())


def _ddim_uniform(steps: int, table: SigmaTable) -> Tensor:
    if abs(float(table.sigmas[1])) < _NEARLY_ZERO:
        stride = max(len(table) // (steps + 1), 1)
        return table.sigmas[1::stride].flip(0)
    stride = max(len(table) // steps, 1)
    return closed(table.sigmas[1::stride].flip(0))


@lru_cache(maxsize=64)
def _beta_places(steps: int, count: int, alpha: float, beta: float) -> tuple[int, ...]:
    """Indices into a table of `count` levels at the quantiles of a beta distribution, high to low."""
    parts = 1 - numpy.linspace(0, 1, steps, endpoint=False)
    indices = numpy.rint(quantiles(alpha, beta, parts) * (count - 1)).astype(int).tolist()
    return tuple(index for place, index in enumerate(indices) if place == 0 or index != indices[place - 1])


def beta_schedule(steps: int, table: SigmaTable, alpha: float = 0.6, beta: float = 0.6) -> Tensor:
    """Levels of a table at the quantiles of Beta(alpha, beta), doubled ones dropped, then 0."""
    return closed(table.sigmas[list(_beta_places(steps, len(table), alpha, beta))])


def _linear_quadratic(steps: int, table: SigmaTable) -> Tensor:
    threshold = 0.025
    if steps == 1:
        return torch.tensor([1.0, 0.0]) * table.sigma_max
    linear_steps = steps // 2
    quadratic_steps = steps - linear_steps
    excess = linear_steps - threshold * steps
    square = excess / (linear_steps * quadratic_steps**2)
    slope = threshold / linear_steps - 2 * excess / quadratic_steps**2
    constant = square * linear_steps**2
    values = [index * threshold / linear_steps for index in range(linear_steps)]
    values += [square * index**2 + slope * index + constant for index in range(linear_steps, steps)]
    return torch.tensor([1.0 - value for value in [*values, 1.0]], dtype=torch.float32) * table.sigma_max


def _kl_optimal(steps: int, table: SigmaTable) -> Tensor:
    if steps == 1:
        raise ValueError("schedule 'kl_optimal' needs at least 2 steps, got 1")
    part = torch.arange(steps, dtype=torch.float32) / (steps - 1)
    return closed((part * math.atan(table.sigma_min) + (1 - part) * math.atan(table.sigma_max)).tan())


_SCHEDULES: Mapping[str, Callable[[int, SigmaTable], Tensor]] = MappingProxyType(
    {
        "simple": _simple,
        "sgm_uniform": _sgm_uniform,
        "karras": lambda steps, table: karras(steps, table.sigma_min, table.sigma_max),
        "exponential": lambda steps, table: exponential(steps, table.sigma_min, table.sigma_max),
        "ddim_uniform": _ddim_uniform,
        "beta": beta_schedule,
        "normal": _normal,
        "linear_quadratic": _linear_quadratic,
        "kl_optimal": _kl_optimal,
    }
)

SCHEDULES: tuple[str, ...] = tuple(_SCHEDULES)


def schedule(name: str, steps: int, table: SigmaTable) -> Tensor:
    """The (n + 1,) float32 sigmas of a named schedule, high to low and ending in 0.

    n is steps, but for ddim_uniform (table length // stride) and beta (doubled indices are dropped).
    Raises ValueError for an unknown name or fewer than 1 step.
    """
    if name not in _SCHEDULES:
        raise ValueError(f"unknown schedule {name!r}; known are {', '.join(SCHEDULES)}")
    if steps < 1:
        raise ValueError(f"a schedule needs at least 1 step, got {steps}")
    return _SCHEDULES[name](steps, table)


def _denoising_sigmas(
    table: SigmaTable, drops_penultimate: bool, name: str, steps: int, denoise: float
) -> Tensor:
    """The (n + 1,) sigmas of the last `denoise` part of a longer schedule."""

    def whole(count: int) -> Tensor:
        sigmas = schedule(name, count + drops_penultimate, table)
        return torch.cat([sigmas[:-2], sigmas[-1:]]) if drops_penultimate else sigmas

    if denoise > 0.9999:
        return whole(steps)
    if denoise <= 0.0:
        return torch.zeros(0)
    return whole(int(steps / denoise))[-(steps + 1) :]


def ksampler_sigmas(
    model: DiffusionModel,
    sampler: str,
    schedule_name: str,
    steps: int,
    denoise: float = 1.0,
    start: int | None = None,
    end: int | None = None,
    force_full_denoise: bool = False,
) -> Tensor:
    """The (n + 1,) sigmas a KSampler visits; empty when there is nothing to do.

    Args:
        model: whose table of noise levels is used.
        sampler: some samplers want one sigma left out.
        schedule_name: one of SCHEDULES.
        steps: steps to take (for denoise < 1, the last steps of int(steps / denoise)).
        denoise: part of the noise that is added and removed.
        start: first step to take, counted in the whole schedule.
        end: step to stop before.
        force_full_denoise: end at sigma 0 even where `end` cuts the schedule short.
    """
    table = sigma_table(model.noise)
    sigmas = _denoising_sigmas(table, method(sampler).drops_penultimate, schedule_name, steps, denoise)
    if end is not None and end < len(sigmas) - 1:
        sigmas = sigmas[: end + 1].clone()
        if force_full_denoise:
            sigmas[-1] = 0
    if start is not None:
        return sigmas[start:] if start < len(sigmas) - 1 else sigmas[:0]
    return sigmas

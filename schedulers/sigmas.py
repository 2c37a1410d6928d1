"""Which noise levels sampling visits: the table a network was trained on and the schedules over it.

Schedules follow Karras et al. 2022 (karras), Lee et al. 2024 (beta) and the k-diffusion repository
(crowsonkb/k-diffusion: exponential); the others spread the table's own steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy
import torch
from torch import Tensor

from models.diffusion import DiffusionModel
from models.noise import NoiseLevels, NoiseTable
from schedulers.beta_distribution import quantiles
from schedulers.samplers.table import method

FULL_NOISE = 999999999.9
"""The sigma that stands for "before the first step"."""

_LAST_ALPHA_BAR = 4.8973451890853435e-08


@dataclass(frozen=True, eq=False)
class SigmaTable:
    """The noise levels of a network's training steps, low to high.

    sigmas: (steps,) float32.
    log_sigmas: (steps,) float32, their logarithms (taken in float64).
    """

    sigmas: Tensor
    log_sigmas: Tensor

    @property
    def sigma_min(self) -> float:
        """The lowest noise level."""
        return float(self.sigmas[0])

    @property
    def sigma_max(self) -> float:
        """The highest noise level."""
        return float(self.sigmas[-1])

    def __len__(self) -> int:
        return len(self.sigmas)

    def timestep(self, sigma: float) -> int:
        """The training step whose noise level is nearest to sigma on a log scale."""
        distance = torch.log(torch.tensor(sigma, dtype=torch.float32)) - self.log_sigmas
        return int(distance.abs().argmin())

    def sigma(self, t: Tensor | float) -> Tensor:
        """The noise level at fractional training steps t (any shape), interpolated in log sigma."""
        t = torch.as_tensor(t, dtype=torch.float32).clamp(0, len(self) - 1)
        low, high, weight = t.floor().long(), t.ceil().long(), t.frac()
        return ((1 - weight) * self.log_sigmas[low] + weight * self.log_sigmas[high]).exp()

    def percent_to_sigma(self, percent: float) -> float:
        """The noise level reached after a part of sampling, 0 = before the first step, 1 = after the last."""
        if percent <= 0:
            return FULL_NOISE
        if percent >= 1:
            return 0.0
        return float(self.sigma((1.0 - percent) * (len(self) - 1)))


@lru_cache(maxsize=16)
def sigma_table(noise: NoiseLevels) -> SigmaTable:
    """The table of a network's noise levels, computed in float64 (Rombach et al. 2022: sqrt-linear betas).

    Raises TypeError for noise levels that are no table of steps.
    """
    if not isinstance(noise, NoiseTable):
        raise TypeError(f"sampling needs a table of training steps, not {noise!r}")
    roots = torch.linspace(noise.start**0.5, noise.end**0.5, noise.steps, dtype=torch.float64)
    kept = torch.cumprod(1 - roots**2, dim=0)
    sigmas = ((1 - kept) / kept).sqrt()
    if noise.zero_terminal_snr:
        sigmas = _with_zero_terminal_snr(sigmas)
    return SigmaTable(sigmas.float(), sigmas.log().float())


def _with_zero_terminal_snr(sigmas: Tensor) -> Tensor:
    """Rescale a (steps,) table so that the last step is noise only (Lin et al. 2024, algorithm 1)."""
    kept_root = (1 / (sigmas**2 + 1)).sqrt()
    first, last = kept_root[0].clone(), kept_root[-1].clone()
    kept = ((kept_root - last) * first / (first - last)) ** 2
    kept[-1] = _LAST_ALPHA_BAR
    return ((1 - kept) / kept).sqrt()


def _closed(values: Tensor | list[float]) -> Tensor:
    """Sigmas (n,) with the final 0 appended, float32."""
    body = torch.as_tensor(values, dtype=torch.float32)
    return torch.cat([body, body.new_zeros(1)])


def _simple(steps: int, table: SigmaTable) -> Tensor:
    stride = len(table) / steps
    return _closed([float(table.sigmas[-(1 + int(index * stride))]) for index in range(steps)])


def _sgm_uniform(steps: int, table: SigmaTable) -> Tensor:
    first, last = table.timestep(table.sigma_max), table.timestep(table.sigma_min)
    return _closed(table.sigma(torch.linspace(first, last, steps + 1)[:-1]))


def _normal(steps: int, table: SigmaTable) -> Tensor:
    first, last = table.timestep(table.sigma_max), table.timestep(table.sigma_min)
    return _closed(table.sigma(torch.linspace(first, last, steps)))


def _karras(steps: int, table: SigmaTable) -> Tensor:
    rho = 7.0
    ramp = torch.linspace(0, 1, steps)
    high, low = table.sigma_max ** (1 / rho), table.sigma_min ** (1 / rho)
    return _closed((high + ramp * (low - high)) ** rho)


def _exponential(steps: int, table: SigmaTable) -> Tensor:
    return _closed(torch.linspace(math.log(table.sigma_max), math.log(table.sigma_min), steps).exp())


def _ddim_uniform(steps: int, table: SigmaTable) -> Tensor:
    stride = max(len(table) // steps, 1)
    return _closed(table.sigmas[1::stride].flip(0))


def _beta(steps: int, table: SigmaTable) -> Tensor:
    parts = 1 - numpy.linspace(0, 1, steps, endpoint=False)
    indices = numpy.rint(quantiles(0.6, parts) * (len(table) - 1)).astype(int).tolist()
    kept = [index for place, index in enumerate(indices) if place == 0 or index != indices[place - 1]]
    return _closed(table.sigmas[kept])


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
    return _closed((part * math.atan(table.sigma_min) + (1 - part) * math.atan(table.sigma_max)).tan())


_SCHEDULES: Mapping[str, Callable[[int, SigmaTable], Tensor]] = MappingProxyType(
    {
        "simple": _simple,
        "sgm_uniform": _sgm_uniform,
        "karras": _karras,
        "exponential": _exponential,
        "ddim_uniform": _ddim_uniform,
        "beta": _beta,
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

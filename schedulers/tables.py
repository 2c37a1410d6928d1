"""Which noise levels a network was trained on, and how it tells its own time from them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from functools import lru_cache
from typing import assert_never

import torch
from torch import Tensor

from models.noise import (
    ContinuousAngle,
    ContinuousLog,
    Cosine,
    ExponentialFlow,
    Flow,
    FlowOverLog,
    NoiseLevels,
    NoiseTable,
)

FULL_NOISE = 999999999.9
"""The sigma that stands for "before the first step"."""

_LAST_ALPHA_BAR = 4.8973451890853435e-08
_LEVELS = 1000
_FINE_LEVELS = 10_000
_LOG_TIME = 0.25
_COSINE_OFFSET = 0.008


class SigmaTable(ABC):
    """The noise levels of a network, low to high.

    sigmas: (n,) float32.
    """

    def __init__(self, sigmas: Tensor) -> None:
        """sigmas: (n,) float32, rising."""
        self.sigmas = sigmas
        self.sigma_min = float(sigmas[0])
        """The lowest noise level."""
        self.sigma_max = float(sigmas[-1])
        """The highest noise level."""

    def __len__(self) -> int:
        return len(self.sigmas)

    @abstractmethod
    def timestep(self, sigma: float) -> float:
        """What the network takes for the time at a noise level."""

    @abstractmethod
    def sigma(self, t: Tensor | float) -> Tensor:
        """The noise level at times t of the network (any shape); float32."""

    def percent_to_sigma(self, percent: float) -> float:
        """The noise level reached after a part of sampling, 0 = before the first step, 1 = after the last."""
        if percent <= 0:
            return FULL_NOISE
        return 0.0 if percent >= 1 else self._inside(percent)

    def window(self, start: float, end: float) -> tuple[float, float]:
        """The noise levels between which a part of sampling lies, from `start` to `end` of 0 to 1."""
        return self.percent_to_sigma(start), self.percent_to_sigma(end)

    @abstractmethod
    def _inside(self, percent: float) -> float:
        """The noise level after a part of sampling strictly between 0 and 1."""


class StepTable(SigmaTable):
    """Training steps: times between them are interpolated in log sigma, levels go to the nearest step.

    A distilled network knows every `stride`-th step, counted from the last.
    """

    def __init__(self, sigmas: Tensor, steps: int) -> None:
        """sigmas: (n,) float64, every (steps / n)-th of the training steps."""
        super().__init__(sigmas.float())
        self.log_sigmas = sigmas.log().float()
        self._steps = steps
        self._stride = steps // len(sigmas)

    def timestep(self, sigma: float) -> int:
        """The training step whose noise level is nearest to sigma on a log scale."""
        distance = torch.log(torch.tensor(sigma, dtype=torch.float32)) - self.log_sigmas
        return int(distance.abs().numpy().argmin()) * self._stride + self._stride - 1

    def sigma(self, t: Tensor | float) -> Tensor:
        """The noise level at fractional training steps t (any shape), interpolated in log sigma."""
        t = torch.as_tensor(t, dtype=torch.float32)
        if self._stride > 1:
            t = (t - (self._stride - 1)) / self._stride
        t = t.clamp(0, len(self) - 1)
        low, high, weight = t.floor().long(), t.ceil().long(), t.frac()
        return ((1 - weight) * self.log_sigmas[low] + weight * self.log_sigmas[high]).exp()

    def _inside(self, percent: float) -> float:
        return float(self.sigma((1.0 - percent) * (self._steps - 1)))


class LogTable(SigmaTable):
    """Levels spread evenly in log sigma between two; the network's time is log(sigma) / 4."""

    def __init__(self, sigma_min: float, sigma_max: float) -> None:
        """sigma_min, sigma_max: the ends."""
        self._ends = math.log(sigma_min), math.log(sigma_max)
        super().__init__(torch.linspace(*self._ends, _LEVELS).exp())

    def timestep(self, sigma: float) -> float:
        """The time at a noise level."""
        return _LOG_TIME * math.log(sigma)

    def sigma(self, t: Tensor | float) -> Tensor:
        """The noise level at times t (any shape)."""
        return (torch.as_tensor(t, dtype=torch.float32) / _LOG_TIME).exp()

    def _inside(self, percent: float) -> float:
        low, high = self._ends
        return math.exp((high - low) * (1.0 - percent) + low)


class AngleTable(LogTable):
    """The same levels; the network's time is the angle atan(sigma) in units of a right angle."""

    def timestep(self, sigma: float) -> float:
        """The time at a noise level, in [0, 1)."""
        return math.atan(sigma) / math.pi * 2

    def sigma(self, t: Tensor | float) -> Tensor:
        """The noise level at times t (any shape) in [0, 1)."""
        return (torch.as_tensor(t, dtype=torch.float32) * (math.pi * 0.5)).tan()


class FlowOverLogTable(LogTable):
    """The same levels; the network's time is the share of noise in a flow, sigma / (sigma + 1)."""

    def timestep(self, sigma: float) -> float:
        """The time at a noise level, in [0, 1)."""
        return sigma / (sigma + 1)

    def sigma(self, t: Tensor | float) -> Tensor:
        """The noise level at times t (any shape) in [0, 1]."""
        t = torch.as_tensor(t, dtype=torch.float32)
        last = self.sigma_max / (self.sigma_max + 1)
        return torch.where(t >= last, self.sigma_max, t / (1 - t))


class FlowTable(SigmaTable):
    """Rectified flow: sigma in (0, 1], moved to the noisy side; the time is sigma times a factor."""

    def __init__(self, shift: float, multiplier: float) -> None:
        """shift: 1 leaves the levels as they are; multiplier: of the time."""
        self._shift, self._multiplier = shift, multiplier
        super().__init__(self.sigma(torch.arange(1, _LEVELS + 1) / _LEVELS * multiplier))

    def timestep(self, sigma: float) -> float:
        """The time at a noise level; the shift stays in it."""
        return sigma * self._multiplier

    def sigma(self, t: Tensor | float) -> Tensor:
        """The noise level at times t (any shape); shifts once more than `timestep`."""
        t = torch.as_tensor(t, dtype=torch.float32) / self._multiplier
        return t if self._shift == 1.0 else self._shift * t / (1 + (self._shift - 1) * t)

    def percent_to_sigma(self, percent: float) -> float:
        """The noise level reached after a part of sampling; all noise is 1."""
        return 1.0 if percent <= 0 else super().percent_to_sigma(percent)

    def _inside(self, percent: float) -> float:
        part = 1.0 - percent
        return part if self._shift == 1.0 else self._shift * part / (1 + (self._shift - 1) * part)


class ExponentialFlowTable(SigmaTable):
    """Rectified flow with the shift e^mu; the time is sigma."""

    def __init__(self, mu: float) -> None:
        """mu: log of the shift."""
        self._factor = math.exp(mu)
        super().__init__(self.sigma(torch.arange(1, _FINE_LEVELS + 1) / _FINE_LEVELS))

    def timestep(self, sigma: float) -> float:
        """The time at a noise level: the same number."""
        return sigma

    def sigma(self, t: Tensor | float) -> Tensor:
        """The noise level at unshifted times t (any shape) in (0, 1]."""
        t = torch.as_tensor(t, dtype=torch.float32)
        return self._factor / (self._factor + (1 / t - 1))

    def percent_to_sigma(self, percent: float) -> float:
        """The noise level reached after a part of sampling; all noise is 1."""
        return 1.0 if percent <= 0 else super().percent_to_sigma(percent)

    def _inside(self, percent: float) -> float:
        return self._factor / (self._factor + (1 / (1.0 - percent) - 1))


class CosineTable(SigmaTable):
    """The cosine levels, moved in log SNR; the network's time is that of the unmoved levels."""

    def __init__(self, shift: float) -> None:
        """shift: 1 leaves the levels as they are."""
        self._shift = shift
        self._first = math.cos(_COSINE_OFFSET / (1 + _COSINE_OFFSET) * math.pi * 0.5) ** 2
        super().__init__(self.sigma(torch.arange(1, _FINE_LEVELS + 1) / _FINE_LEVELS))

    def timestep(self, sigma: float) -> float:
        """The time at a noise level, in [0, 1]."""
        kept = self._first / (sigma**2 + 1)
        return math.acos(math.sqrt(kept)) / (math.pi * 0.5) * (1 + _COSINE_OFFSET) - _COSINE_OFFSET

    def sigma(self, t: Tensor | float) -> Tensor:
        """The noise level at times t (any shape) in [0, 1]."""
        t = torch.as_tensor(t, dtype=torch.float32)
        kept = ((t + _COSINE_OFFSET) / (1 + _COSINE_OFFSET) * (math.pi * 0.5)).cos() ** 2 / self._first
        if self._shift != 1.0:
            kept = ((kept / (1 - kept)).log() + 2 * math.log(1 / self._shift)).sigmoid()
        kept = kept.clamp(1e-4, 0.9999)
        return ((1 - kept) / kept).sqrt()

    def _inside(self, percent: float) -> float:
        return float(self.sigma(1.0 - percent))


@lru_cache(maxsize=32)
def sigma_table(noise: NoiseLevels) -> SigmaTable:
    """The table of what a network was trained on; discrete steps are computed in float64."""
    match noise:
        case NoiseTable():
            return _step_table(noise)
        case ContinuousLog():
            return LogTable(noise.sigma_min, noise.sigma_max)
        case ContinuousAngle():
            return AngleTable(noise.sigma_min, noise.sigma_max)
        case FlowOverLog():
            return FlowOverLogTable(noise.sigma_min, noise.sigma_max)
        case Flow():
            return FlowTable(noise.shift, noise.multiplier)
        case ExponentialFlow():
            return ExponentialFlowTable(noise.mu)
        case Cosine():
            return CosineTable(noise.shift)
    assert_never(noise)


def _step_table(noise: NoiseTable) -> StepTable:
    if noise.kind == "scaled_linear":
        betas = torch.linspace(noise.start**0.5, noise.end**0.5, noise.steps, dtype=torch.float64) ** 2
    else:
        betas = torch.linspace(noise.start, noise.end, noise.steps, dtype=torch.float64)
    kept = torch.cumprod(1 - betas, dim=0)
    sigmas = ((1 - kept) / kept).sqrt()
    if noise.zero_terminal_snr:
        sigmas = _with_zero_terminal_snr(sigmas)
    if noise.distilled_steps is not None:
        stride = noise.steps // noise.distilled_steps
        sigmas = sigmas.flip(0)[::stride][: noise.distilled_steps].flip(0)
    return StepTable(sigmas, noise.steps)


def _with_zero_terminal_snr(sigmas: Tensor) -> Tensor:
    """Rescale a (steps,) table so that the last step is noise only (Lin et al. 2024, algorithm 1)."""
    kept_root = (1 / (sigmas**2 + 1)).sqrt()
    first, last = kept_root[0].clone(), kept_root[-1].clone()
    kept = ((kept_root - last) * first / (first - last)) ** 2
    kept[-1] = _LAST_ALPHA_BAR
    return ((1 - kept) / kept).sqrt()

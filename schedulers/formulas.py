"""Schedules written as formulas of their own, without a network's table; all give float32 sigmas."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Literal

import torch
from torch import Tensor

from schedulers.sigmas import closed
from schedulers.tables import SigmaTable

_FLUX2_LONG = 4300
_TURBO_STEPS = 10
_LEAST_AFTER_FLIP = 0.0001


def polyexponential(steps: int, sigma_min: float, sigma_max: float, rho: float = 1.0) -> Tensor:
    """Levels (steps + 1,) polynomial in log sigma, then 0 (k-diffusion)."""
    ramp = torch.linspace(1, 0, steps) ** rho
    return closed((ramp * (math.log(sigma_max) - math.log(sigma_min)) + math.log(sigma_min)).exp())


def variance_preserving(
    steps: int, beta_d: float = 19.9, beta_min: float = 0.1, eps_s: float = 0.001
) -> Tensor:
    """Levels (steps + 1,) even in the time of a variance-preserving SDE, then 0 (Song et al. 2021b)."""
    t = torch.linspace(1, eps_s, steps)
    return closed((torch.exp(beta_d * t**2 / 2 + beta_min * t) - 1).sqrt())


def laplace(steps: int, sigma_min: float, sigma_max: float, mu: float = 0.0, beta: float = 0.5) -> Tensor:
    """Levels (steps,) at quantiles of a Laplace distribution of log sigma (Hang et al. 2024), without a 0."""
    place = torch.linspace(0, 1, steps)
    log_sigma = mu - beta * torch.sign(0.5 - place) * torch.log(1 - 2 * (0.5 - place).abs() + 1e-5)
    return log_sigma.exp().clamp(sigma_min, sigma_max)


def turbo(steps: int, table: SigmaTable, denoise: float = 1.0) -> Tensor:
    """Levels of the last training steps of tenths of the whole, as SD-Turbo was distilled on, then 0."""
    start = _TURBO_STEPS - int(_TURBO_STEPS * denoise)
    times = torch.arange(1, _TURBO_STEPS + 1).flip(0)[start : start + steps] * 100 - 1
    return closed(table.sigma(times))


def _time_shifted(mu: float, levels: Tensor) -> Tensor:
    """Levels (n,) in [0, 1] of a flow moved to the noisy side by e^mu; 0 stays."""
    factor = math.exp(mu)
    return torch.where(levels == 0, 0.0, factor / (factor + (1 / levels - 1)))


def line_through(place: float, first: tuple[float, float], last: tuple[float, float]) -> float:
    """The height at a place of the line through two points."""
    slope = (last[1] - first[1]) / (last[0] - first[0])
    return place * slope + first[1] - slope * first[0]


def video_flow(
    steps: int, tokens: int, max_shift: float, base_shift: float, *, stretch: bool, terminal: float
) -> Tensor:
    """Levels (steps + 1,) of a flow shifted more for more tokens (LTX-Video).

    stretch: scale them so that the last above 0 is `terminal`.
    """
    mu = line_through(tokens, (1024, base_shift), (4096, max_shift))
    sigmas = _time_shifted(mu, torch.linspace(1.0, 0.0, steps + 1))
    if stretch:
        inside = sigmas != 0
        left = 1.0 - sigmas[inside]
        scale = left[-1] / (1.0 - terminal)
        if float(scale) != 0.0:
            sigmas[inside] = 1.0 - left / scale
    return sigmas


def flux2(steps: int, width: int, height: int) -> Tensor:
    """Levels (steps + 1,) of a flow shifted by an empirical rule of picture size and steps (FLUX.2)."""
    tokens = round(width * height / 256)
    many = 0.00016927 * tokens + 0.45666666
    mu = many
    if tokens <= _FLUX2_LONG:
        few = 8.73809524e-05 * tokens + 1.89833333
        slope = (many - few) / 190.0
        mu = slope * steps + many - 200.0 * slope
    return _time_shifted(mu, torch.linspace(1, 0, steps + 1))


def flipped(sigmas: Tensor) -> Tensor:
    """Sigmas (n,) in reverse; a 0 that comes first becomes 0.0001, from which a sampler can start."""
    if len(sigmas) == 0:
        return sigmas
    turned = sigmas.flip(0)
    if float(turned[0]) == 0:
        turned[0] = _LEAST_AFTER_FLIP
    return turned


_CURVES: Mapping[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda x: x,
    "cosine": lambda x: torch.sin(x * math.pi / 2),
    "sine": lambda x: 1 - torch.cos(x * math.pi / 2),
}


def extended(
    sigmas: Tensor, steps: int, start: float, end: float, spacing: Literal["linear", "cosine", "sine"]
) -> Tensor:
    """Sigmas (n,) with each interval that begins between start and end parted in `steps`.

    start: below 0 stands for no bound.
    """
    highest = math.inf if start < 0 else start
    inner = _CURVES[spacing](torch.linspace(0, 1, steps + 1)[1:-1])
    parts = []
    for index in range(len(sigmas) - 1):
        here, there = sigmas[index], sigmas[index + 1]
        parts.append(here[None])
        if end <= float(here) <= highest:
            parts.append(here + inner * (there - here))
    return torch.cat([*parts, sigmas[-1:]]) if len(sigmas) else sigmas

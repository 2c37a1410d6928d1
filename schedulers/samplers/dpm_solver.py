"""DPM-Solver and DPM-Solver++ as multistep methods with all their options (Lu et al. 2022a, 2022b)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from torch import Tensor

from schedulers.path import Path
from schedulers.step import Denoiser, Noise, Step

Algorithm = Literal["dpmsolver++", "dpmsolver", "sde-dpmsolver++", "sde-dpmsolver"]
ALGORITHMS: tuple[Algorithm, ...] = ("dpmsolver++", "dpmsolver", "sde-dpmsolver++", "sde-dpmsolver")


@dataclass(frozen=True)
class _Factors:
    """What a step makes of the state, of the newest prediction and of its first two differences."""

    state: float
    newest: float
    first: float
    second: float
    noise: float


def _factors(
    algorithm: Algorithm,
    width: float,
    sigma: float,
    sigma_next: float,
    alphas: tuple[float, float],
    heun: bool,
) -> _Factors:
    """Factors of a step that is `width` wide in lambda; alphas: of the picture at both ends."""
    alpha, alpha_next = alphas
    noisy = algorithm.startswith("sde")
    total = 2 * width if noisy else width
    if algorithm.endswith("++"):
        shrink = math.expm1(-total)
        bend = shrink / total + 1
        middle = -0.5 * shrink if not heun else bend
        second = -(math.expm1(-total) + total) / total**2 + 0.5
        state = sigma_next / sigma * (math.exp(-width) if noisy else 1.0)
        spread = sigma_next * math.sqrt(-math.expm1(-2 * width)) if noisy else 0.0
        return _Factors(state, -alpha_next * shrink, alpha_next * middle, alpha_next * second, spread)
    grow = math.expm1(width)
    twice = 2.0 if noisy else 1.0
    bend = grow / width - 1
    middle = 0.5 * grow if not heun else bend
    second = -sigma_next * twice * ((grow - width) / width**2 - 0.5)
    spread = sigma_next * math.sqrt(math.expm1(2 * width)) if noisy else 0.0
    return _Factors(
        alpha_next / alpha, -sigma_next * twice * grow, -sigma_next * twice * middle, second, spread
    )


def _differences(history: Sequence[Tensor], lambdas: Sequence[float], width: float) -> tuple[Tensor, ...]:
    """Divided differences of two or three predictions, the newest last, made at lambdas."""
    ratio = (lambdas[-1] - lambdas[-2]) / width
    first = (history[-1] - history[-2]) / ratio
    if len(history) == 2:
        return (first,)
    ratio_before = (lambdas[-2] - lambdas[-3]) / width
    before = (history[-2] - history[-3]) / ratio_before
    change = (first - before) / (ratio + ratio_before)
    return first + ratio * change, change


def dpm_solver(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    noise: Noise,
    *,
    path: Path,
    order: int = 2,
    algorithm: Algorithm = "dpmsolver++",
    solver_type: Literal["midpoint", "heun"] = "midpoint",
    lower_order_final: bool = True,
    few: int = 15,
) -> Iterator[Step]:
    """The solver of an order up to 3; x: (B, C, H, W).

    algorithm: on predictions of the picture (++) or of the noise, for the ODE or the SDE (sde-).
    solver_type: rule for the second order.
    lower_order_final: with fewer steps than `few`, the last ones are of lower order.

    The step to sigma 0 is the prediction.
    """
    steps = len(sigmas) - 1
    history: list[Tensor] = []
    lambdas: list[float] = []
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        if sigma_next == 0:
            yield Step(index, sigma_next, denoised, denoised)
            return
        alphas = path.alpha_of(sigma), path.alpha_of(sigma_next)
        prediction = denoised if algorithm.endswith("++") else (x - alphas[0] * denoised) / sigma
        history = [*history[-2:], prediction]
        lambdas = [*lambdas[-2:], path.lambda_of(sigma)]
        width = path.lambda_of(sigma_next) - lambdas[-1]
        now = min(order, len(history))
        if lower_order_final and steps < few:
            now = min(now, steps - index)
        factors = _factors(algorithm, width, sigma, sigma_next, alphas, now < 3 and solver_type == "heun")
        x = factors.state * x + factors.newest * prediction
        if now == 2:
            x = x + factors.first * _differences(history[-2:], lambdas[-2:], width)[0]
        elif now == 3:
            first, second = _differences(history, lambdas, width)
            bend = _factors(algorithm, width, sigma, sigma_next, alphas, True).first
            x = x + bend * first + factors.second * second
        if factors.noise > 0:
            x = x + noise(sigma, sigma_next) * factors.noise
        yield Step(index, sigma_next, x, denoised)


def dpm_solver_singlestep(
    denoise: Denoiser, x: Tensor, sigmas: Sequence[float], *, path: Path, order: int = 2
) -> Iterator[Step]:
    """DPM-Solver++ that starts anew every `order` steps, of orders 1, 2 and so on; x: (B, C, H, W).

    order: 1 or 2. The step to sigma 0 is the prediction.
    """
    steps = len(sigmas) - 1
    before: Tensor | None = None
    older: Tensor | None = None
    for index, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        denoised = denoise(x, sigma)
        second = order == 2 and index % 2 == 1 and not (steps % 2 == 0 and index == steps - 1)
        if sigma_next == 0:
            x = denoised
        elif second and before is not None and older is not None:
            start, end = path.lambda_of(sigmas[index - 1]), path.lambda_of(sigma_next)
            width = end - start
            ratio = (path.lambda_of(sigma) - start) / width
            alphas = path.alpha_of(sigmas[index - 1]), path.alpha_of(sigma_next)
            factors = _factors("dpmsolver++", width, sigmas[index - 1], sigma_next, alphas, False)
            bend = (denoised - older) / ratio
            x = factors.state * before + factors.newest * older + factors.first * bend
        else:
            before, older = x, denoised
            width = path.lambda_of(sigma_next) - path.lambda_of(sigma)
            alphas = path.alpha_of(sigma), path.alpha_of(sigma_next)
            factors = _factors("dpmsolver++", width, sigma, sigma_next, alphas, False)
            x = factors.state * x + factors.newest * denoised
        yield Step(index, sigma_next, x, denoised)

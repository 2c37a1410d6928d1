"""UniPC: a unified predictor-corrector of arbitrary order (Zhao et al. 2023, data prediction).

It works on latents scaled to unit variance, with alpha, std and lambda taken in float32 as the ecosystem
does: near sigma 0.001 they are coarse enough to show.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy
import torch
from torch import Tensor

from schedulers.path import Path
from schedulers.step import Denoiser, Step

LAST_SIGMA = 0.001
"""Where sampling ends when the schedule ends at 0, which has no logarithm."""

_HIGHEST_ORDER = 3


@dataclass(frozen=True)
class _Path:
    """Scale of the picture, of the noise, and half the log of their squared ratio, at each noise level."""

    alphas: list[float]
    stds: list[float]
    lambdas: list[float]

    @classmethod
    def of(cls, levels: Sequence[float]) -> _Path:
        sigmas = torch.tensor(levels, dtype=torch.float32)
        log_alphas = 0.5 * torch.log(1 / (sigmas * sigmas + 1))
        variances = 1 - torch.exp(2 * log_alphas)
        lambdas = log_alphas - 0.5 * torch.log(variances)
        return cls(log_alphas.exp().tolist(), variances.sqrt().tolist(), lambdas.tolist())

    @classmethod
    def on(cls, path: Path, levels: Sequence[float]) -> _Path:
        """The same for latents that are scaled as the network's training mixed them, in float64."""
        alphas = [path.alpha_of(level) for level in levels]
        return cls(alphas, list(levels), [path.lambda_of(level) for level in levels])


@dataclass(frozen=True, eq=False)
class _Interval:
    """One step of a given order: what predictor and corrector share.

    base: (B, C, H, W) the step without differences.
    gain: factor of the differences.
    ratios: places of the older predictions, in widths of the step.
    differences: (B, C, H, W) each, divided differences of the older predictions.
    rows, values: the linear system of the weights (equation 8).
    """

    base: Tensor
    gain: float
    differences: list[Tensor]
    newest: Tensor
    rows: list[list[float]]
    values: list[float]

    def predicted(self) -> Tensor:
        """The latent (B, C, H, W) at the end of the step, from older predictions."""
        order = len(self.values)
        weights: Sequence[float] = []
        if order == 2:
            weights = [0.5]
        elif order > 2:
            weights = numpy.linalg.solve([row[:-1] for row in self.rows[:-1]], self.values[:-1]).tolist()
        return self._moved(weights, self.differences)

    def corrected(self, denoised: Tensor) -> Tensor:
        """The same, with the prediction (B, C, H, W) made there."""
        weights: Sequence[float] = [0.5]
        if len(self.values) > 1:
            weights = numpy.linalg.solve(self.rows, self.values).tolist()
        return self._moved(weights, [*self.differences, denoised - self.newest])

    def _moved(self, weights: Sequence[float], differences: Sequence[Tensor]) -> Tensor:
        x = self.base
        for weight, difference in zip(weights, differences, strict=True):
            x = x - difference * (self.gain * weight)
        return x


def _interval(
    x: Tensor, path: _Path, index: int, order: int, history: Sequence[Tensor], *, second_form: bool
) -> _Interval:
    """The step from level index - 1 to level index at an order; history holds predictions, newest last."""
    start = index - 1
    width = path.lambdas[index] - path.lambdas[start]
    if width == 0:
        raise ValueError(f"uni_pc needs noise levels that fall, but levels {start} and {index} are equal")
    newest = history[-1]
    ratios = [(path.lambdas[start - back] - path.lambdas[start]) / width for back in range(1, order)]
    differences = [(history[-1 - back] - newest) / ratio for back, ratio in enumerate(ratios, start=1)]
    ratios.append(1.0)
    shrink = math.expm1(-width)
    scale = shrink if second_form else -width
    term = shrink / -width - 1
    rows, values = [], []
    for power in range(order):
        factorial = math.factorial(power + 1)
        rows.append([ratio**power for ratio in ratios])
        values.append(term * factorial / scale)
        term = term / -width - 1 / (factorial * (power + 2))
    alpha = path.alphas[index]
    base = x * (path.stds[index] / path.stds[start]) - newest * (alpha * shrink)
    return _Interval(base, alpha * scale, differences, newest, rows, values)


def _unipc(denoise: Denoiser, x: Tensor, sigmas: Sequence[float], *, second_form: bool) -> Iterator[Step]:
    levels = [*sigmas[:-1], sigmas[-1] or LAST_SIGMA]
    steps = len(levels) - 1
    highest = min(_HIGHEST_ORDER, steps - 1)
    path = _Path.of(levels)
    x = x / math.sqrt(1 + levels[0] ** 2)
    history: list[Tensor] = []
    interval: _Interval | None = None
    for index in range(steps):
        denoised = denoise(x * math.sqrt(levels[index] ** 2 + 1), levels[index])
        if interval is not None:
            x = interval.corrected(denoised)
        history = [*history[-(_HIGHEST_ORDER - 1) :], denoised]
        order = min(highest, index + 1, steps - index)
        if order > 0:
            interval = _interval(x, path, index + 1, order, history, second_form=second_form)
            x = interval.predicted()
        yield Step(index, sigmas[index + 1], x / path.alphas[index + 1], denoised)


def uni_pc(denoise: Denoiser, x: Tensor, sigmas: Sequence[float]) -> Iterator[Step]:
    """UniPC-3 with B(h) = h; x: (B, C, H, W). A schedule of a single step leaves x as it is."""
    return _unipc(denoise, x, sigmas, second_form=False)


def uni_pc_bh2(denoise: Denoiser, x: Tensor, sigmas: Sequence[float]) -> Iterator[Step]:
    """UniPC-3 with B(h) = e^h - 1; x: (B, C, H, W). A schedule of a single step leaves x as it is."""
    return _unipc(denoise, x, sigmas, second_form=True)


def uni_pc_to_zero(
    denoise: Denoiser, x: Tensor, sigmas: Sequence[float], *, order: int = 2, second_form: bool = True
) -> Iterator[Step]:
    """UniPC of an order up to 3 whose step to sigma 0 is the prediction; x: (B, C, H, W).

    second_form: B(h) = e^h - 1, else B(h) = h.
    """
    if len(sigmas) < 2:
        return
    scales = [math.sqrt(1 + sigma**2) for sigma in sigmas]
    path = _Path.of([level for level in sigmas if level > 0])
    yield from _to_zero(denoise, x, sigmas, path, scales, order=order, second_form=second_form)


def uni_pc_on_path(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    *,
    path: Path,
    order: int = 2,
    second_form: bool = True,
) -> Iterator[Step]:
    """The same, counting in the signal-to-noise ratio of a path, such as a flow's; x: (B, C, H, W)."""
    levels = path.with_finite_start(sigmas)
    if len(levels) < 2:
        return
    marks = _Path.on(path, [level for level in levels if level > 0])
    scales = [1.0] * len(levels)
    yield from _to_zero(denoise, x, levels, marks, scales, order=order, second_form=second_form)


def _to_zero(
    denoise: Denoiser,
    x: Tensor,
    sigmas: Sequence[float],
    path: _Path,
    scales: Sequence[float],
    *,
    order: int,
    second_form: bool,
) -> Iterator[Step]:
    """Steps of a path that `scales` at each level take to what the network sees; x: (B, C, H, W)."""
    steps = len(sigmas) - 1
    x = x / scales[0]
    history: list[Tensor] = []
    interval: _Interval | None = None
    for index in range(steps):
        denoised = denoise(x * scales[index], sigmas[index])
        if interval is not None:
            x = interval.corrected(denoised)
        if sigmas[index + 1] == 0:
            yield Step(index, 0.0, denoised, denoised)
            return
        history = [*history[-(_HIGHEST_ORDER - 1) :], denoised]
        now = min(order, index + 1, steps - index)
        interval = _interval(x, path, index + 1, now, history, second_form=second_form)
        x = interval.predicted()
        yield Step(index, sigmas[index + 1], x * scales[index + 1], denoised)

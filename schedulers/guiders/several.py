"""Guiders that weigh more than one pair of predictions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from schedulers.guiders.cfg import is_one
from schedulers.guiders.projection import EMPTY, perpendicular_negative
from schedulers.guiders.rule import Predict, Sampling, changed, combined, finished, state

MIDDLE = "middle"


@dataclass(frozen=True)
class DualGuidance:
    """Two prompts and a negative one, each pair with a scale of its own.

    scale: from the second prompt to the first.
    second_scale: from the negative prompt to the second (regular) or to what both come to (nested).
    style: "regular" guides each pair by itself, "nested" guides the pair of prompts as one.

    Rules that change predictions are not asked; the others see the second prompt and the negative one
    (regular) or both prompts (nested).
    """

    scale: float
    second_scale: float
    style: Literal["regular", "nested"] = "regular"

    def needs(self, sampling: Sampling) -> tuple[str, ...]:
        """Names of the lists to evaluate, in the order in which they are stacked."""
        if not is_one(self.second_scale) or sampling.wants_negative:
            return ("negative", MIDDLE, "positive")
        return ("positive",) if is_one(self.scale) else (MIDDLE, "positive")

    def denoise(self, x: Tensor, sigma: float, predict: Predict, sampling: Sampling) -> tuple[Tensor, Tensor]:
        """Guide; every tensor is (B, C, H, W)."""
        predictions = predict(x, sigma, self.needs(sampling))
        positive, middle = predictions["positive"], predictions.get(MIDDLE)
        negative = predictions.get("negative")
        if self.style == "nested":
            first = state(x, sigma, self.scale, positive, middle, predict, sampling)
            guided = finished(sampling.rules, combined(sampling.rules, first))
            base = torch.zeros_like(positive) if negative is None else negative
            return base + (guided.result - base) * self.second_scale, guided.negative
        between = torch.zeros_like(positive) if middle is None else middle
        first = state(x, sigma, self.second_scale, between, negative, predict, sampling)
        guided = finished(sampling.rules, combined(sampling.rules, first))
        return guided.result + (positive - between) * self.scale, guided.negative


@dataclass(frozen=True)
class PerpendicularGuidance:
    """Perp-Neg: only what of the negative prompt is perpendicular to the positive one is kept away from.

    scale: from the empty prompt.
    neg_scale: strength of the negative prompt.
    """

    scale: float
    neg_scale: float = 1.0

    def needs(self, sampling: Sampling) -> tuple[str, ...]:
        """Names of the lists to evaluate, in the order in which they are stacked."""
        if not math.isclose(self.neg_scale, 0.0, abs_tol=1e-9) or sampling.wants_negative:
            return ("positive", "negative", EMPTY)
        return ("positive",) if is_one(self.scale) else ("positive", EMPTY)

    def denoise(self, x: Tensor, sigma: float, predict: Predict, sampling: Sampling) -> tuple[Tensor, Tensor]:
        """Guide; every tensor is (B, C, H, W)."""
        predictions = predict(x, sigma, self.needs(sampling))
        positive, negative = predictions["positive"], predictions.get("negative")
        empty = predictions.get(EMPTY, torch.zeros_like(positive))
        first = changed(sampling.rules, state(x, sigma, self.scale, positive, negative, predict, sampling))
        denoised = perpendicular_negative(first.positive, first.negative, empty, self.scale, self.neg_scale)
        guided = finished(sampling.rules, first.with_result(denoised))
        return guided.result, guided.negative

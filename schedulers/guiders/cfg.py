"""Classifier-free guidance (Ho & Salimans 2022): push the prediction away from the negative prompt."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from schedulers.guiders.rule import Predict, Sampling, apply_rules, predicted, state


class Guider(Protocol):
    """Turns conditions into a denoiser: says what is predicted and what the predictions come to."""

    def denoise(self, x: Tensor, sigma: float, predict: Predict, sampling: Sampling) -> tuple[Tensor, Tensor]:
        """(denoised, denoised under the negative prompt) of x (B, C, H, W) at sigma.

        The latter is all zero where there is no negative prompt.
        """
        ...


def is_one(scale: float) -> bool:
    """Whether a scale of guidance leaves the prediction as it is."""
    return math.isclose(scale, 1.0)


@dataclass(frozen=True)
class Guidance:
    """Guidance of a scale; at scale 1 the negative prompt is not evaluated, unless something needs it.

    has_negative: there is a negative prompt.
    """

    scale: float
    has_negative: bool = True

    def needs(self, sampling: Sampling) -> tuple[str, ...]:
        """Names of the lists to evaluate, in the order in which they are stacked."""
        if not self.has_negative or (is_one(self.scale) and not sampling.wants_negative):
            return ("positive",)
        return ("positive", "negative")

    def denoise(self, x: Tensor, sigma: float, predict: Predict, sampling: Sampling) -> tuple[Tensor, Tensor]:
        """Guide; every tensor is (B, C, H, W)."""
        predictions = predicted(x, sigma, self.needs(sampling), predict, sampling)
        positive, negative = predictions["positive"], predictions.get("negative")
        first = state(x, sigma, self.scale, positive, negative, predict, sampling)
        guided = apply_rules(sampling.rules, first)
        return guided.result, guided.negative

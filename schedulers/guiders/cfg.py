"""Classifier-free guidance (Ho & Salimans 2022): push the prediction away from the negative prompt."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


class Guider(Protocol):
    """Says which lists of conditions it needs predictions for, and what they come to."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the lists to evaluate, in the order in which they are stacked."""
        ...

    def combine(self, x: Tensor, sigma: float, predictions: Mapping[str, Tensor]) -> Tensor:
        """The denoised latent of x (B, C, H, W) at sigma, from one of that shape for each name needed."""
        ...


@dataclass(frozen=True)
class Guidance:
    """Guidance of a scale; at scale 1 the negative prompt is not evaluated, unless it is always needed."""

    scale: float
    always_negative: bool = False

    @property
    def needs(self) -> tuple[str, ...]:
        """Both lists, or the positive alone at scale 1."""
        if math.isclose(self.scale, 1.0) and not self.always_negative:
            return ("positive",)
        return ("positive", "negative")

    def combine(self, x: Tensor, sigma: float, predictions: Mapping[str, Tensor]) -> Tensor:
        """The negative moved by scale times the difference; every prediction is (B, C, H, W)."""
        del x, sigma
        positive = predictions["positive"]
        if "negative" not in predictions:
            return positive
        negative = predictions["negative"]
        return negative + (positive - negative) * self.scale

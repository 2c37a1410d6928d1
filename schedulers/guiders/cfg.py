"""Classifier-free guidance (Ho & Salimans 2022): push the prediction away from the negative prompt."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from schedulers.guiders.rule import Guided, Predict, Sampling, apply_rules


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
        wanted = sampling.always_negative or any(rule.needs_negative for rule in sampling.rules)
        if not self.has_negative or (is_one(self.scale) and not wanted):
            return ("positive",)
        return ("positive", "negative")

    def denoise(self, x: Tensor, sigma: float, predict: Predict, sampling: Sampling) -> tuple[Tensor, Tensor]:
        """Guide; every tensor is (B, C, H, W)."""
        predictions = predict(x, sigma, self.needs(sampling))
        positive = predictions["positive"]
        negative = predictions.get("negative")
        guided = apply_rules(
            sampling.rules,
            Guided(
                x=x,
                sigma=sigma,
                scale=self.scale,
                positive=positive,
                negative=torch.zeros_like(positive) if negative is None else negative,
                has_negative=negative is not None,
                predict=predict,
                sampling=sampling,
            ),
        )
        return guided.result, guided.negative

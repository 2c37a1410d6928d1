"""Classifier-free guidance (Ho & Salimans 2022): push the prediction away from the negative prompt."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from schedulers.guiders.rule import Guided, Predict, Rule, apply_rules


class Guider(Protocol):
    """Turns conditions into a denoiser: says what is predicted and what the predictions come to."""

    def denoise(
        self, x: Tensor, sigma: float, predict: Predict, sigmas: tuple[float, ...]
    ) -> tuple[Tensor, Tensor]:
        """(denoised, denoised under the negative prompt) of x (B, C, H, W) at sigma.

        The latter is all zero where there is no negative prompt. `sigmas` are the noise levels of the run.
        """
        ...


@dataclass(frozen=True)
class Guidance:
    """Guidance of a scale; at scale 1 the negative prompt is not evaluated, unless something needs it.

    rules: what the model's nodes do about guidance.
    always_negative: evaluate the negative prompt at scale 1 too.
    """

    scale: float
    rules: tuple[Rule, ...] = ()
    always_negative: bool = False

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the lists to evaluate, in the order in which they are stacked."""
        wanted = self.always_negative or any(rule.needs_negative for rule in self.rules)
        if math.isclose(self.scale, 1.0) and not wanted:
            return ("positive",)
        return ("positive", "negative")

    def denoise(
        self, x: Tensor, sigma: float, predict: Predict, sigmas: tuple[float, ...] = ()
    ) -> tuple[Tensor, Tensor]:
        """Guide; every tensor is (B, C, H, W)."""
        predictions = predict(x, sigma, self.needs)
        positive = predictions["positive"]
        negative = predictions.get("negative")
        guided = apply_rules(
            self.rules,
            Guided(
                x=x,
                sigma=sigma,
                scale=self.scale,
                positive=positive,
                negative=torch.zeros_like(positive) if negative is None else negative,
                has_negative=negative is not None,
                predict=predict,
                sigmas=sigmas,
            ),
        )
        return guided.result, guided.negative

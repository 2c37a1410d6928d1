"""Rules that change how strongly guidance works: in a part of sampling, by frame, by noise level."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from schedulers.guiders.rule import Guided


def _holds(guided: Guided, start: float, end: float) -> bool:
    """Whether sampling is between two of its parts, 0 = first step, 1 = last."""
    to_sigma = guided.sampling.path.percent_to_sigma
    return to_sigma(end) <= guided.sigma <= to_sigma(start)


@dataclass(frozen=True)
class ScaleInPart:
    """Another scale in a part of sampling (Kynkaanniemi et al. 2024: guidance in an interval is `outside` 1).

    start, end: the part, 0 = first step, 1 = last.
    inside: scale in the part, None = the guider's.
    outside: scale elsewhere, None = the guider's.
    """

    start: float = 0.0
    end: float = 1.0
    inside: float | None = None
    outside: float | None = None
    stage: Literal["before"] = "before"
    needs_negative: bool = False

    def apply(self, guided: Guided) -> Guided:
        """Set the scale."""
        scale = self.inside if _holds(guided, self.start, self.end) else self.outside
        return guided if scale is None else replace(guided, scale=scale)


@dataclass(frozen=True)
class ScaleByFrame:
    """A scale that changes along a batch of frames, from a least one to the guider's.

    shape: "linear" reaches it at the last frame, "triangle" in the middle and falls again.
    """

    least: float = 1.0
    shape: Literal["linear", "triangle"] = "linear"
    stage: Literal["combine"] = "combine"
    needs_negative: bool = False

    def apply(self, guided: Guided) -> Guided:
        """Combine the predictions of each frame at its scale."""
        frames = guided.positive.shape[0]
        if self.shape == "linear":
            scales = torch.linspace(self.least, guided.scale, frames, device=guided.x.device)
        else:
            places = torch.linspace(0, 1, frames, device=guided.x.device)
            rise = 2 * (places - (places + 0.5).floor()).abs()
            scales = rise * (guided.scale - self.least) + self.least
        moved = (guided.positive - guided.negative) * scales.view(-1, 1, 1, 1)
        return guided.with_result(guided.negative + moved)


@dataclass(frozen=True)
class EpsilonScaling:
    """The predicted noise is divided by a factor, against exposure bias (Ning et al. 2024).

    factor: above 1 takes out less noise.
    """

    factor: float = 1.005
    stage: Literal["after"] = "after"
    needs_negative: bool = False

    def apply(self, guided: Guided) -> Guided:
        """Scale the noise."""
        return guided.with_result(guided.x - (guided.x - guided.result) / self.factor)


@dataclass(frozen=True)
class TemporalScoreRescaling:
    """The score is rescaled as if the data were wider or narrower (Xu et al. 2025, equation 8).

    k: below 1 narrows what is drawn, above 1 widens it.
    sigma: spread of one mode of the data.
    """

    k: float = 0.95
    sigma: float = 1.0
    stage: Literal["after"] = "after"
    needs_negative: bool = False

    def apply(self, guided: Guided) -> Guided:
        """Rescale; at pure noise there is nothing to rescale."""
        path = guided.sampling.path
        ratio = path.ratio_of(guided.sigma)
        if math.isinf(ratio):
            return guided
        signal = self.sigma**2 / ratio**2
        share = (signal + 1) / (signal / self.k + 1)
        start: Tensor = guided.x / path.alpha_of(guided.sigma)
        return guided.with_result(torch.lerp(start, guided.result, share))

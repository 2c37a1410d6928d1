"""Rules that scale what guidance gives, so that strong guidance does not wash pictures out."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from schedulers.guiders.rule import ClassifierFree, Guided


def inner(first: Tensor, second: Tensor) -> Tensor:
    """Inner product (B, 1, 1, 1) of each pair of rows of two (B, C, H, W)."""
    return (first * second).sum(dim=(1, 2, 3), keepdim=True)


def norm(planes: Tensor) -> Tensor:
    """Length (B, 1, 1, 1) of each row of (B, C, H, W)."""
    length: Tensor = torch.linalg.vector_norm(planes, dim=(1, 2, 3), keepdim=True)
    return length


def deviation(planes: Tensor) -> Tensor:
    """Standard deviation (B, 1, 1, 1) of each row of (B, C, H, W)."""
    return planes.std(dim=(1, 2, 3), keepdim=True)


@dataclass(frozen=True)
class Rescaled:
    """The guided velocity is brought to the positive one's deviation, by a share (Lin et al. 2024, eq. 16).

    share: 0 changes nothing, 1 rescales fully.
    """

    share: float = 0.7
    stage: Literal["combine"] = "combine"
    needs_negative: bool = False

    def apply(self, guided: Guided) -> Guided:
        """Combine the predictions as velocities."""
        variance = guided.sigma**2 + 1.0
        factor = math.sqrt(variance) / guided.sigma
        base = guided.x / variance
        positive, negative = (base - guided.positive) * factor, (base - guided.negative) * factor
        moved = negative + (positive - negative) * guided.scale
        rescaled = moved * (deviation(positive) / deviation(moved))
        velocity = self.share * rescaled + (1.0 - self.share) * moved
        return guided.with_result(base - velocity / factor)


@dataclass(frozen=True)
class Renormed:
    """What guidance gives is not longer than the positive prediction (Gao et al. 2024, Lumina-Next).

    limit: in lengths of the positive prediction; 0 sets none.
    below: guidance only below this noise level.
    """

    limit: float = 1.0
    below: float = 100.0
    stage: Literal["combine"] = "combine"
    needs_negative: bool = False

    def apply(self, guided: Guided) -> Guided:
        """Combine the predictions, or take the positive one."""
        if guided.sigma >= self.below:
            return guided.with_result(guided.positive)
        moved = guided.negative + (guided.positive - guided.negative) * guided.scale
        if self.limit > 0:
            moved = moved * (norm(guided.positive) * self.limit / norm(moved)).clamp(max=1.0)
        return guided.with_result(moved)


@dataclass(frozen=True)
class ZeroStar:
    """The negative prediction is scaled to come nearest to the positive one (Fan et al. 2025, CFG-Zero*)."""

    stage: Literal["after"] = "after"
    needs_negative: bool = False

    def apply(self, guided: Guided) -> Guided:
        """Correct what came out by what the scaled negative changes."""
        positive, negative = guided.x - guided.positive, guided.x - guided.negative
        best = inner(positive, negative) / (inner(negative, negative) + 1e-8)
        return guided.with_result(guided.result + guided.negative * ((best - 1) * (1 - guided.scale)))


@dataclass(frozen=True)
class Normed:
    """No cell of what came out is longer than that of the positive prediction, over channels.

    strength: factor of the result.
    """

    strength: float = 1.0
    stage: Literal["after"] = "after"
    needs_negative: bool = False

    def apply(self, guided: Guided) -> Guided:
        """Shorten what came out."""
        wanted = guided.positive.norm(dim=1, keepdim=True)
        length = guided.result.norm(dim=1, keepdim=True)
        scale = (wanted / (length + 1e-8)).clamp(0.0, 1.0) * self.strength
        return guided.with_result(guided.result * scale)


@dataclass(frozen=True)
class NormedNoise:
    """Guided noise as long as the positive one, over channels: shorter or longer than without the rule.

    strength: share of the guided noise that is rescaled; 0 is plain guidance.
    """

    strength: float = 1.0
    stage: Literal["combine"] = "combine"
    needs_negative: bool = False

    def apply(self, guided: Guided) -> Guided:
        """Combine the predictions of noise and rescale what came out."""
        positive, negative = guided.x - guided.positive, guided.x - guided.negative
        moved = negative + (positive - negative) * guided.scale
        length = moved.norm(dim=1, keepdim=True)
        scale = torch.where(length > 0, positive.norm(dim=1, keepdim=True) / length.clamp(min=1e-12), 1.0)
        return guided.with_result(guided.x - moved * (1.0 + self.strength * (scale - 1.0)))


def _signed_root(planes: Tensor) -> Tensor:
    return planes.abs().sqrt() * planes.sign()


@dataclass(frozen=True)
class Mahiro:
    """The scaled positive prediction replaces what came out, the more the less both prompts agree."""

    stage: Literal["after"] = "after"
    needs_negative: bool = False

    def apply(self, guided: Guided) -> Guided:
        """Mix what came out with the scaled positive prediction."""
        leap = guided.positive * guided.scale
        against = _signed_root(guided.negative * guided.scale)
        middle = _signed_root((leap + guided.result) / 2)
        likeness = 2 * (torch.nn.functional.cosine_similarity(against, middle, dim=1).mean() + 1)
        return guided.with_result((likeness * guided.result + (4 - likeness) * leap) / 4)


@dataclass(frozen=True)
class MagnitudeAware:
    """Guidance that is weaker where it would change the noise much (Zhu et al. 2025, MAMBO-G).

    alpha: how fast it weakens with the size of the change; 0 is plain guidance.
    """

    alpha: float = 8.0
    stage: Literal["combine"] = "combine"
    needs_negative: bool = False

    def apply(self, guided: Guided) -> Guided:
        """Combine the predictions at a scale of each row's own."""
        difference = guided.positive - guided.negative
        ratio = norm(difference) / norm(guided.x - guided.negative)
        scale = 1.0 + (guided.scale - 1.0) * torch.exp(-self.alpha * ratio)
        return guided.with_result(guided.negative + scale * difference)


@dataclass(frozen=True)
class DynamicThresholding:
    """Guidance at a high scale, its values brought to the range of guidance at a low one, channel by channel.

    After Imagen's dynamic thresholding (Saharia et al. 2022, section 2.3); latents have no fixed range.

    mimic_scale: scale whose range is kept.
    percentile: share of the values that lie within the range, 1 = all.
    """

    mimic_scale: float = 7.0
    percentile: float = 1.0
    stage: Literal["combine"] = "combine"
    needs_negative: bool = False

    def apply(self, guided: Guided) -> Guided:
        """Combine the predictions at both scales."""
        strong = ClassifierFree().apply(guided).result
        weak = ClassifierFree().apply(replace(guided, scale=self.mimic_scale)).result
        if not guided.has_negative:
            return guided.with_result(strong)
        mean, weak_mean = (one.mean(dim=(2, 3), keepdim=True) for one in (strong, weak))
        strong = strong - mean
        reach, limit = self._range(strong), self._range(weak - weak_mean)
        reach = torch.maximum(reach, limit)
        kept = torch.minimum(torch.maximum(strong, -reach), reach) * (limit / reach)
        return guided.with_result(kept + mean)

    def _range(self, planes: Tensor) -> Tensor:
        """How far the values (B, C, H, W) of each channel reach: (B, C, 1, 1)."""
        flat = planes.abs().flatten(2)
        return torch.quantile(flat, self.percentile, dim=2)[..., None, None].clamp(min=1e-8)

"""Rules that take guidance apart along directions of the predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from schedulers.conditioning import ConditioningValue
from schedulers.guiders.rescaling import inner, norm
from schedulers.guiders.rule import Guided


def parts(planes: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
    """(part along a direction, rest) of each row of (B, C, H, W), computed in float64."""
    wide = planes.double()
    unit = torch.nn.functional.normalize(direction.double().flatten(1), dim=1).view_as(direction)
    along = inner(wide, unit) * unit
    return along.to(planes.dtype), (wide - along).to(planes.dtype)


@dataclass(frozen=True)
class AdaptiveProjected:
    """Adaptive projected guidance (Sadat et al. 2025, algorithm 1).

    eta: share of what lies along the positive prediction, which saturates pictures.
    norm_threshold: longest guidance; 0 sets none.
    momentum: share of earlier guidance that is added; negative values push away from it.
    """

    eta: float = 1.0
    norm_threshold: float = 5.0
    momentum: float = 0.0
    stage: Literal["before"] = "before"
    needs_negative: bool = False

    def started(self) -> _Projecting:
        """The rule for one run, with no guidance before."""
        return _Projecting(self)

    def apply(self, guided: Guided) -> Guided:
        """What guidance comes to without earlier guidance."""
        return self.started().apply(guided)


class _Projecting:
    """Adaptive projected guidance with what it remembers of a run."""

    stage: Literal["before"] = "before"
    needs_negative = False

    def __init__(self, rule: AdaptiveProjected) -> None:
        """rule: its numbers."""
        self._rule = rule
        self._average: Tensor | None = None
        self._last_sigma: float | None = None

    def apply(self, guided: Guided) -> Guided:
        """Change the positive prediction so that guidance moves along what is left of the difference."""
        rule = self._rule
        if guided.scale == 0:
            raise ValueError("adaptive projected guidance needs a scale other than 0")
        plain = guided.positive - guided.negative
        if self._last_sigma is not None and guided.sigma > self._last_sigma:
            self._average = None
        self._last_sigma = guided.sigma
        moved = plain
        if rule.momentum != 0:
            moved = plain if self._average is None else self._average * rule.momentum + plain
            self._average = moved
        if rule.norm_threshold > 0:
            moved = moved * (rule.norm_threshold / norm(moved)).clamp(max=1.0)
        along, across = parts(moved, guided.positive)
        positive = guided.negative + across + rule.eta * along + plain / guided.scale
        return replace(guided, positive=positive)


@dataclass(frozen=True)
class TangentialDamping:
    """The negative's noise keeps only what lies along the main direction of both (Kwon et al. 2025, TCFG)."""

    stage: Literal["before"] = "before"
    needs_negative: bool = False

    def apply(self, guided: Guided) -> Guided:
        """Change the negative prediction, where there is one."""
        if not guided.has_negative:
            return guided
        positive, negative = (guided.x - one for one in (guided.positive, guided.negative))
        wide, wide_negative = positive.double(), negative.double()
        mixed = inner(wide, wide_negative)
        gap = inner(wide_negative, wide_negative) - inner(wide, wide)
        angle = 0.5 * torch.atan2(2 * mixed, gap)
        main = angle.cos() * wide_negative + angle.sin() * wide
        along, _ = parts(negative, main)
        return replace(guided, negative=guided.x - along)


def perpendicular_negative(
    positive: Tensor, negative: Tensor, empty: Tensor, scale: float, neg_scale: float
) -> Tensor:
    """Guidance from an empty prompt, away from what of the negative is perpendicular to the positive.

    All are predictions (B, C, H, W) (Armandpour et al. 2023, Perp-Neg, equation 7). Lengths are those of the
    whole batch, as workflows expect.
    """
    wanted, unwanted = positive - empty, negative - empty
    along: Tensor = (unwanted * wanted).sum() / wanted.norm() ** 2 * wanted
    guided: Tensor = empty + scale * (wanted - neg_scale * (unwanted - along))
    return guided


EMPTY = "perp_neg_empty"


@dataclass(frozen=True, eq=False)
class PerpNeg:
    """Perp-Neg in the place of classifier-free guidance, with an empty prompt of its own.

    empty: what an empty prompt comes to.
    neg_scale: strength of the negative prompt.
    """

    empty: ConditioningValue
    neg_scale: float = 1.0
    stage: Literal["combine"] = "combine"
    needs_negative: bool = False

    @property
    def lists(self) -> Mapping[str, ConditioningValue]:
        """The empty prompt, which the model predicts beside the guider's lists."""
        return {EMPTY: self.empty}

    def apply(self, guided: Guided) -> Guided:
        """Combine the predictions with that of the empty prompt."""
        empty = guided.predict(guided.x, guided.sigma, (EMPTY,))[EMPTY]
        denoised = perpendicular_negative(
            guided.positive, guided.negative, empty, guided.scale, self.neg_scale
        )
        return guided.with_result(denoised)

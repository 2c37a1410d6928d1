"""Says how nodes change guidance: rules that ride on a model and see what a guider sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, runtime_checkable

import torch
from torch import Tensor

from models.adapters.patch import Patch
from schedulers.conditioning import ConditioningValue
from schedulers.path import Path
from schedulers.step import PairDenoiser
from schedulers.tables import SigmaTable


class Predict(Protocol):
    """Evaluates lists of conditions."""

    def __call__(
        self, x: Tensor, sigma: float, names: Sequence[str], under: Sequence[Patch] = ()
    ) -> dict[str, Tensor]:
        """The clean latent (B, C, H, W) that each named list expects behind x (B, C, H, W).

        `under` is installed in the network for this evaluation only.
        """
        ...


@dataclass(frozen=True, eq=False)
class Sampling:
    """What guidance knows of the sampling it is part of.

    path: the way from noise to picture.
    table: the noise levels of the network.
    sigmas: every noise level of the run.
    rules: what the model's nodes do about guidance.
    spoiling: those that change the network for lists of classifier-free guidance.
    always_negative: the sampler looks at the negative prediction.
    """

    path: Path
    table: SigmaTable
    sigmas: tuple[float, ...] = ()
    rules: tuple[Rule, ...] = ()
    always_negative: bool = False
    spoiling: tuple[Spoiling, ...] = ()

    @property
    def wants_negative(self) -> bool:
        """Whether the negative prompt is evaluated even where a scale of 1 makes it idle."""
        return self.always_negative or any(rule.needs_negative for rule in self.rules)


@dataclass(frozen=True, eq=False)
class Guided:
    """One evaluation of guidance; rules hand on a changed copy (`dataclasses.replace`).

    x: (B, C, H, W), at noise level sigma.
    scale: of guidance.
    positive, negative: (B, C, H, W) clean latents; the negative is all zero where it was not evaluated.
    has_negative: whether it was.
    denoised: (B, C, H, W), what came out; None before the predictions were combined.
    predict: for rules that need further evaluations.
    sampling: what it is part of.
    """

    x: Tensor
    sigma: float
    scale: float
    positive: Tensor
    negative: Tensor
    has_negative: bool
    predict: Predict
    sampling: Sampling
    denoised: Tensor | None = None

    @property
    def result(self) -> Tensor:
        """What came out so far; raises ValueError before the predictions were combined."""
        if self.denoised is None:
            raise ValueError("the predictions were not combined yet")
        return self.denoised

    def with_result(self, denoised: Tensor) -> Guided:
        """The same with another outcome (B, C, H, W)."""
        return replace(self, denoised=denoised)


class Rule(Protocol):
    """A change to guidance; frozen, and without memory of earlier evaluations but for what `started` makes.

    Rules "before" change the predictions, the last rule "combine" stands in for classifier-free guidance,
    rules "after" change what came out; those of one stage in the order in which they were added.
    """

    @property
    def stage(self) -> Literal["before", "combine", "after"]:
        """When it is applied."""
        ...

    @property
    def needs_negative(self) -> bool:
        """Whether the negative is evaluated even where the scale of guidance is 1."""
        ...

    def apply(self, guided: Guided) -> Guided:
        """What guidance comes to with the rule."""
        ...


@runtime_checkable
class Remembering(Protocol):
    """A rule that remembers earlier evaluations of a run."""

    def started(self) -> Rule:
        """The rule for one run, with nothing to remember yet."""
        ...


@runtime_checkable
class Asking(Protocol):
    """A rule with conditions of its own, which the model predicts beside the guider's lists."""

    @property
    def lists(self) -> Mapping[str, ConditioningValue]:
        """The conditions, under names that no guider uses."""
        ...


@runtime_checkable
class Spoiling(Protocol):
    """A rule that changes the network for some of the lists that classifier-free guidance asks for."""

    def under(self, name: str, sigma: float, sampling: Sampling) -> tuple[Patch, ...]:
        """What is installed while a named list is predicted at a noise level."""
        ...


@runtime_checkable
class MaskRule(Protocol):
    """A rule that says which part of an inpainting mask holds at a noise level; the last one wins."""

    def mask_at(self, mask: Tensor, sigma: float, sampling: Sampling) -> Tensor:
        """The mask that holds at a noise level, shaped like the mask (B, C, H, W), 1 = denoise."""
        ...


@runtime_checkable
class Wrapping(Protocol):
    """A rule that may leave guidance out: it stands around the whole of it."""

    def wrapped(self, denoise: PairDenoiser) -> PairDenoiser:
        """Guidance for one run, with the rule around it."""
        ...


def started(rules: Sequence[Any]) -> tuple[Any, ...]:
    """The rules for one run."""
    return tuple(rule.started() if isinstance(rule, Remembering) else rule for rule in rules)


def changed(rules: Sequence[Rule], guided: Guided) -> Guided:
    """Guidance after the rules of stage "before"."""
    for rule in rules:
        if rule.stage == "before":
            guided = rule.apply(guided)
    return guided


def combined(rules: Sequence[Rule], guided: Guided) -> Guided:
    """Guidance with its predictions combined, by the last rule for that or classifier-free."""
    combining = [rule for rule in rules if rule.stage == "combine"]
    return combining[-1].apply(guided) if combining else ClassifierFree().apply(guided)


def finished(rules: Sequence[Rule], guided: Guided) -> Guided:
    """Guidance after the rules of stage "after"."""
    for rule in rules:
        if rule.stage == "after":
            guided = rule.apply(guided)
    return guided


def apply_rules(rules: Sequence[Rule], guided: Guided) -> Guided:
    """Guidance under rules: before, combine, after."""
    return finished(rules, combined(rules, changed(rules, guided)))


def predicted(
    x: Tensor, sigma: float, names: Sequence[str], predict: Predict, sampling: Sampling
) -> dict[str, Tensor]:
    """What lists come to behind x (B, C, H, W); those for which a rule changes the network, by themselves."""
    under = {
        name: tuple(patch for rule in sampling.spoiling for patch in rule.under(name, sigma, sampling))
        for name in names
    }
    predictions: dict[str, Tensor] = {}
    if plain := [name for name in names if not under[name]]:
        predictions |= predict(x, sigma, plain)
    for name in names:
        if under[name]:
            predictions |= predict(x, sigma, (name,), under[name])
    return predictions


def state(
    x: Tensor,
    sigma: float,
    scale: float,
    positive: Tensor,
    negative: Tensor | None,
    predict: Predict,
    sampling: Sampling,
) -> Guided:
    """Guidance of predictions (B, C, H, W) before any rule; a negative that is None is all zero."""
    return Guided(
        x=x,
        sigma=sigma,
        scale=scale,
        positive=positive,
        negative=torch.zeros_like(positive) if negative is None else negative,
        has_negative=negative is not None,
        predict=predict,
        sampling=sampling,
    )


@dataclass(frozen=True)
class ClassifierFree:
    """The negative moved by scale times the difference (Ho & Salimans 2022, equation 6)."""

    stage: Literal["combine"] = "combine"
    needs_negative: bool = False

    def apply(self, guided: Guided) -> Guided:
        """Combine the two predictions."""
        if not guided.has_negative:
            return guided.with_result(guided.positive)
        moved = guided.negative + (guided.positive - guided.negative) * guided.scale
        return guided.with_result(moved)

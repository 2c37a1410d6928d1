"""Holds changes to networks that go with prompts: what a HOOKS wire carries, and how strong each is when."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Protocol

from models.adapters.patch import Patch
from models.diffusion import DiffusionModel, TextModel


class Scalable(Patch, Protocol):
    """A patch that has a strength."""

    def scaled(self, factor: float) -> Patch:
        """The same with its strength multiplied."""
        ...


class Changes(Protocol):
    """Where the changes of a hook come from; two hooks with the very same changes are one."""

    def for_model(self, model: DiffusionModel) -> tuple[Scalable, ...]:
        """What changes the network of a model, at strength 1."""
        ...

    def for_clip(self, clip: TextModel) -> tuple[Scalable, ...]:
        """What changes text encoders, at strength 1."""
        ...


@dataclass(frozen=True)
class Keyframe:
    """A strength that holds from a part of sampling on.

    strength: what the strengths of a hook are multiplied by.
    start: 0 = first step, 1 = last.
    guaranteed: for how many evaluations it holds at least, unless it begins before sampling does.
    """

    strength: float
    start: float = 0.0
    guaranteed: int = 1


@dataclass(frozen=True, eq=False)
class Keyframes:
    """Keyframes in order; the first holds from the beginning, whenever it starts."""

    frames: tuple[Keyframe, ...] = ()

    def with_frames(self, *frames: Keyframe) -> Keyframes:
        """The same with more of them."""
        return Keyframes(tuple(sorted((*self.frames, *frames), key=lambda frame: frame.start)))

    def spans(self) -> list[tuple[float, float, float]]:
        """(start, end, strength) of the parts of sampling in which a text is encoded differently."""
        if not self.frames:
            return [(0.0, 1.0, 1.0)]
        spans, held = [], self.frames[0]
        for frame in self.frames:
            if frame.start == held.start:
                held = frame
            elif not math.isclose(frame.strength, held.strength):
                spans.append((held.start, frame.start, held.strength))
                held = frame
        if held.start < 1.0:
            spans.append((held.start, 1.0, held.strength))
        return spans


@dataclass(frozen=True, eq=False)
class WeightHook:
    """Changes to the networks of a model and a text encoder, with their strengths."""

    changes: Changes
    model_strength: float = 1.0
    clip_strength: float = 1.0
    keyframes: Keyframes = field(default_factory=Keyframes)


@dataclass(frozen=True, eq=False)
class Progress:
    """How far keyframes are at one noise level: the index of the one that holds, and for how many so far."""

    index: int = 0
    used: int = 0
    sigma: float | None = None


class KeyframeRun:
    """Keyframes along one run of sampling: tells what holds at each noise level in turn."""

    def __init__(
        self, keyframes: Keyframes, percent_to_sigma: Callable[[float], float], highest: float
    ) -> None:
        """`highest` is the noise level at which the run starts."""
        self._frames = keyframes.frames
        self._starts = [percent_to_sigma(frame.start) for frame in self._frames]
        self._least = [
            0 if start > highest else frame.guaranteed
            for frame, start in zip(self._frames, self._starts, strict=True)
        ]
        self._now = Progress()

    def strength(self, sigma: float) -> float:
        """What holds at a noise level; asking again for the same one changes nothing."""
        if not self._frames:
            return 1.0
        if sigma != self._now.sigma:
            self._now = self._moved(sigma)
        return self._frames[self._now.index].strength

    def _moved(self, sigma: float) -> Progress:
        index, used = self._now.index, self._now.used
        if used >= self._least[index]:
            for later in range(index + 1, len(self._frames)):
                if self._starts[later] < sigma:
                    break
                index, used = later, 0
                if self._least[later] > 0:
                    break
        return Progress(index, used + 1, sigma)


class HookRun:
    """One run of sampling for the hooks in it: keyframes that several share move on together."""

    def __init__(
        self, model: DiffusionModel | None, percent_to_sigma: Callable[[float], float], highest: float
    ) -> None:
        """`model` is what is sampled with, `highest` the noise level at which the run starts."""
        self._model = model
        self._percent_to_sigma = percent_to_sigma
        self._highest = highest
        self._runs: dict[int, KeyframeRun] = {}

    @property
    def model(self) -> DiffusionModel:
        """What hooks change; raises ValueError in a run that was told of no model."""
        if self._model is None:
            raise ValueError("hooks need a model to change, but this run was told of none")
        return self._model

    def of(self, keyframes: Keyframes) -> KeyframeRun:
        """The keyframes along this run."""
        if id(keyframes) not in self._runs:
            self._runs[id(keyframes)] = KeyframeRun(keyframes, self._percent_to_sigma, self._highest)
        return self._runs[id(keyframes)]


@dataclass(frozen=True, eq=False)
class Hooks:
    """What a HOOKS wire carries: hooks that hold at the same time, in the order of installing."""

    hooks: tuple[WeightHook, ...] = ()

    def joined(self, *others: Hooks | None) -> Hooks:
        """These and those of others; one that is there already is not added again."""
        joined = list(self.hooks)
        for other in others:
            for hook in other.hooks if other is not None else ():
                if all(hook.changes is not present.changes for present in joined):
                    joined.append(hook)
        return Hooks(tuple(joined))

    def with_keyframes(self, keyframes: Keyframes) -> Hooks:
        """The same hooks under other keyframes."""
        return Hooks(tuple(replace(hook, keyframes=keyframes) for hook in self.hooks))

    def bind(self, run: HookRun) -> BoundHooks:
        """The hooks for one run of sampling."""
        return BoundHooks(
            tuple(
                BoundHook(hook.changes.for_model(run.model), hook.model_strength, run.of(hook.keyframes))
                for hook in self.hooks
                if hook.model_strength != 0.0
            )
        )

    def clip_patches(self, clip: TextModel, factors: Iterable[float]) -> tuple[Patch, ...]:
        """What is installed in text encoders: each hook at its strength, times its factor."""
        return tuple(
            patch
            for hook, factor in zip(self.hooks, factors, strict=True)
            if hook.clip_strength != 0.0
            for patch in _scaled(hook.changes.for_clip(clip), hook.clip_strength * factor)
        )

    def clip_spans(self) -> list[tuple[float, float, tuple[float, ...]]]:
        """(start, end, factor of each hook) of the parts of sampling that need a text encoded anew.

        Before its first keyframe a hook has the factor 1.
        """
        spans = [hook.keyframes.spans() for hook in self.hooks]
        ends = sorted({0.0, *(end for own in spans for start, stop, _ in own for end in (start, stop))})
        return [
            (start, end, tuple(_strength_between(own, start, end) for own in spans))
            for start, end in pairwise(ends)
        ]


@dataclass(frozen=True, eq=False)
class ClipHooks:
    """Hooks on text encoders.

    hooks: what changes them while they encode.
    on_entries: whether the hooks go with the prompts, to the model.
    scheduled: whether prompts are encoded once for each part of sampling in which keyframes differ; otherwise
        once, as if there were none.
    """

    hooks: Hooks
    on_entries: bool = True
    scheduled: bool = False

    def spans(self) -> list[tuple[float, float, tuple[float, ...]]]:
        """(start, end, factor of each hook) of the parts of sampling that need a text encoded anew."""
        return self.hooks.clip_spans() if self.scheduled else [(0.0, 1.0, (1.0,) * len(self.hooks.hooks))]


@dataclass(frozen=True, eq=False)
class BoundHook:
    """A hook in one run: what it installs at strength 1, its strength, and its keyframes along the run."""

    patches: tuple[Scalable, ...]
    strength: float
    keyframes: KeyframeRun


class BoundHooks:
    """Hooks in one run of sampling."""

    def __init__(self, hooks: Sequence[BoundHook]) -> None:
        self._hooks = hooks
        self._made: dict[tuple[float, ...], tuple[Patch, ...]] = {}

    def patches(self, sigma: float) -> tuple[Patch, ...]:
        """What is installed at a noise level."""
        strengths = tuple(hook.strength * hook.keyframes.strength(sigma) for hook in self._hooks)
        if strengths not in self._made:
            self._made[strengths] = tuple(
                patch
                for hook, strength in zip(self._hooks, strengths, strict=True)
                for patch in _scaled(hook.patches, strength)
            )
        return self._made[strengths]


def _scaled(patches: Iterable[Scalable], strength: float) -> tuple[Patch, ...]:
    return () if strength == 0.0 else tuple(patch.scaled(strength) for patch in patches)


def _strength_between(spans: Sequence[tuple[float, float, float]], start: float, end: float) -> float:
    return next((strength for first, last, strength in spans if first < end and last > start), 1.0)

"""Says how strong hooks are in which part of sampling."""

import logging
import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Annotated

import torch

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Floats, HookKeyframes, Hooks
from nodes.api.widgets import Choice, Hint, Range
from schedulers.hooks import Keyframe, Keyframes

logger = logging.getLogger(__name__)

Percent = Annotated[float, Range(0.0, 1.0, step=0.001)]
Strength = Annotated[float, Range(0.0, 10.0, step=0.001)]

EASES: Mapping[str, Callable[[float], float]] = MappingProxyType(
    {
        "linear": lambda part: part,
        "ease_in": lambda part: part**2,
        "ease_out": lambda part: 1.0 - (1.0 - part) ** 2,
        "ease_in_out": lambda part: (1.0 - math.cos(math.pi * part)) / 2.0,
    }
)

schedule = partial(node, category="advanced/hooks/scheduling", experimental=True)


def spread(
    strengths: Iterable[float],
    starts: Iterable[float],
    before: Keyframes | None,
    tell: bool,
) -> Keyframes:
    """Return keyframes with more of them; only the first of the new ones is sure of an evaluation."""
    frames = [
        Keyframe(strength, start, 0 if index else 1)
        for index, (strength, start) in enumerate(zip(strengths, starts, strict=True))
    ]
    for frame in frames if tell else ():
        logger.info("keyframe: from %.3f of sampling on strength %.3f", frame.start, frame.strength)
    return (before or Keyframes()).with_frames(*frames)


def evenly(start: float, end: float, count: int) -> list[float]:
    """Return numbers at equal distances, both ends included."""
    return [float(number) for number in torch.linspace(start, end, count)]


@schedule(id="CreateHookKeyframe", display_name="Create Hook Keyframe", outputs=("HOOK_KF",))
def keyframe(
    *,
    strength_mult: Annotated[float, Range(-20.0, 20.0, step=0.01)] = 1.0,
    start_percent: Percent = 0.0,
    prev_hook_kf: HookKeyframes | None = None,
) -> HookKeyframes:
    """Say by what the strength of hooks is multiplied from a part of sampling on.

    Args:
        strength_mult: the factor.
        start_percent: when it begins to hold, 0 = with the first noise level of the model.
        prev_hook_kf: keyframes that hold before or after.
    """
    return (prev_hook_kf or Keyframes()).with_frames(Keyframe(strength_mult, start_percent))


@schedule(
    id="CreateHookKeyframesInterpolated", display_name="Create Hook Keyframes Interp.", outputs=("HOOK_KF",)
)
def interpolated_keyframes(
    *,
    strength_start: Strength = 1.0,
    strength_end: Strength = 1.0,
    interpolation: Annotated[str, Choice(EASES)],
    start_percent: Percent = 0.0,
    end_percent: Percent = 1.0,
    keyframes_count: Annotated[int, Range(2, 100, step=1)] = 5,
    print_keyframes: bool = False,
    prev_hook_kf: HookKeyframes | None = None,
) -> HookKeyframes:
    """Have the strength of hooks go from one factor to another.

    Args:
        strength_start: the first factor.
        strength_end: the last factor.
        interpolation: how it goes from one to the other.
        start_percent: when the first begins to hold.
        end_percent: when the last begins to hold.
        keyframes_count: how many factors there are, both ends included.
        print_keyframes: write them to the log.
        prev_hook_kf: keyframes that hold before or after.
    """
    ease, difference = EASES[interpolation], strength_end - strength_start
    strengths = [strength_start + difference * ease(part) for part in evenly(0.0, 1.0, keyframes_count)]
    return spread(
        strengths, evenly(start_percent, end_percent, keyframes_count), prev_hook_kf, print_keyframes
    )


@schedule(
    id="CreateHookKeyframesFromFloats",
    display_name="Create Hook Keyframes From Floats",
    outputs=("HOOK_KF",),
)
def keyframes_from_numbers(
    *,
    floats_strength: Annotated[
        Floats, Hint(socket_only=True, extra={"default": -1, "min": -1, "step": 0.001})
    ],
    start_percent: Percent = 0.0,
    end_percent: Percent = 1.0,
    print_keyframes: bool = False,
    prev_hook_kf: HookKeyframes | None = None,
) -> HookKeyframes:
    """Have the strength of hooks follow a list of factors.

    Args:
        floats_strength: a number, or a list of them.
        start_percent: when the first begins to hold.
        end_percent: when the last begins to hold.
        print_keyframes: write them to the log.
        prev_hook_kf: keyframes that hold before or after.
    """
    given = [floats_strength] if isinstance(floats_strength, int | float) else floats_strength
    if not isinstance(given, Iterable) or isinstance(given, str):
        raise NodeError(f"floats_strength must be a number or a list of numbers, not {given!r:.80}")
    strengths = [float(number) for number in given]
    if not strengths:
        raise NodeError("floats_strength is an empty list, so there is no keyframe to make")
    return spread(
        strengths, evenly(start_percent, end_percent, len(strengths)), prev_hook_kf, print_keyframes
    )


@schedule(id="SetHookKeyframes", display_name="Set Hook Keyframes")
def set_keyframes(hooks: Hooks, hook_kf: HookKeyframes | None = None) -> Hooks:
    """Have hooks follow keyframes instead of those they have.

    Args:
        hooks: changes to networks.
        hook_kf: by what their strengths are multiplied when; without any they stay as they are.
    """
    # A copy, since keyframes that are set once move on together, and those that are set twice do not.
    return hooks if hook_kf is None else hooks.with_keyframes(Keyframes(hook_kf.frames))

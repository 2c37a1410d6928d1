"""Sets several properties of prompts at once, for one list of them or for a positive and a negative one."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, NamedTuple

from nodes.api.declare import node
from nodes.api.sockets import Conditioning, Hooks, Mask, TimestepsRange
from nodes.api.widgets import Choice, Range
from nodes.conditioning.region import MASK_AREAS
from nodes.image.resize import planes
from schedulers.conditioning import ConditioningValue, Entry

Strength = Annotated[float, Range(0.0, 10.0, step=0.01)]
MaskArea = Annotated[str, Choice(MASK_AREAS)]
Percent = Annotated[float, Range(0.0, 1.0, step=0.001)]

single = partial(node, category="advanced/hooks/cond single", experimental=True)
pair = partial(node, category="advanced/hooks/cond pair", experimental=True, outputs=("positive", "negative"))


class Ranges(NamedTuple):
    """A part of sampling, what comes before it and what comes after."""

    TIMESTEPS_RANGE: TimestepsRange
    BEFORE_RANGE: TimestepsRange
    AFTER_RANGE: TimestepsRange


def with_properties(
    conditioning: ConditioningValue,
    strength: float,
    set_cond_area: str,
    mask: Any = None,
    hooks: Any = None,
    timesteps: Any = None,
) -> ConditioningValue:
    """Return prompts with a mask (B, H, W) of a strength, more hooks and a part of sampling; None keeps."""
    changes: dict[str, Any] = {}
    if mask is not None:
        bounds = set_cond_area != MASK_AREAS[0]
        changes |= {"mask": planes(mask), "mask_strength": strength, "mask_bounds": bounds}
    if timesteps is not None:
        changes |= {"start": timesteps[0], "end": timesteps[1]}

    def change(entry: Entry) -> Entry:
        return replace(entry, **changes, extra=with_hooks(entry.extra, hooks))

    return tuple(change(entry) for entry in conditioning)


def with_hooks(extra: Mapping[str, Any], hooks: Hooks | None) -> Mapping[str, Any]:
    """Return the fields of an entry with hooks added to those it has."""
    if hooks is None:
        return extra
    before = extra.get("hooks")
    return {**extra, "hooks": hooks if before is None else before.joined(hooks)}


@node(
    id="ConditioningTimestepsRange",
    display_name="Timesteps Range",
    category="advanced/hooks",
    experimental=True,
)
def part_of_sampling(start_percent: Percent = 0.0, end_percent: Percent = 1.0) -> Ranges:
    """Name a part of sampling, and what lies before and after it.

    Args:
        start_percent: when it begins, 0 = with the first noise level of the model.
        end_percent: when it ends, 1 = with the last one.
    """
    return Ranges((start_percent, end_percent), (0.0, start_percent), (end_percent, 1.0))


@single(id="ConditioningSetProperties", display_name="Cond Set Props")
def set_properties(
    *,
    cond_NEW: Conditioning,  # noqa: N803 - the name that saved workflows know
    strength: Strength = 1.0,
    set_cond_area: MaskArea,
    mask: Mask | None = None,
    hooks: Hooks | None = None,
    timesteps: TimestepsRange | None = None,
) -> Conditioning:
    """Say where, when and with which changes to the network prompts hold.

    Args:
        cond_NEW: prompts.
        strength: factor for the mask.
        set_cond_area: with mask bounds the network looks only at the box around the mask.
        mask: (B, H, W) of any size, stretched to the picture; without one they hold everywhere.
        hooks: changes to the network, added to those they have.
        timesteps: the part of sampling.
    """
    return with_properties(cond_NEW, strength, set_cond_area, mask, hooks, timesteps)


@single(id="ConditioningSetPropertiesAndCombine", display_name="Cond Set Props Combine")
def set_properties_and_combine(
    *,
    cond: Conditioning,
    cond_NEW: Conditioning,  # noqa: N803 - the name that saved workflows know
    strength: Strength = 1.0,
    set_cond_area: MaskArea,
    mask: Mask | None = None,
    hooks: Hooks | None = None,
    timesteps: TimestepsRange | None = None,
) -> Conditioning:
    """Add prompts to others, and say where, when and with which changes to the network they hold.

    Args:
        cond: prompts that stay as they are.
        cond_NEW: prompts that are added.
        strength: factor for the mask.
        set_cond_area: with mask bounds the network looks only at the box around the mask.
        mask: (B, H, W) of any size, stretched to the picture; without one they hold everywhere.
        hooks: changes to the network, added to those they have.
        timesteps: the part of sampling.
    """
    return (*cond, *with_properties(cond_NEW, strength, set_cond_area, mask, hooks, timesteps))


@pair(id="PairConditioningSetProperties", display_name="Cond Pair Set Props")
def set_properties_of_pair(
    *,
    positive_NEW: Conditioning,  # noqa: N803 - the name that saved workflows know
    negative_NEW: Conditioning,  # noqa: N803
    strength: Strength = 1.0,
    set_cond_area: MaskArea,
    mask: Mask | None = None,
    hooks: Hooks | None = None,
    timesteps: TimestepsRange | None = None,
) -> tuple[Conditioning, Conditioning]:
    """Say where, when and with which changes to the network positive and negative prompts hold.

    Args:
        positive_NEW: positive prompts.
        negative_NEW: negative prompts.
        strength: factor for the mask.
        set_cond_area: with mask bounds the network looks only at the box around the mask.
        mask: (B, H, W) of any size, stretched to the picture; without one they hold everywhere.
        hooks: changes to the network, added to those they have.
        timesteps: the part of sampling.
    """
    properties = (strength, set_cond_area, mask, hooks, timesteps)
    return with_properties(positive_NEW, *properties), with_properties(negative_NEW, *properties)


@pair(id="PairConditioningSetPropertiesAndCombine", display_name="Cond Pair Set Props Combine")
def set_properties_of_pair_and_combine(
    *,
    positive: Conditioning,
    negative: Conditioning,
    positive_NEW: Conditioning,  # noqa: N803 - the name that saved workflows know
    negative_NEW: Conditioning,  # noqa: N803
    strength: Strength = 1.0,
    set_cond_area: MaskArea,
    mask: Mask | None = None,
    hooks: Hooks | None = None,
    timesteps: TimestepsRange | None = None,
) -> tuple[Conditioning, Conditioning]:
    """Add a pair of prompts to another, and say where, when and with which changes they hold.

    Args:
        positive: positive prompts that stay as they are.
        negative: negative prompts that stay as they are.
        positive_NEW: positive prompts that are added.
        negative_NEW: negative prompts that are added.
        strength: factor for the mask.
        set_cond_area: with mask bounds the network looks only at the box around the mask.
        mask: (B, H, W) of any size, stretched to the picture; without one they hold everywhere.
        hooks: changes to the network, added to those they have.
        timesteps: the part of sampling.
    """
    properties = (strength, set_cond_area, mask, hooks, timesteps)
    return (
        (*positive, *with_properties(positive_NEW, *properties)),
        (*negative, *with_properties(negative_NEW, *properties)),
    )


@pair(id="PairConditioningCombine", display_name="Cond Pair Combine")
def combine_pairs(
    positive_A: Conditioning,  # noqa: N803 - the names that saved workflows know
    negative_A: Conditioning,  # noqa: N803
    positive_B: Conditioning,  # noqa: N803
    negative_B: Conditioning,  # noqa: N803
) -> tuple[Conditioning, Conditioning]:
    """Let two pairs of prompts hold side by side.

    Args:
        positive_A: positive prompts.
        negative_A: negative prompts.
        positive_B: more positive prompts.
        negative_B: more negative prompts.
    """
    return (*positive_A, *positive_B), (*negative_A, *negative_B)

"""Gives prompts that hold where no other prompt does."""

from dataclasses import replace

from nodes.api.sockets import Conditioning, Hooks
from nodes.conditioning.properties import pair, single, with_hooks


def as_defaults(conditioning: Conditioning, hooks: Hooks | None) -> Conditioning:
    """Return prompts that fill what others leave, with more hooks."""
    return tuple(
        replace(entry, extra={**with_hooks(entry.extra, hooks), "default": True}) for entry in conditioning
    )


@single(id="ConditioningSetDefaultCombine", display_name="Cond Set Default Combine")
def with_default(
    *,
    cond: Conditioning,
    cond_DEFAULT: Conditioning,  # noqa: N803 - the name that saved workflows know
    hooks: Hooks | None = None,
) -> Conditioning:
    """Add prompts that hold where and when no others do.

    Args:
        cond: prompts that stay as they are.
        cond_DEFAULT: prompts for the rest of the picture.
        hooks: changes to the network that go with the latter, added to those they have.
    """
    return (*cond, *as_defaults(cond_DEFAULT, hooks))


@pair(id="PairConditioningSetDefaultCombine", display_name="Cond Pair Set Default Combine")
def pair_with_default(
    *,
    positive: Conditioning,
    negative: Conditioning,
    positive_DEFAULT: Conditioning,  # noqa: N803 - the name that saved workflows know
    negative_DEFAULT: Conditioning,  # noqa: N803
    hooks: Hooks | None = None,
) -> tuple[Conditioning, Conditioning]:
    """Add a pair of prompts that hold where and when no others do.

    Args:
        positive: positive prompts that stay as they are.
        negative: negative prompts that stay as they are.
        positive_DEFAULT: positive prompts for the rest of the picture.
        negative_DEFAULT: negative prompts for the rest.
        hooks: changes to the network that go with the latter two, added to those they have.
    """
    return (
        (*positive, *as_defaults(positive_DEFAULT, hooks)),
        (*negative, *as_defaults(negative_DEFAULT, hooks)),
    )

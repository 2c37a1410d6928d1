"""Joins, mixes and empties conditioning."""

from dataclasses import replace
from typing import Annotated

import torch
import torch.nn.functional as functional
from torch import Tensor

from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Conditioning
from nodes.api.widgets import Range
from schedulers.conditioning import ConditioningValue, Entry


def first_entry(ctx: Context, conditioning: ConditioningValue) -> Entry:
    """Return the one entry that is used of a conditioning that should have only one.

    Raises:
        NodeError: there is none.
    """
    if not conditioning:
        raise NodeError("conditioning_from is empty")
    if len(conditioning) > 1:
        ctx.log.warning("conditioning_from has %d prompts; only the first is used", len(conditioning))
    return conditioning[0]


@node(id="ConditioningCombine", display_name="Conditioning (Combine)", category="conditioning")
def combine(conditioning_1: Conditioning, conditioning_2: Conditioning) -> Conditioning:
    """Let prompts hold side by side: what the network predicts for each is averaged.

    Args:
        conditioning_1: prompts.
        conditioning_2: more prompts.
    """
    return (*conditioning_1, *conditioning_2)


@node(id="ConditioningConcat", display_name="Conditioning (Concat)", category="conditioning")
def concatenate(ctx: Context, conditioning_to: Conditioning, conditioning_from: Conditioning) -> Conditioning:
    """Append the tokens of one prompt to others, so that the network sees them together.

    Args:
        conditioning_to: prompts that are extended; their areas and times stay.
        conditioning_from: the prompt whose tokens are appended.
    """
    tail = first_entry(ctx, conditioning_from).embedding
    return tuple(
        replace(entry, embedding=torch.cat((entry.embedding, _same_width(entry.embedding, tail)), dim=1))
        for entry in conditioning_to
    )


@node(id="ConditioningAverage", display_name="ConditioningAverage", category="conditioning")
def average(
    ctx: Context,
    conditioning_to: Conditioning,
    conditioning_from: Conditioning,
    conditioning_to_strength: Annotated[float, Range(0.0, 1.0, step=0.01)] = 1.0,
) -> Conditioning:
    """Mix the tokens of prompts one by one with those of another.

    Args:
        conditioning_to: prompts; their areas and times stay.
        conditioning_from: the prompt that is mixed in, cut or filled up with zeros to the same length.
        conditioning_to_strength: 1 is the first alone, 0 the second alone.
    """
    other, weight = first_entry(ctx, conditioning_from), conditioning_to_strength

    def mix(entry: Entry) -> Entry:
        length = entry.embedding.shape[1]
        tokens = _same_width(entry.embedding, other.embedding)[:, :length]
        tokens = functional.pad(tokens, (0, 0, 0, length - tokens.shape[1]))
        pooled = other.pooled if entry.pooled is None else entry.pooled
        if entry.pooled is not None and other.pooled is not None:
            pooled = entry.pooled * weight + other.pooled * (1 - weight)
        return replace(entry, embedding=entry.embedding * weight + tokens * (1 - weight), pooled=pooled)

    return tuple(mix(entry) for entry in conditioning_to)


@node(id="ConditioningMultiply", display_name="Conditioning (Multiply)", category="advanced/conditioning")
def multiply(
    conditioning: Conditioning, multiplier: Annotated[float, Range(-100.0, 100.0, step=0.01)] = 1.0
) -> Conditioning:
    """Multiply the tokens of prompts by a number.

    Args:
        conditioning: prompts; their areas and times stay.
        multiplier: the number.
    """
    return tuple(
        replace(
            entry,
            embedding=entry.embedding * multiplier,
            pooled=None if entry.pooled is None else entry.pooled * multiplier,
        )
        for entry in conditioning
    )


@node(id="ConditioningZeroOut", display_name="ConditioningZeroOut", category="advanced/conditioning")
def zero_out(conditioning: Conditioning) -> Conditioning:
    """Replace the tokens of prompts by zeros, as some models want their negative prompt.

    Args:
        conditioning: prompts; their areas and times stay.
    """
    return tuple(
        replace(
            entry,
            embedding=torch.zeros_like(entry.embedding),
            pooled=None if entry.pooled is None else torch.zeros_like(entry.pooled),
        )
        for entry in conditioning
    )


def _same_width(embedding: Tensor, other: Tensor) -> Tensor:
    """Return other (1, T, D) if D is that of embedding (1, S, D)."""
    if embedding.shape[-1] != other.shape[-1]:
        raise NodeError(
            f"the prompts come from different text encoders: their tokens have {embedding.shape[-1]} "
            f"and {other.shape[-1]} numbers"
        )
    return other

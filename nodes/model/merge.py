"""Mixes two models or two text encoders into one; the weights are mixed when the result is used."""

from typing import Annotated

from models.adapters.merged import Mix, compare, merge
from models.adapters.patch import N, Patched
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Clip, Model
from nodes.api.widgets import Range

CATEGORY = "advanced/model_merging"
# Tables of positions and the scale of the image-text loss are not mixed.
LEFT_ALONE = (".position_ids", ".logit_scale")
Ratio = Annotated[float, Range(0.0, 1.0, step=0.01)]
Multiplier = Annotated[float, Range(-10.0, 10.0, step=0.01)]


def mixed(
    ctx: Context,
    first: Patched[N],
    second: Patched[N],
    mix: Mix,
    blocks: tuple[tuple[str, Mix], ...] = (),
) -> Patched[N]:
    """Return the first value with the second mixed in, and show what the two have in common."""
    for value in (first, second):
        if not isinstance(value, Patched):
            raise NodeError(f"two models or two text encoders are needed here, but one is {value!r:.80}")
    try:
        report = compare(first, second)
    except ValueError as error:
        raise NodeError(str(error)) from error
    ctx.show("text", report.lines())
    return merge(first, second, mix, blocks, without=LEFT_ALONE)


def by_blocks(ratios: dict[str, float]) -> tuple[Mix, tuple[tuple[str, Mix], ...]]:
    """Return proportions for the shares that the first model has in each block; the rest is as the first."""
    blocks = tuple((prefix, share_of(ratio)) for prefix, ratio in ratios.items())
    return blocks[0][1], blocks


def share_of(ratio: float) -> Mix:
    """Return the proportions in which the first model has some share."""
    return Mix(ratio, 1.0 - ratio)


@node(id="ModelMergeSimple", display_name="ModelMergeSimple", category=CATEGORY)
def merge_models(ctx: Context, model1: Model, model2: Model, ratio: Ratio = 1.0) -> Model:
    """Mix two models.

    Args:
        model1: the model whose sampling and sizes count.
        model2: the model that is mixed in, with the LoRAs it has.
        ratio: the share of the first model; 1 is that one alone.
    """
    return mixed(ctx, model1, model2, share_of(ratio))


@node(id="ModelMergeBlocks", display_name="ModelMergeBlocks", category=CATEGORY)
def merge_blocks(
    ctx: Context,
    *,
    model1: Model,
    model2: Model,
    input: Ratio = 1.0,  # noqa: A002 - as workflows name it
    middle: Ratio = 1.0,
    out: Ratio = 1.0,
) -> Model:
    """Mix two models, with a share for each third of the network.

    Args:
        model1: the model whose sampling and sizes count.
        model2: the model that is mixed in, with the LoRAs it has.
        input: the share of the first model on the way down, and in all that is in no third.
        middle: its share in the middle.
        out: its share on the way up.
    """
    return mixed(ctx, model1, model2, *by_blocks({"input": input, "middle": middle, "out": out}))


@node(id="ModelMergeSubtract", display_name="ModelMergeSubtract", category=CATEGORY)
def subtract_models(ctx: Context, model1: Model, model2: Model, multiplier: Multiplier = 1.0) -> Model:
    """Take one model from another, which leaves what a training added, to be added elsewhere.

    Args:
        model1: the model to take from.
        model2: the model that is taken from it.
        multiplier: what the difference is multiplied by.
    """
    return mixed(ctx, model1, model2, Mix(multiplier, -multiplier))


@node(id="ModelMergeAdd", display_name="ModelMergeAdd", category=CATEGORY)
def add_models(ctx: Context, model1: Model, model2: Model) -> Model:
    """Add the weights of two models, one of them usually a difference.

    Args:
        model1: the model whose sampling and sizes count.
        model2: the model whose weights are added.
    """
    return mixed(ctx, model1, model2, Mix(1.0, 1.0))


@node(id="CLIPMergeSimple", display_name="CLIPMergeSimple", category=CATEGORY)
def merge_encoders(ctx: Context, clip1: Clip, clip2: Clip, ratio: Ratio = 1.0) -> Clip:
    """Mix two text encoders.

    Args:
        clip1: the encoder whose rules count.
        clip2: the encoder that is mixed in, with the LoRAs it has.
        ratio: the share of the first encoder; 1 is that one alone.
    """
    return mixed(ctx, clip1, clip2, share_of(ratio))


@node(id="CLIPMergeSubtract", display_name="CLIPMergeSubtract", category=CATEGORY)
def subtract_encoders(ctx: Context, clip1: Clip, clip2: Clip, multiplier: Multiplier = 1.0) -> Clip:
    """Take one text encoder from another, which leaves what a training added, to be added elsewhere.

    Args:
        clip1: the encoder to take from.
        clip2: the encoder that is taken from it.
        multiplier: what the difference is multiplied by.
    """
    return mixed(ctx, clip1, clip2, Mix(multiplier, -multiplier))


@node(id="CLIPMergeAdd", display_name="CLIPMergeAdd", category=CATEGORY)
def add_encoders(ctx: Context, clip1: Clip, clip2: Clip) -> Clip:
    """Add the weights of two text encoders, one of them usually a difference.

    Args:
        clip1: the encoder whose rules count.
        clip2: the encoder whose weights are added.
    """
    return mixed(ctx, clip1, clip2, Mix(1.0, 1.0))

"""Applies LoRA files to models; each node shows how much of its file fits them."""

from typing import Annotated

from loaders.lora import LoraLoad, open_lora
from loaders.lora_blocks import read_block_weights
from models.adapters.bypass import Bypass
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Clip, Model
from nodes.api.widgets import File, Range, Text

Strength = Annotated[float, Range(-100.0, 100.0, step=0.01)]
LoraFile = Annotated[str, File("loras")]


def opened(ctx: Context, name: str, model: Model | None, clip: Clip | None) -> LoraLoad:
    """Return a LoRA opened for a model and a text encoder, and show how much of it fits them."""
    lora = open_lora(ctx.files.find("loras", name), model, clip)
    ctx.show("text", lora.report.lines())
    return lora


@node(id="LoraLoader", display_name="Load LoRA", category="loaders")
def load_lora(
    ctx: Context,
    *,
    model: Model,
    clip: Clip,
    lora_name: LoraFile,
    strength_model: Strength = 1.0,
    strength_clip: Strength = 1.0,
) -> tuple[Model, Clip | None]:
    """Apply a LoRA to a model and its text encoder; the node shows how much of the file fits them.

    Args:
        model: the network that draws.
        clip: the text encoder.
        lora_name: a file of the loras folder.
        strength_model: how strongly the network changes; 0 leaves it alone, below 0 it changes the other way.
        strength_clip: how strongly the text encoder changes.
    """
    if strength_model == 0 and strength_clip == 0:
        return model, clip
    lora = opened(ctx, lora_name, model, clip)
    patched_clip = None if clip is None else lora.patch_clip(clip, strength_clip)
    return lora.patch_model(model, strength_model), patched_clip


@node(id="LoraLoaderModelOnly", display_name="LoraLoaderModelOnly", category="loaders")
def load_lora_for_model(
    ctx: Context, *, model: Model, lora_name: LoraFile, strength_model: Strength = 1.0
) -> Model:
    """Apply the part of a LoRA that is for the network which draws; the node shows how much of it fits.

    Args:
        model: the network that draws.
        lora_name: a file of the loras folder.
        strength_model: how strongly the network changes; 0 leaves it alone, below 0 it changes the other way.
    """
    if strength_model == 0:
        return model
    return opened(ctx, lora_name, model, None).patch_model(model, strength_model)


@node(
    id="LoraLoaderBypass",
    display_name="Load LoRA (Bypass) (For debugging)",
    category="loaders",
    experimental=True,
)
def load_lora_beside(
    ctx: Context,
    *,
    model: Model,
    clip: Clip,
    lora_name: LoraFile,
    strength_model: Strength = 1.0,
    strength_clip: Strength = 1.0,
) -> tuple[Model, Clip | None]:
    """Let a LoRA run beside the layers of a model and its text encoder, whose weights stay as they are.

    The picture is that of Load LoRA but for rounding; it takes a little longer and needs less memory. Changes
    of other kinds than LoRA change the weights as usual.

    Args:
        model: the network that draws.
        clip: the text encoder.
        lora_name: a file of the loras folder.
        strength_model: how strongly the network changes; 0 leaves it alone, below 0 it changes the other way.
        strength_clip: how strongly the text encoder changes.
    """
    if strength_model == 0 and strength_clip == 0:
        return model, clip
    lora = opened(ctx, lora_name, model, clip)
    if strength_model != 0 and lora.model.deltas:
        model = model.with_patch(Bypass(lora.model, strength_model))
    if clip is not None and strength_clip != 0 and lora.clip.deltas:
        clip = clip.with_patch(Bypass(lora.clip, strength_clip))
    return model, clip


@node(
    id="LoraLoaderBypassModelOnly",
    display_name="Load LoRA (Bypass, Model Only) (for debugging)",
    category="loaders",
    experimental=True,
)
def load_lora_beside_model(
    ctx: Context, *, model: Model, lora_name: LoraFile, strength_model: Strength = 1.0
) -> Model:
    """Let a LoRA run beside the layers of the network which draws, whose weights stay as they are.

    Args:
        model: the network that draws.
        lora_name: a file of the loras folder.
        strength_model: how strongly the network changes; 0 leaves it alone, below 0 it changes the other way.
    """
    if strength_model == 0:
        return model
    return model.with_patch(Bypass(opened(ctx, lora_name, model, None).model, strength_model))


@node(id="LoadLoraByBlock", display_name="Load LoRA by Block", category="loaders")
def load_lora_by_block(
    ctx: Context,
    *,
    model: Model,
    clip: Clip,
    lora_name: LoraFile,
    strength_model: Strength = 1.0,
    strength_clip: Strength = 1.0,
    block_weights: Annotated[str, Text(multiline=True, dynamic_prompts=False)] = "IN=1, M00=1, OUT=1",
) -> tuple[Model, Clip | None]:
    """Apply a LoRA with a strength for each block of the network; the node shows how much of the file fits.

    Args:
        model: the network that draws.
        clip: the text encoder.
        lora_name: a file of the loras folder.
        strength_model: how strongly the network changes; below 0 it changes the other way.
        strength_clip: how strongly the text encoder changes.
        block_weights: what the strength is multiplied by: entries like IN04=0.5, OUT03-OUT08=0, M00=1,
            BASE=0.8 (the text encoder and the rest), or 12, 17, 20 or 26 numbers with commas between.
    """
    try:
        weights = read_block_weights(block_weights)
    except ValueError as error:
        raise NodeError(str(error)) from error
    lora = opened(ctx, lora_name, model, clip)
    patched_clip = None if clip is None else lora.patch_clip(clip, strength_clip * weights.base)
    return lora.patch_model(model, strength_model, weights.blocks), patched_clip

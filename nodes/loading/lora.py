"""Applies LoRA files to models."""

from typing import Annotated

from loaders.lora import open_lora
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.sockets import Clip, Model
from nodes.api.widgets import File, Range

Strength = Annotated[float, Range(-100.0, 100.0, step=0.01)]


@node(id="LoraLoader", display_name="Load LoRA", category="loaders")
def load_lora(
    ctx: Context,
    *,
    model: Model,
    clip: Clip,
    lora_name: Annotated[str, File("loras")],
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
    lora = open_lora(ctx.files.find("loras", lora_name), model, clip)
    ctx.show("text", lora.report.lines())
    patched_clip = None if clip is None else lora.patch_clip(clip, strength_clip)
    return lora.patch_model(model, strength_model), patched_clip


@node(id="LoraLoaderModelOnly", display_name="LoraLoaderModelOnly", category="loaders")
def load_lora_for_model(
    ctx: Context,
    *,
    model: Model,
    lora_name: Annotated[str, File("loras")],
    strength_model: Strength = 1.0,
) -> Model:
    """Apply the part of a LoRA that is for the network which draws; the node shows how much of it fits.

    Args:
        model: the network that draws.
        lora_name: a file of the loras folder.
        strength_model: how strongly the network changes; 0 leaves it alone, below 0 it changes the other way.
    """
    if strength_model == 0:
        return model
    lora = open_lora(ctx.files.find("loras", lora_name), model, None)
    ctx.show("text", lora.report.lines())
    return lora.patch_model(model, strength_model)

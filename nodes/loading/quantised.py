"""Packs the weights of networks into few bits: while a file is opened, or those of a model that is there."""

from dataclasses import replace
from typing import Annotated

from torch import nn

from loaders.packing import FORMATS, Chosen, named_parts, repacked
from models.text.encoders import TextEncoders
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Clip, Model, Vae
from nodes.api.widgets import Choice, File, Text
from nodes.loading.checkpoint import opened
from nodes.loading.kept import diffusion_storage, say_what_is_packed, text_storage
from nodes.loading.unet import opened_network

CATEGORY = "loaders/quantized"
AS_IT_IS = "as it is"
Kinds = Annotated[str, Choice(tuple(FORMATS))]
KindsOrNone = Annotated[str, Choice((AS_IT_IS, *FORMATS))]
Spared = Annotated[str, Text(multiline=False, dynamic_prompts=False, placeholder="middle_block, attn2")]


@node(id="LoadCheckpointQuantized", display_name="Load Checkpoint (Quantized)", category=CATEGORY)
def load_checkpoint_quantized(
    ctx: Context,
    ckpt_name: Annotated[str, File("checkpoints")],
    model_weights: KindsOrNone = "float8_e4m3fn",
    clip_weights: KindsOrNone = AS_IT_IS,
    keep_precise: Spared = "",
    pack_ends: bool = False,
) -> tuple[Model, Clip | None, Vae | None]:
    """Open a checkpoint and pack its large weights while they are read, so that they are never there twice.

    Weights that the file has packed stay as they are. Norms, embeddings and biases are never packed.

    Args:
        ckpt_name: a file of the checkpoints folder.
        model_weights: how the weights of the network that draws are packed.
        clip_weights: how those of its text encoders are.
        keep_precise: parts of names of layers that are not packed, with commas between them.
        pack_ends: pack the first and last layers, and those for time and size, too.
    """
    model = _chosen(model_weights, keep_precise, pack_ends)
    clip = _chosen(clip_weights, keep_precise, pack_ends)
    storage, text = diffusion_storage(ctx, packing=model), text_storage(ctx, clip)
    checkpoint = opened(ctx, ckpt_name, storage=storage, text=text)
    return checkpoint.model, checkpoint.clip, checkpoint.vae


@node(id="LoadDiffusionModelQuantized", display_name="Load Diffusion Model (Quantized)", category=CATEGORY)
def load_diffusion_model_quantized(
    ctx: Context,
    unet_name: Annotated[str, File("diffusion_models")],
    weights: Kinds = "float8_e4m3fn",
    keep_precise: Spared = "",
    pack_ends: bool = False,
) -> Model:
    """Open a network that draws and pack its large weights while they are read.

    Args:
        unet_name: a file of the diffusion_models folder.
        weights: how they are packed; those that the file has packed stay as they are.
        keep_precise: parts of names of layers that are not packed, with commas between them.
        pack_ends: pack the first and last layers, and those for time and size, too.
    """
    storage = diffusion_storage(ctx, packing=_chosen(weights, keep_precise, pack_ends))
    return opened_network(ctx, "diffusion_models", unet_name, storage)


@node(id="QuantizeModel", display_name="Quantize Model", category=CATEGORY)
def quantize_model(
    ctx: Context,
    model: Model,
    weights: Kinds = "float8_e4m3fn",
    keep_precise: Spared = "",
    pack_ends: bool = False,
) -> Model:
    """Pack the large weights of a model; the one that comes in stays as it is, with its memory.

    To have only the packed one in memory, open it with Load Checkpoint (Quantized). LoRAs and mixtures that
    the model has are put on the packed weights.

    Args:
        model: the model.
        weights: how they are packed; those that are packed already stay as they are.
        keep_precise: parts of names of layers that are not packed, with commas between them.
        pack_ends: pack the first and last layers, and those for time and size, too.
    """
    packed = _repacked(model.base.network, _needed(weights, keep_precise, pack_ends))
    made = model.with_base(replace(model.base, network=packed))
    say_what_is_packed(ctx, model=made)
    return made


@node(id="QuantizeCLIP", display_name="Quantize CLIP", category=CATEGORY)
def quantize_clip(
    ctx: Context,
    clip: Clip,
    weights: Kinds = "float8_e4m3fn",
    keep_precise: Spared = "",
) -> Clip:
    """Pack the large weights of text encoders; what comes in stays as it is, with its memory.

    Args:
        clip: the text encoders.
        weights: how they are packed; those that are packed already stay as they are.
        keep_precise: parts of names of layers that are not packed, with commas between them.
    """
    network, chosen = clip.base.network, _needed(weights, keep_precise, False)
    encoders = TextEncoders({name: _repacked(encoder, chosen) for name, encoder in network.items()})
    encoders.stays_on_cpu = network.stays_on_cpu
    made = clip.with_base(replace(clip.base, network=encoders))
    say_what_is_packed(ctx, clip=made)
    return made


def _chosen(name: str, keep_precise: str, everywhere: bool) -> Chosen | None:
    return None if name == AS_IT_IS else _needed(name, keep_precise, everywhere)


def _needed(name: str, keep_precise: str, everywhere: bool) -> Chosen:
    return Chosen(FORMATS[name], named_parts(keep_precise), everywhere)


def _repacked(network: nn.Module, chosen: Chosen) -> nn.Module:
    if not hasattr(network, "config"):
        raise NodeError(f"the weights of {type(network).__name__} cannot be packed once it is loaded")
    return repacked(network, chosen)

"""Saves models with all that patches have made of their weights, under the names they have elsewhere."""

from collections.abc import Mapping

from loaders.checkpoint_layout import (
    VAE_PREFIX,
    encoders_of,
    lines_about,
    model_tensors,
    text_tensors,
    texts_about,
    vae_tensors,
    vision_tensors,
)
from loaders.safetensors_writer import Planned, write_tensors
from models.adapters.patch import N, Patched
from models.diffusion import DiffusionModel
from nodes.api.context import Context, SavedFile
from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Clip, ClipVision, Model, Vae
from nodes.saving.files import metadata_texts, write_whole

CATEGORY = "advanced/model_merging"
HIDDEN = ("prompt", "extra_pnginfo")


def save_tensors(
    ctx: Context, prefix: str, tensors: Mapping[str, Planned], model: DiffusionModel | None = None
) -> SavedFile:
    """Write tensors to the next free file of a prefix, with the graph in its header, and show its name."""
    saved = ctx.files.reserve(prefix, "safetensors")
    name, _, counter = saved.path.stem.removesuffix("_").rpartition("_")
    texts = {} if model is None else texts_about(model, f"{name} {int(counter)}")

    def tell(count: int, total: int) -> None:
        ctx.progress(count, total)

    write_whole(saved, lambda file: write_tensors(file, tensors, {**texts, **metadata_texts(ctx)}, tell))
    ctx.show("text", [f"{saved.subfolder}/{saved.filename}".lstrip("/")])
    return saved


@node(id="CheckpointSave", display_name="Save Checkpoint", category=CATEGORY, output_node=True, hidden=HIDDEN)
def save_checkpoint(
    ctx: Context, model: Model, clip: Clip, vae: Vae, filename_prefix: str = "checkpoints/ComfyUI"
) -> None:
    """Save a model, its text encoders and its autoencoder in one file, with the LoRAs and mixtures they have.

    Weights have the bits of the files they come from. Those of the model that are packed and that nothing
    changes stay packed; the others become 16 bits.

    Args:
        model: the network that draws.
        clip: its text encoders.
        vae: its autoencoder.
        filename_prefix: how the name begins.
    """
    tensors = model_tensors(_needed(model, "model"))
    try:
        tensors |= text_tensors(_needed(clip, "clip"))
    except ValueError as error:
        raise NodeError(str(error)) from error
    tensors |= {VAE_PREFIX + name: plan for name, plan in vae_tensors(_needed(vae, "vae")).items()}
    save_tensors(ctx, filename_prefix, tensors, model.base)
    ctx.show("text", lines_about(model))


@node(
    id="ImageOnlyCheckpointSave",
    display_name="ImageOnlyCheckpointSave",
    category=CATEGORY,
    output_node=True,
    hidden=HIDDEN,
)
def save_image_only(
    ctx: Context,
    model: Model,
    clip_vision: ClipVision,
    vae: Vae,
    filename_prefix: str = "checkpoints/ComfyUI",
) -> None:
    """Save a model that draws after a picture alone, with what looks at the picture, in one file.

    Weights have the bits of the files they come from. Those of the model that are packed and that nothing
    changes stay packed; the others become 16 bits.

    Args:
        model: the network that draws: Zero123.
        clip_vision: the network that looks at pictures.
        vae: its autoencoder.
        filename_prefix: how the name begins.
    """
    tensors = model_tensors(_needed(model, "model"))
    try:
        tensors |= vision_tensors(_needed(clip_vision, "clip_vision"), model.base.family)
    except ValueError as error:
        raise NodeError(str(error)) from error
    tensors |= {VAE_PREFIX + name: plan for name, plan in vae_tensors(_needed(vae, "vae")).items()}
    save_tensors(ctx, filename_prefix, tensors, model.base)
    ctx.show("text", lines_about(model))


@node(id="ModelSave", display_name="ModelSave", category=CATEGORY, output_node=True, hidden=HIDDEN)
def save_model(ctx: Context, model: Model, filename_prefix: str = "diffusion_models/ComfyUI") -> None:
    """Save a network that draws by itself, with the LoRAs and mixtures it has.

    Weights have the bits of the file they come from. Packed ones that nothing changes stay packed; the others
    become 16 bits.

    Args:
        model: the network.
        filename_prefix: how the name begins.
    """
    save_tensors(ctx, filename_prefix, model_tensors(_needed(model, "model")), model.base)
    ctx.show("text", lines_about(model))


@node(id="CLIPSave", display_name="CLIPSave", category=CATEGORY, output_node=True, hidden=HIDDEN)
def save_clip(ctx: Context, clip: Clip, filename_prefix: str = "clip/ComfyUI") -> None:
    """Save text encoders, a file each, with the LoRAs and mixtures they have.

    Args:
        clip: the text encoders.
        filename_prefix: how the names begin; the name of the encoder is added.
    """
    for encoder, tensors in encoders_of(_needed(clip, "clip")).items():
        save_tensors(ctx, f"{filename_prefix}_{encoder}", tensors)


@node(id="VAESave", display_name="VAESave", category=CATEGORY, output_node=True, hidden=HIDDEN)
def save_vae(ctx: Context, vae: Vae, filename_prefix: str = "vae/ComfyUI_vae") -> None:
    """Save an autoencoder.

    Args:
        vae: the autoencoder.
        filename_prefix: how the name begins.
    """
    save_tensors(ctx, filename_prefix, vae_tensors(_needed(vae, "vae")))


def _needed(value: Patched[N], name: str) -> Patched[N]:
    if not isinstance(value, Patched):
        raise NodeError(f"{name} is needed here, but what came is {value!r:.80}")
    return value

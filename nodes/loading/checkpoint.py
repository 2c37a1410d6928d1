"""Opens checkpoints: files that hold a network that draws, and mostly all it needs."""

from dataclasses import replace
from typing import Annotated, Any

from loaders.checkpoint import Checkpoint, open_checkpoint
from loaders.training_config import NAMED, TrainingConfig, read_config
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Clip, ClipVision, Model, Vae
from nodes.api.widgets import File
from nodes.loading.kept import diffusion_storage, say_what_is_packed, text_storage, vae_storage


def opened(ctx: Context, name: str, folder: str = "checkpoints", **options: Any) -> Checkpoint:
    """Return a checkpoint of a folder; what of it is unused is told on the node."""
    storages = {"storage": diffusion_storage(ctx), "text": text_storage(ctx), "vae": vae_storage(ctx)}
    checkpoint = open_checkpoint(ctx.files.find(folder, name), **{**storages, **options})
    if checkpoint.report.unexpected:
        ctx.show("text", [checkpoint.report.summary()])
    say_what_is_packed(ctx, model=checkpoint.model, clip=checkpoint.clip, vae=checkpoint.vae)
    return checkpoint


@node(id="CheckpointLoaderSimple", display_name="Load Checkpoint", category="loaders")
def load_checkpoint(
    ctx: Context, ckpt_name: Annotated[str, File("checkpoints")]
) -> tuple[Model, Clip | None, Vae | None]:
    """Open a checkpoint: the network that draws, its text encoder and its autoencoder (VAE).

    Args:
        ckpt_name: a file of the checkpoints folder.
    """
    checkpoint = opened(ctx, ckpt_name)
    return checkpoint.model, checkpoint.clip, checkpoint.vae


@node(id="unCLIPCheckpointLoader", display_name="unCLIPCheckpointLoader", category="loaders")
def load_unclip(
    ctx: Context, ckpt_name: Annotated[str, File("checkpoints")]
) -> tuple[Model, Clip | None, Vae | None, ClipVision]:
    """Open a checkpoint that draws after pictures, with the network that looks at them.

    Args:
        ckpt_name: a file of the checkpoints folder.
    """
    checkpoint = opened(ctx, ckpt_name, with_vision=True)
    if checkpoint.vision is None:
        family = checkpoint.report.family
        raise NodeError(f"{ckpt_name} holds no CLIP vision model: it is {family}, not unCLIP")
    return checkpoint.model, checkpoint.clip, checkpoint.vae, checkpoint.vision


@node(
    id="ImageOnlyCheckpointLoader",
    display_name="Image Only Checkpoint Loader (img2vid model)",
    category="loaders/video_models",
)
def load_image_only(
    ctx: Context, ckpt_name: Annotated[str, File("checkpoints")]
) -> tuple[Model, ClipVision, Vae | None]:
    """Open a checkpoint that draws after a picture alone, as Zero123, with the network that looks at it.

    Args:
        ckpt_name: a file of the checkpoints folder.
    """
    checkpoint = opened(ctx, ckpt_name, with_vision=True)
    if checkpoint.vision is None:
        family = checkpoint.report.family
        raise NodeError(
            f"{ckpt_name} holds no CLIP vision model: it is {family}, which Load Checkpoint opens with its "
            "text encoder"
        )
    return checkpoint.model, checkpoint.vision, checkpoint.vae


@node(
    id="CheckpointLoader",
    display_name="Load Checkpoint With Config (DEPRECATED)",
    category="advanced/loaders",
    deprecated=True,
)
def load_with_config(
    ctx: Context,
    config_name: Annotated[str, File("configs:named")],
    ckpt_name: Annotated[str, File("checkpoints")],
) -> tuple[Model, Clip | None, Vae | None]:
    """Open a checkpoint; what its network predicts, and which layer of text it wants, stands in another file.

    Args:
        config_name: a file of the configs folder (YAML, as it was used to train the network), or the name of
            one that everybody has.
        ckpt_name: a file of the checkpoints folder.
    """
    config = NAMED.get(config_name) or read_config(ctx.files.find("configs", config_name))
    checkpoint = opened(ctx, ckpt_name)
    model, clip = _as_told(checkpoint, config)
    return model, clip, checkpoint.vae


def _as_told(checkpoint: Checkpoint, config: TrainingConfig) -> tuple[Model, Clip | None]:
    model, clip = checkpoint.model, checkpoint.clip
    if config.predicts_velocity:
        model = model.with_base(replace(model.base, prediction="v"))
    if clip is not None and config.last_layer is not None:
        clip = clip.with_base(replace(clip.base, last_layer=config.last_layer))
    return model, clip

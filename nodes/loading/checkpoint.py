"""Opens model files."""

from typing import Annotated

from loaders.checkpoint import open_checkpoint, open_vae
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.sockets import Clip, Model, Vae
from nodes.api.widgets import File


@node(id="CheckpointLoaderSimple", display_name="Load Checkpoint", category="loaders")
def load_checkpoint(
    ctx: Context, ckpt_name: Annotated[str, File("checkpoints")]
) -> tuple[Model, Clip | None, Vae | None]:
    """Open a checkpoint: the network that draws, its text encoder and its autoencoder (VAE).

    Args:
        ckpt_name: a file of the checkpoints folder.
    """
    checkpoint = open_checkpoint(ctx.files.find("checkpoints", ckpt_name))
    if checkpoint.report.unexpected:
        ctx.show("text", [checkpoint.report.summary()])
    return checkpoint.model, checkpoint.clip, checkpoint.vae


@node(id="VAELoader", display_name="Load VAE", category="loaders")
def load_vae(ctx: Context, vae_name: Annotated[str, File("vae")]) -> Vae:
    """Open an autoencoder that stands in a file of its own.

    Args:
        vae_name: a file of the vae folder.
    """
    return open_vae(ctx.files.find("vae", vae_name))

"""Opens autoencoders that stand in files of their own."""

from typing import Annotated

from loaders.checkpoint import open_vae
from loaders.named_vaes import open_named_vae
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.sockets import Vae
from nodes.api.widgets import File
from nodes.loading.kept import vae_storage


@node(id="VAELoader", display_name="Load VAE", category="loaders")
def load_vae(ctx: Context, vae_name: Annotated[str, File("vae:named")]) -> Vae:
    """Open an autoencoder that stands in a file of its own, or one of the tiny ones whose halves are files.

    Args:
        vae_name: a file of the vae folder, pixel_space, or taesd and the like (files of vae_approx).
    """
    storage = vae_storage(ctx)
    named = open_named_vae(vae_name, ctx.files, storage)
    return named if named is not None else open_vae(ctx.files.find("vae", vae_name), storage)

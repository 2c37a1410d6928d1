"""Opens folders in the layout of diffusers."""

from typing import Annotated

from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.sockets import Clip, Model, Vae
from nodes.api.widgets import File
from nodes.loading.checkpoint import opened


@node(id="DiffusersLoader", display_name="DiffusersLoader", category="advanced/loaders/deprecated")
def load_diffusers(
    ctx: Context, model_path: Annotated[str, File("diffusers")]
) -> tuple[Model, Clip | None, Vae | None]:
    """Open a folder with a model_index.json: the network that draws, its text encoders, its autoencoder.

    Args:
        model_path: a folder of the diffusers folder; weights of half precision are preferred.
    """
    loaded = opened(ctx, model_path, "diffusers")
    return loaded.model, loaded.clip, loaded.vae

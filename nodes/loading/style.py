"""Opens style models."""

from typing import Annotated

from loaders.style_files import open_style_model
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.sockets import StyleModel
from nodes.api.widgets import File


@node(id="StyleModelLoader", display_name="Load Style Model", category="loaders")
def load_style_model(ctx: Context, style_model_name: Annotated[str, File("style_models")]) -> StyleModel:
    """Open a network that turns what a CLIP vision model sees into words of a prompt.

    Args:
        style_model_name: a file of the style_models folder.
    """
    return open_style_model(ctx.files.find("style_models", style_model_name))

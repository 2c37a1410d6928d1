"""Opens networks that enlarge pictures."""

from typing import Annotated

from loaders.upscale import open_upscale_model
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.sockets import UpscaleModel
from nodes.api.widgets import File


@node(id="UpscaleModelLoader", display_name="Load Upscale Model", category="loaders")
def load_upscale_model(ctx: Context, model_name: Annotated[str, File("upscale_models")]) -> UpscaleModel:
    """Open a network that enlarges pictures: ESRGAN, Real-ESRGAN and their kin.

    Args:
        model_name: a file of the upscale_models folder.
    """
    return open_upscale_model(ctx.files.find("upscale_models", model_name))

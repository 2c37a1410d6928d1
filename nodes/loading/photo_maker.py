"""Opens PhotoMaker."""

from typing import Annotated

from loaders.photo_maker import open_photo_maker
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.sockets import PhotoMaker
from nodes.api.widgets import File

FOLDER = "photomaker"


@node(id="PhotoMakerLoader", category="_for_testing/photomaker", experimental=True)
def load_photo_maker(ctx: Context, photomaker_model_name: Annotated[str, File(FOLDER)]) -> PhotoMaker:
    """Open PhotoMaker, which writes a person of photographs into prompts for SDXL.

    The file also holds a LoRA for the model: Load Anything puts it on one, and Load LoRA does where the file
    is in the loras folder, too.

    Args:
        photomaker_model_name: a file of the photomaker folder.
    """
    return open_photo_maker(ctx.files.find(FOLDER, photomaker_model_name))

"""Opens CLIP vision models."""

from typing import Annotated

from loaders.clip_files import open_vision
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.sockets import ClipVision
from nodes.api.widgets import File


@node(id="CLIPVisionLoader", display_name="Load CLIP Vision", category="loaders")
def load_clip_vision(ctx: Context, clip_name: Annotated[str, File("clip_vision")]) -> ClipVision:
    """Open a network that says what is in a picture: CLIP-L, OpenCLIP-H or OpenCLIP-bigG.

    Args:
        clip_name: a file of the clip_vision folder.
    """
    return open_vision(ctx.files.find("clip_vision", clip_name))

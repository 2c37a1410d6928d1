"""Opens GLIGEN adapters."""

from typing import Annotated

from loaders.gligen import open_gligen
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.sockets import Gligen
from nodes.api.widgets import File


@node(id="GLIGENLoader", display_name="GLIGENLoader", category="loaders")
def load_gligen(ctx: Context, gligen_name: Annotated[str, File("gligen")]) -> Gligen:
    """Open a GLIGEN adapter: what lets prompts say where things stand.

    Args:
        gligen_name: a file of the gligen folder.
    """
    return open_gligen(ctx.files.find("gligen", gligen_name))

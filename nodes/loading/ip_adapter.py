"""Opens IP-Adapters."""

from typing import Annotated

from loaders.ip_adapter import open_ip_adapter
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.sockets import IpAdapterSocket
from nodes.api.widgets import File

FOLDER = "ipadapter"


@node(id="LoadIPAdapter", display_name="Load IP-Adapter", category="loaders")
def load_ip_adapter(ctx: Context, ip_adapter_name: Annotated[str, File(FOLDER)]) -> IpAdapterSocket:
    """Open an IP-Adapter: what lets a model follow a picture as it follows a prompt.

    Args:
        ip_adapter_name: a file of the ipadapter folder.
    """
    return open_ip_adapter(ctx.files.find(FOLDER, ip_adapter_name))

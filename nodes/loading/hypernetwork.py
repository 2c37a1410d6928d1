"""Applies hypernetworks to models."""

from typing import Annotated

from loaders.hypernetwork import open_hypernetwork
from models.adapters.hypernetwork import HypernetworkPatch
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.sockets import Model
from nodes.api.widgets import File, Range


@node(id="HypernetworkLoader", display_name="HypernetworkLoader", category="loaders")
def load_hypernetwork(
    ctx: Context,
    *,
    model: Model,
    hypernetwork_name: Annotated[str, File("hypernetworks")],
    strength: Annotated[float, Range(-10.0, 10.0, step=0.01)] = 1.0,
) -> Model:
    """Apply a hypernetwork: small networks that change what attention looks at.

    Args:
        model: the network that draws.
        hypernetwork_name: a file of the hypernetworks folder.
        strength: how strongly it works; below 0 it works the other way.
    """
    source = open_hypernetwork(ctx.files.find("hypernetworks", hypernetwork_name))
    return model.with_patch(HypernetworkPatch(source, strength))

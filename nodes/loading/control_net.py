"""Opens control networks."""

from typing import Annotated

from loaders.control.open import open_control
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.sockets import ControlNet, Model
from nodes.api.widgets import File
from nodes.loading.kept import diffusion_storage

FOLDER = "controlnet"


@node(id="ControlNetLoader", display_name="Load ControlNet Model", category="loaders")
def load_control_net(ctx: Context, control_net_name: Annotated[str, File(FOLDER)]) -> ControlNet:
    """Open a ControlNet, a Control-LoRA or a T2I-Adapter.

    Args:
        control_net_name: a file of the controlnet folder.
    """
    return open_control(ctx.files.find(FOLDER, control_net_name), storage=diffusion_storage(ctx))


@node(id="DiffControlNetLoader", display_name="Load ControlNet Model (diff)", category="loaders")
def load_difference(ctx: Context, model: Model, control_net_name: Annotated[str, File(FOLDER)]) -> ControlNet:
    """Open a ControlNet that is stored as the difference to the model it steers.

    Args:
        model: the model it steers; patches on it count.
        control_net_name: a file of the controlnet folder; one that is no difference is opened as it is.
    """
    with ctx.resident(model) as base:
        path = ctx.files.find(FOLDER, control_net_name)
        return open_control(path, base.network, diffusion_storage(ctx))

"""Opens diffusion networks that stand in files of their own."""

from typing import Annotated

import torch

from loaders.assemble import Storage
from loaders.checkpoint import open_diffusion
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.sockets import Model
from nodes.api.widgets import Choice, File
from nodes.loading.kept import diffusion_storage, say_what_is_packed

DEFAULT, FAST = "default", "fp8_e4m3fn_fast"
# Weights are rounded to eight bits and stay so; they are computed with in more, or with FAST in eight too.
ROUNDED = {"fp8_e4m3fn": torch.float8_e4m3fn, FAST: torch.float8_e4m3fn, "fp8_e5m2": torch.float8_e5m2}
WEIGHT_TYPES = (DEFAULT, "fp8_e4m3fn", FAST, "fp8_e5m2")
CANNOT = "This device does not multiply in eight bits: it computes in more, as with fp8_e4m3fn."


def opened_network(ctx: Context, folder: str, name: str, storage: Storage) -> Model:
    """Return the network of a file of a folder; what of it is packed is told on the node."""
    model = open_diffusion(ctx.files.find(folder, name), storage)
    say_what_is_packed(ctx, model=model)
    return model


@node(id="UNETLoader", display_name="Load Diffusion Model", category="advanced/loaders")
def load_diffusion_model(
    ctx: Context,
    unet_name: Annotated[str, File("diffusion_models")],
    weight_dtype: Annotated[str, Choice(WEIGHT_TYPES)],
) -> Model:
    """Open a diffusion network that stands in a file of its own, or the one of a checkpoint.

    Args:
        unet_name: a file of the diffusion_models folder.
        weight_dtype: default keeps the weights; fp8 stores them in eight bits; fast multiplies in them, too.
    """
    storage = diffusion_storage(ctx, ROUNDED.get(weight_dtype), multiplies=weight_dtype == FAST)
    if weight_dtype == FAST and not ctx.precision.multiplies_eight_bits:
        ctx.show("text", [CANNOT])
    return opened_network(ctx, "diffusion_models", unet_name, storage)

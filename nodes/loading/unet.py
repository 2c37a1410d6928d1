"""Opens diffusion networks that stand in files of their own."""

from typing import Annotated

import torch

from loaders.checkpoint import open_diffusion
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Model
from nodes.api.widgets import Choice, File
from nodes.loading.kept import diffusion_storage

DEFAULT, FAST = "default", "fp8_e4m3fn_fast"
# Weights of eight bits are rounded as such; they are computed with, and for now kept, in more.
ROUNDED = {"fp8_e4m3fn": torch.float8_e4m3fn, "fp8_e5m2": torch.float8_e5m2}
WEIGHT_TYPES = (DEFAULT, "fp8_e4m3fn", FAST, "fp8_e5m2")


@node(id="UNETLoader", display_name="Load Diffusion Model", category="advanced/loaders")
def load_diffusion_model(
    ctx: Context,
    unet_name: Annotated[str, File("diffusion_models")],
    weight_dtype: Annotated[str, Choice(WEIGHT_TYPES)],
) -> Model:
    """Open a diffusion network that stands in a file of its own, or the one of a checkpoint.

    Args:
        unet_name: a file of the diffusion_models folder.
        weight_dtype: default keeps the weights; fp8 rounds them to eight bits.
    """
    if weight_dtype == FAST:
        raise NodeError(
            f"{FAST} multiplies in eight bits, which this version does not do on any device; "
            "fp8_e4m3fn rounds the weights alike and computes in more bits"
        )
    storage = diffusion_storage(ctx, ROUNDED.get(weight_dtype))
    return open_diffusion(ctx.files.find("diffusion_models", unet_name), storage)

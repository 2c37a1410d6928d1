"""Makes empty latents."""

from typing import Annotated

import torch

from nodes.api.declare import node
from nodes.api.sockets import Latent
from nodes.api.widgets import Range
from schedulers.latent import LatentBatch


@node(id="EmptyLatentImage", display_name="Empty Latent Image", category="latent")
def empty(
    width: Annotated[int, Range(16, 16384, step=8)] = 512,
    height: Annotated[int, Range(16, 16384, step=8)] = 512,
    batch_size: Annotated[int, Range(1, 4096)] = 1,
) -> Latent:
    """Make an empty latent to draw pictures in.

    Args:
        width: width of the pictures in pixels; what is over a multiple of 8 is dropped.
        height: height of the pictures in pixels; what is over a multiple of 8 is dropped.
        batch_size: how many pictures.
    """
    return LatentBatch(torch.zeros(batch_size, 4, height // 8, width // 8))

"""Tells the size of a latent."""

from typing import NamedTuple

from nodes.api.declare import node
from nodes.api.sockets import Latent


class LatentSize(NamedTuple):
    """Width and height in cells, frames of a film, and how many latents."""

    width: int
    height: int
    frames: int
    batch_size: int


@node(id="GetLatentSize", display_name="Get Image/Video Latent Size", category="latent")
def size(latent: Latent) -> LatentSize:
    """Tell the size of a latent in its own cells.

    Args:
        latent: (B, C, H, W), or (B, C, T, H, W) of a film.
    """
    shape = latent.samples.shape
    return LatentSize(shape[-1], shape[-2], shape[2] if len(shape) == 5 else 1, shape[0])

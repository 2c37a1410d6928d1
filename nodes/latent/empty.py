"""Makes empty latents."""

from typing import Annotated

import torch

from nodes.api.declare import node
from nodes.api.sockets import Latent
from nodes.api.widgets import Range
from schedulers.latent import LatentBatch

Side = Annotated[int, Range(16, 16384, step=16)]
Count = Annotated[int, Range(1, 4096)]


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


@node(id="EmptySD3LatentImage", category="latent/sd3")
def empty_16(width: Side = 1024, height: Side = 1024, batch_size: Count = 1) -> Latent:
    """Make an empty latent of 16 channels, as SD 3, Flux, Qwen Image and others draw in.

    Args:
        width: width of the pictures in pixels; what is over a multiple of 8 is dropped.
        height: height of the pictures in pixels; what is over a multiple of 8 is dropped.
        batch_size: how many pictures.
    """
    return LatentBatch(torch.zeros(batch_size, 16, height // 8, width // 8))


@node(id="EmptyFlux2LatentImage", display_name="Empty Flux 2 Latent", category="latent")
def empty_flux_2(width: Side = 1024, height: Side = 1024, batch_size: Count = 1) -> Latent:
    """Make an empty latent for Flux 2.

    Args:
        width: width of the pictures in pixels; what is over a multiple of 16 is dropped.
        height: height of the pictures in pixels; what is over a multiple of 16 is dropped.
        batch_size: how many pictures.
    """
    return LatentBatch(torch.zeros(batch_size, 128, height // 16, width // 16))

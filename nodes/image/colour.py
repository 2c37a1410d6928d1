"""Makes plain pictures and inverts colours."""

from typing import Annotated

import torch

from nodes.api.declare import node
from nodes.api.sockets import Image
from nodes.api.widgets import Range, Seed


@node(id="ImageInvert", display_name="Invert Image", category="image")
def invert(image: Image) -> Image:
    """Turn every channel value v into 1 - v, alpha too.

    Args:
        image: (B, H, W, C), values in [0, 1].
    """
    return 1.0 - image


@node(id="EmptyImage", display_name="EmptyImage", category="image")
def empty(
    width: Annotated[int, Range(1, 16384, step=1)] = 512,
    height: Annotated[int, Range(1, 16384, step=1)] = 512,
    batch_size: Annotated[int, Range(1, 4096)] = 1,
    color: Annotated[int, Range(0, 0xFFFFFF, step=1, display="color")] = 0,
) -> Image:
    """Make pictures of one colour.

    Args:
        width: width in pixels.
        height: height in pixels.
        batch_size: how many pictures.
        color: the colour as a number 0xRRGGBB.
    """
    channels = torch.tensor([color >> 16 & 0xFF, color >> 8 & 0xFF, color & 0xFF], dtype=torch.float32) / 255
    return channels.repeat(batch_size, height, width, 1)


@node(id="ImageAddNoise", category="image")
def add_noise(
    image: Image, seed: Seed = 0, strength: Annotated[float, Range(0.0, 1.0, step=0.01)] = 0.5
) -> Image:
    """Add normally distributed noise to pictures.

    Args:
        image: (B, H, W, C), values in [0, 1].
        seed: fixes the noise.
        strength: standard deviation of the noise; the result is clipped to [0, 1].
    """
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(image.shape, generator=generator)
    return (image + strength * noise).clamp(0, 1)

"""Lays one picture over another."""

from typing import Annotated

from torch import Tensor

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Image, Mask
from nodes.api.widgets import Choice, Range
from nodes.image.batch import repeat_to_batch, with_channels
from nodes.image.blend_modes import MODES, Blend
from nodes.image.paste import paste
from nodes.image.resize import resize_image

BLENDS: dict[str, Blend] = {
    **{mode: MODES[mode] for mode in ("normal", "multiply", "screen", "overlay", "soft_light")},
    # Signed, as saved workflows expect of this node.
    "difference": lambda base, over: base - over,
}


def match_channels(image: Tensor, channels: int) -> Tensor:
    """Return image (B, H, W, C) with exactly so many channels: the surplus cut, what is missing opaque."""
    return with_channels(image[..., :channels], channels)


@node(id="ImageBlend", category="image/postprocessing")
def blend(
    *,
    image1: Image,
    image2: Image,
    blend_factor: Annotated[float, Range(0.0, 1.0, step=0.01)] = 0.5,
    blend_mode: Annotated[str, Choice(tuple(BLENDS))],
) -> Image:
    """Mix two pictures.

    Args:
        image1: (B, H, W, C), values in [0, 1]; sets the size.
        image2: (B, H, W, C); scaled and cut at the centre when its size differs.
        blend_factor: 0 shows image1 alone, 1 the blend alone.
        blend_mode: how the two are combined; difference is signed, so what would be negative becomes black.
    """
    image2 = match_channels(image2, image1.shape[-1])
    if image1.shape[1:3] != image2.shape[1:3]:
        image2 = resize_image(image2, image1.shape[2], image1.shape[1], "bicubic", "center")
    if 1 not in (image1.shape[0], image2.shape[0]) and image1.shape[0] != image2.shape[0]:
        raise NodeError(f"image1 has {image1.shape[0]} pictures but image2 has {image2.shape[0]}")
    mixed = BLENDS[blend_mode](image1, image2)
    return (image1 * (1 - blend_factor) + mixed * blend_factor).clamp(0, 1)


@node(id="ImageCompositeMasked", category="image")
def composite(
    destination: Image,
    source: Image,
    x: Annotated[int, Range(0, 16384, step=1)] = 0,
    y: Annotated[int, Range(0, 16384, step=1)] = 0,
    resize_source: bool = False,
    mask: Mask | None = None,
) -> Image:
    """Paste one picture into another, where a mask says so.

    Args:
        destination: (B, H, W, C), values in [0, 1]; what is pasted onto.
        source: (B, H, W, C); what is pasted, cut where it leaves the destination.
        x: left edge of the source in the destination.
        y: top edge of the source in the destination.
        resize_source: stretch the source to the size of the destination first.
        mask: (B, H, W), 1 = paste; stretched to the source. Everything is pasted without one.
    """
    source = match_channels(source, destination.shape[-1])
    if resize_source:
        source = resize_image(source, destination.shape[2], destination.shape[1], "bilinear")
    source = repeat_to_batch(source, destination.shape[0])
    pasted = paste(destination.movedim(-1, 1), source.movedim(-1, 1), mask, x, y)
    return pasted.movedim(1, -1)

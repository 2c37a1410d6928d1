"""Cuts, turns, mirrors and enlarges pictures without resampling."""

from typing import Annotated

import torch

from nodes.api.declare import node
from nodes.api.sockets import Image, Mask
from nodes.api.widgets import Choice, Range

FLIPS = ("x-axis: vertically", "y-axis: horizontally")
ROTATIONS = ("none", "90 degrees", "180 degrees", "270 degrees")


@node(id="ImageCrop", display_name="Image Crop", category="image/transform")
def crop(
    image: Image,
    width: Annotated[int, Range(1, 16384, step=1)] = 512,
    height: Annotated[int, Range(1, 16384, step=1)] = 512,
    x: Annotated[int, Range(0, 16384, step=1)] = 0,
    y: Annotated[int, Range(0, 16384, step=1)] = 0,
) -> Image:
    """Cut a rectangle out of pictures.

    Args:
        image: (B, H, W, C), values in [0, 1].
        width: width of the rectangle; the result is narrower where the picture ends.
        height: height of the rectangle; the result is lower where the picture ends.
        x: left edge, at most the last column.
        y: top edge, at most the last row.
    """
    left, top = min(x, image.shape[2] - 1), min(y, image.shape[1] - 1)
    return image[:, top : top + height, left : left + width]


@node(id="ImageFlip", category="image/transform")
def flip(*, image: Image, flip_method: Annotated[str, Choice(FLIPS)]) -> Image:
    """Mirror pictures.

    Args:
        image: (B, H, W, C), values in [0, 1].
        flip_method: vertically turns pictures upside down, horizontally swaps left and right.
    """
    return image.flip(1 if flip_method == FLIPS[0] else 2)


@node(id="ImageRotate", category="image/transform")
def rotate(*, image: Image, rotation: Annotated[str, Choice(ROTATIONS)]) -> Image:
    """Turn pictures clockwise by a multiple of 90 degrees.

    Args:
        image: (B, H, W, C), values in [0, 1].
        rotation: the angle.
    """
    return image.rot90(ROTATIONS.index(rotation), dims=(2, 1))


@node(id="ImagePadForOutpaint", display_name="Pad Image for Outpainting", category="image")
def pad_for_outpainting(
    image: Image,
    left: Annotated[int, Range(0, 16384, step=8)] = 0,
    top: Annotated[int, Range(0, 16384, step=8)] = 0,
    right: Annotated[int, Range(0, 16384, step=8)] = 0,
    bottom: Annotated[int, Range(0, 16384, step=8)] = 0,
    feathering: Annotated[int, Range(0, 16384, step=1)] = 40,
) -> tuple[Image, Mask]:
    """Enlarge pictures with grey borders and give the mask to paint them in.

    Args:
        image: (B, H, W, C), values in [0, 1].
        left: pixels to add on the left.
        top: pixels to add above.
        right: pixels to add on the right.
        bottom: pixels to add below.
        feathering: pixels inside the old picture over which the mask fades; none if it is too small.
    """
    count, height, width, channels = image.shape
    canvas = torch.full((count, top + height + bottom, left + width + right, channels), 0.5)
    canvas[:, top : top + height, left : left + width] = image
    mask = torch.ones(canvas.shape[1:3])
    inner = torch.zeros(height, width)
    if feathering > 0 and 2 * feathering < height and 2 * feathering < width:
        rows, columns = torch.arange(height)[:, None], torch.arange(width)[None, :]
        distance = torch.full((height, width), max(height, width))
        if top:
            distance = torch.minimum(distance, rows)
        if bottom:
            distance = torch.minimum(distance, height - rows)
        if left:
            distance = torch.minimum(distance, columns)
        if right:
            distance = torch.minimum(distance, width - columns)
        inner = ((feathering - distance) / feathering).clamp(min=0) ** 2
    mask[top : top + height, left : left + width] = inner
    return canvas, mask[None]

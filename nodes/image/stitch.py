"""Puts two pictures side by side."""

from typing import Annotated

import torch
import torch.nn.functional as functional
from torch import Tensor

from nodes.api.declare import node
from nodes.api.sockets import Image
from nodes.api.widgets import Choice, Range
from nodes.image.batch import with_channels
from nodes.image.resize import resize_image

COLOURS = {
    "white": (1.0, 1.0, 1.0),
    "black": (0.0, 0.0, 0.0),
    "red": (1.0, 0.0, 0.0),
    "green": (0.0, 1.0, 0.0),
    "blue": (0.0, 0.0, 1.0),
}
DIRECTIONS = ("right", "down", "left", "up")
ROWS, COLUMNS = 1, 2


def _extend_batch(image: Tensor, count: int) -> Tensor:
    """Return image (B, H, W, C) with at least count pictures, the last one repeated."""
    missing = max(0, count - image.shape[0])
    return torch.cat((image, image[-1:].expand(missing, -1, -1, -1)))


def _centred(image: Tensor, axis: int, length: int, value: float) -> Tensor:
    """Return image (B, H, W, C) padded at both ends of an axis to a length."""
    missing = length - image.shape[axis]
    ends = (missing // 2, missing - missing // 2)
    return functional.pad(image, (0, 0, 0, 0, *ends) if axis == ROWS else (0, 0, *ends), value=value)


@node(id="ImageStitch", display_name="Image Stitch", category="image/transform")
def stitch(
    image1: Image,
    direction: Annotated[str, Choice(DIRECTIONS)] = "right",
    match_image_size: bool = True,
    spacing_width: Annotated[int, Range(0, 1024, step=2)] = 0,
    spacing_color: Annotated[str, Choice(COLOURS)] = "white",
    image2: Image | None = None,
) -> Image:
    """Put two pictures side by side, with a bar between them.

    Args:
        image1: (B, H, W, C), values in [0, 1].
        direction: on which side of the first the second stands.
        match_image_size: scale the second to the side where they touch; otherwise the shorter one is padded.
        spacing_width: width of the bar in pixels, made even.
        spacing_color: colour of the bar; padding is white or black.
        image2: (B, H, W, C); a shorter batch is filled up with its last picture. Without it the first passes.
    """
    if image2 is None:
        return image1
    count = max(image1.shape[0], image2.shape[0])
    first, second = _extend_batch(image1, count), _extend_batch(image2, count)
    along = COLUMNS if direction in ("right", "left") else ROWS
    across = ROWS if along == COLUMNS else COLUMNS
    if match_image_size:
        height, width = second.shape[1:3]
        if along == COLUMNS:
            width, height = int(first.shape[1] * (width / height)), first.shape[1]
        else:
            width, height = first.shape[2], int(first.shape[2] / (width / height))
        second = resize_image(second, width, height, "lanczos")
    else:
        longest = max(first.shape[across], second.shape[across])
        value = 1.0 if spacing_color == "white" else 0.0
        first, second = (_centred(image, across, longest, value) for image in (first, second))
    channels = max(first.shape[-1], second.shape[-1])
    parts = [with_channels(first, channels), with_channels(second, channels)]
    if direction in ("left", "up"):
        parts.reverse()
    if spacing_width:
        size = list(parts[0].shape)
        size[along] = spacing_width + spacing_width % 2
        colour = torch.tensor((*COLOURS[spacing_color], 1.0))[:channels]
        parts.insert(1, colour.expand(size))
    return torch.cat(parts, dim=along)

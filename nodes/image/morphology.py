"""Grows and shrinks the bright parts of pictures (Serra 1982: erosion, dilation and their combinations)."""

from collections.abc import Callable, Mapping
from typing import Annotated

import torch.nn.functional as functional
from torch import Tensor

from nodes.api.declare import node
from nodes.api.sockets import Image
from nodes.api.widgets import Choice, Range


def dilate(planes: Tensor, size: int) -> Tensor:
    """Return planes (B, C, H, W) with each value the largest of the size x size square around it."""
    before, after = size // 2, size - 1 - size // 2
    padded = functional.pad(planes, (before, after, before, after), value=float("-inf"))
    wide = functional.max_pool2d(padded, (1, size), stride=1)
    return functional.max_pool2d(wide, (size, 1), stride=1)


def erode(planes: Tensor, size: int) -> Tensor:
    """Return planes (B, C, H, W) with each value the smallest of the size x size square around it."""
    return -dilate(-planes, size)


OPERATIONS: Mapping[str, Callable[[Tensor, int], Tensor]] = {
    "erode": erode,
    "dilate": dilate,
    "open": lambda planes, size: dilate(erode(planes, size), size),
    "close": lambda planes, size: erode(dilate(planes, size), size),
    "gradient": lambda planes, size: dilate(planes, size) - erode(planes, size),
    "bottom_hat": lambda planes, size: erode(dilate(planes, size), size) - planes,
    "top_hat": lambda planes, size: planes - dilate(erode(planes, size), size),
}


@node(id="Morphology", display_name="ImageMorphology", category="image/postprocessing")
def morphology(
    image: Image,
    operation: Annotated[str, Choice(OPERATIONS)],
    kernel_size: Annotated[int, Range(3, 999, step=1)] = 3,
) -> Image:
    """Grow or shrink the bright parts of each channel, or show what that changes.

    Args:
        image: (B, H, W, C), values in [0, 1].
        operation: erode shrinks, dilate grows, open removes specks, close holes; the rest are differences.
        kernel_size: side of the square that is looked at around each pixel.
    """
    return OPERATIONS[operation](image.movedim(-1, 1), kernel_size).movedim(1, -1)

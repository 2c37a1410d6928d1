"""Tells the size of a batch of pictures."""

from typing import NamedTuple

from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.sockets import Image


class Size(NamedTuple):
    """Width and height in pixels, and the number of pictures."""

    width: int
    height: int
    batch_size: int


@node(id="GetImageSize", display_name="Get Image Size", category="image", hidden=("unique_id",))
def size(ctx: Context, image: Image) -> Size:
    """Tell width, height and number of pictures.

    Args:
        image: (B, H, W, C).
    """
    count, height, width = image.shape[:3]
    ctx.progress(1, 1, f"width: {width}, height: {height}\n batch size: {count}")
    return Size(width, height, count)

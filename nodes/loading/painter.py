"""Lays what was painted on the page over a picture."""

from typing import Annotated, Any

import torch
from torch import Tensor

from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.sockets import Image, Mask
from nodes.api.widgets import Range, Text
from nodes.image.blend import match_channels
from nodes.image.colours import Colour, colour_tensor
from nodes.image.resize import resize
from nodes.loading.image import opened, pixels

Side = Annotated[int, Range(64, 4096)]


@node(id="Painter", display_name="Painter", category="image")
def paint(
    ctx: Context,
    image: Image | None = None,
    *,
    mask: Annotated[str, Text(multiline=False, dynamic_prompts=False)] = "",
    width: Side = 512,
    height: Side = 512,
    bg_color: Colour = "#000000",
) -> tuple[Image, Mask]:
    """Paint on a picture, or on a sheet of one colour.

    Args:
        image: (B, H, W, C), values in [0, 1]; painted on, if there is one.
        mask: the file of what was painted; nothing if it is empty.
        width: width of an empty sheet in pixels.
        height: height of an empty sheet in pixels.
        bg_color: colour of an empty sheet.
    """
    base: Tensor = colour_tensor(bg_color).repeat(1, height, width, 1) if image is None else image
    base = match_channels(base, 3)
    if not mask:
        return base, torch.zeros(1, *base.shape[1:3])

    def read(picture: Any) -> Tensor:
        return pixels(picture.convert("RGBA"))

    strokes = opened(ctx, ctx.files.input(mask), read).movedim(-1, 0).unsqueeze(0)
    if strokes.shape[-2:] != base.shape[1:3]:
        strokes = resize(strokes, base.shape[2], base.shape[1], "bilinear")
    colour, alpha = strokes[:, :3].movedim(1, -1), strokes[:, 3:].movedim(1, -1)
    return base * (1 - alpha) + colour * alpha, alpha.squeeze(-1)

"""Reduces pictures to a small palette."""

from typing import Annotated, Any

import torch
from torch import Tensor

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Image
from nodes.api.widgets import Choice, Range

DITHERS = ("none", "floyd-steinberg", "bayer-2", "bayer-4", "bayer-8", "bayer-16")


def bayer(order: int) -> Tensor:
    """Return the (2^order, 2^order) thresholds of ordered dithering (Bayer 1973), from -0.5 to 0.5."""
    matrix = torch.zeros(1, 1)
    for level in range(1, order + 1):
        cells = 4**level
        matrix = (
            torch.cat(
                (
                    torch.cat((cells * matrix - 1.5, cells * matrix + 0.5), dim=1),
                    torch.cat((cells * matrix + 1.5, cells * matrix - 0.5), dim=1),
                )
            )
            / cells
        )
    return matrix


@node(id="ImageQuantize", category="image/postprocessing")
def quantise(
    *,
    image: Image,
    colors: Annotated[int, Range(1, 256, step=1)] = 256,
    dither: Annotated[str, Choice(DITHERS)],
) -> Image:
    """Reduce each picture to a palette of its own.

    Args:
        image: (B, H, W, 3), values in [0, 1].
        colors: size of the palette.
        dither: how the lost shades are scattered.
    """
    if image.shape[-1] != 3:
        raise NodeError(f"only pictures with 3 channels have a palette, not {image.shape[-1]}")
    frames = [_quantise_frame(frame, colors, dither) for frame in image.mul(255).clamp(0, 255)]
    return torch.stack(frames)


def _quantise_frame(frame: Tensor, colors: int, dither: str) -> Tensor:
    """Return a frame (H, W, 3) in [0, 255] as (H, W, 3) in [0, 1] with at most so many colours."""
    from PIL import Image as Pictures

    picture = Pictures.fromarray(frame.to(torch.uint8).numpy())
    palette = picture.quantize(colors=colors)
    if dither.startswith("bayer"):
        found = len(palette.getpalette() or ()) // 3
        order = int(dither.removeprefix("bayer-")).bit_length() - 1
        threshold = bayer(order) * (512 / max(found, 1)) + 0.5
        rows, columns = frame.shape[0], frame.shape[1]
        side = threshold.shape[0]
        tiled = threshold.repeat(-(-rows // side), -(-columns // side))[:rows, :columns, None]
        picture = Pictures.fromarray((frame.to(torch.uint8) + tiled).clamp(0, 255).to(torch.uint8).numpy())
    method = Pictures.Dither.FLOYDSTEINBERG if dither == "floyd-steinberg" else Pictures.Dither.NONE
    result: Any = picture.quantize(colors=colors, palette=palette, dither=method).convert("RGB")
    pixels = torch.frombuffer(bytearray(result.tobytes()), dtype=torch.uint8)
    return pixels.reshape(frame.shape).float() / 255

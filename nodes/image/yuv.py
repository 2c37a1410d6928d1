"""Splits pictures into brightness and colour, and joins them again (ITU-R BT.601 weights)."""

from typing import NamedTuple

from torch import Tensor

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Image


class Planes(NamedTuple):
    """Brightness and two colour differences, as grey pictures."""

    Y: Image
    U: Image
    V: Image


@node(id="ImageRGBToYUV", display_name="Split Image into YUV", category="image/batch")
def split(image: Image) -> Planes:
    """Split pictures into brightness, blueness and redness.

    Args:
        image: (B, H, W, C), values in [0, 1].
    """
    if image.shape[-1] < 3:
        raise NodeError(f"only pictures with 3 channels have colours, not {image.shape[-1]}")
    red, green, blue = image[..., 0], image[..., 1], image[..., 2]
    brightness = 0.299 * red + 0.587 * green + 0.114 * blue
    blueness = (blue - brightness) * 0.564 + 0.5
    redness = (red - brightness) * 0.713 + 0.5
    channels = image.shape[-1]

    def grey(plane: Tensor) -> Tensor:
        return plane.unsqueeze(-1).repeat(1, 1, 1, channels)

    return Planes(grey(brightness), grey(blueness), grey(redness))


@node(id="ImageYUVToRGB", display_name="Join Image from YUV", category="image/batch")
def join(Y: Image, U: Image, V: Image) -> Image:  # noqa: N803 - names that saved workflows know
    """Join brightness, blueness and redness to coloured pictures; values may leave [0, 1].

    Args:
        Y: (B, H, W, C), brightness; the mean of the channels counts.
        U: same shape, blueness.
        V: same shape, redness.
    """
    if not Y.shape[:3] == U.shape[:3] == V.shape[:3]:
        shapes = ", ".join(str(tuple(plane.shape)) for plane in (Y, U, V))
        raise NodeError(f"Y, U and V must have one size, not {shapes}")
    brightness, blueness, redness = Y.mean(-1), U.mean(-1) - 0.5, V.mean(-1) - 0.5
    red = brightness + 1.403 * redness
    green = brightness - 0.714 * redness - 0.344 * blueness
    blue = brightness + 1.773 * blueness
    result: Tensor = red.new_empty((*red.shape, 3))
    result[..., 0], result[..., 1], result[..., 2] = red, green, blue
    return result

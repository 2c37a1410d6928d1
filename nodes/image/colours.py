"""Colours that people write as #RRGGBB, and the boxes that they draw."""

import re
from typing import Annotated, Any, NamedTuple, TypedDict

import torch
from torch import Tensor

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Socket
from nodes.api.widgets import Range

WRITTEN = re.compile(r"#?([0-9a-fA-F]{6})([0-9a-fA-F]{2})?")

Colour = Annotated[Any, Socket("COLOR")]
BoundingBox = Annotated[Any, Socket("BOUNDING_BOX")]


class Box(TypedDict):
    """A rectangle in pixels, as it travels on links."""

    x: int
    y: int
    width: int
    height: int


class Picked(NamedTuple):
    """A colour as a number 0xRRGGBB, as text, and how opaque it is."""

    rgb_int: int
    hex: Colour
    alpha: float


def read_colour(text: Any) -> tuple[int, int, int, int]:
    """Return red, green, blue and alpha, 0 to 255, of #RRGGBB or #RRGGBBAA.

    Raises:
        NodeError: the text is something else.
    """
    match = WRITTEN.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise NodeError(f"a colour is written as #RRGGBB or #RRGGBBAA, not {text!r}")
    red, green, blue = bytes.fromhex(match[1])
    return red, green, blue, int(match[2], 16) if match[2] else 255


def colour_tensor(text: Any) -> Tensor:
    """Return a written colour as (3,) in [0, 1]; its alpha does not count."""
    return torch.tensor(read_colour(text)[:3], dtype=torch.float32) / 255


def read_box(value: Any) -> Box:
    """Return a box that came over a link.

    Raises:
        NodeError: it has no whole x, y, width and height.
    """
    names = ("x", "y", "width", "height")
    if not isinstance(value, dict) or not all(isinstance(value.get(name), int | float) for name in names):
        raise NodeError(f"a box has the numbers {', '.join(names)}, but here is {str(value)[:100]}")
    x, y, width, height = (int(value[name]) for name in names)
    return Box(x=x, y=y, width=width, height=height)


@node(id="ColorToRGBInt", display_name="Color Picker", category="utils")
def pick_colour(color: Colour = "#ffffff") -> Picked:
    """Give a colour in the forms that other nodes ask for.

    Args:
        color: #RRGGBB or #RRGGBBAA.
    """
    red, green, blue, alpha = read_colour(color)
    return Picked(red << 16 | green << 8 | blue, f"#{red:02x}{green:02x}{blue:02x}", alpha / 255)


@node(
    id="PrimitiveBoundingBox",
    display_name="Bounding Box",
    category="utils/primitive",
    outputs=("bounding_box",),
)
def box(
    x: Annotated[int, Range(0, 16384)] = 0,
    y: Annotated[int, Range(0, 16384)] = 0,
    width: Annotated[int, Range(1, 16384)] = 512,
    height: Annotated[int, Range(1, 16384)] = 512,
) -> BoundingBox:
    """Give a rectangle.

    Args:
        x: left edge in pixels.
        y: top edge in pixels.
        width: width in pixels.
        height: height in pixels.
    """
    return Box(x=x, y=y, width=width, height=height)

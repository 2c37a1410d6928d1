"""Counts how bright pictures are, and holds the curves that people draw over such counts."""

import math
from typing import Annotated, Any, NamedTuple

import torch
from torch import Tensor

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Histogram, Image, Socket

BINS = 256
LUMINANCE = (0.2126, 0.7152, 0.0722)
INTERPOLATIONS = ("monotone_cubic", "linear")

Curve = Annotated[Any, Socket("CURVE")]


class Histograms(NamedTuple):
    """How many pixels have each of 256 values: of all channels, of brightness, and of each channel."""

    rgb: Histogram
    luminance: Histogram
    red: Histogram
    green: Histogram
    blue: Histogram


def counts(values: Tensor) -> list[int]:
    """Return how many values (...,) in [0, 1] are nearest to each of 256 levels; others count at the ends."""
    levels = (values.clamp(0, 1) * (BINS - 1)).round().long().flatten()
    return [int(count) for count in torch.bincount(levels, minlength=BINS)]


@node(id="ImageHistogram", display_name="Image Histogram", category="image/color")
def histogram(image: Image) -> Histograms:
    """Count how many pixels of the first picture have each of 256 values.

    Args:
        image: (B, H, W, C), values in [0, 1].
    """
    first = image[0, ..., :3] if image.shape[-1] >= 3 else image[0, ..., :1].expand(-1, -1, 3)
    red, green, blue = (counts(first[..., channel]) for channel in range(3))
    rgb = [sum(levels) for levels in zip(red, green, blue, strict=True)]
    return Histograms(rgb, counts(first @ first.new_tensor(LUMINANCE)), red, green, blue)


def read_curve(value: Any) -> dict[str, Any]:
    """Return a curve as it travels on links: points (x, y) in the order of x, and how it runs between them.

    Raises:
        NodeError: it has fewer than two points, one outside [0, 1], or a way that is not known.
    """
    given = value if isinstance(value, dict) else {"points": value}
    points, way = given.get("points"), given.get("interpolation", INTERPOLATIONS[0])
    if not isinstance(points, list | tuple) or len(points) < 2 or not all(map(_is_point, points)):
        raise NodeError(f"a curve has at least two points [x, y] from 0 to 1, but here is {points!r:.100}")
    if way not in INTERPOLATIONS:
        raise NodeError(f"a curve runs {' or '.join(INTERPOLATIONS)} between its points, not {way!r:.40}")
    return {"points": sorted([float(x), float(y)] for x, y in points), "interpolation": way}


def _is_point(point: Any) -> bool:
    if not isinstance(point, list | tuple) or len(point) != 2:
        return False
    return all(
        isinstance(number, int | float) and math.isfinite(number) and 0 <= number <= 1 for number in point
    )


STRAIGHT = {"points": [[0.0, 0.0], [1.0, 1.0]], "interpolation": INTERPOLATIONS[0]}


@node(id="CurveEditor", display_name="Curve Editor", category="utils", outputs=("curve",))
def edit_curve(curve: Curve = STRAIGHT, histogram: Histogram | None = None) -> Curve:
    """Give a curve that is drawn on the node itself.

    Args:
        curve: its points, and how it runs between them.
        histogram: what the page draws behind it; it changes nothing.
    """
    return read_curve(curve)

"""Draws flat coloured shapes, antialiased, from signed distances in pixels.

Reference for the distance of a star by folding the plane: Quilez, "2D distance functions" (iquilezles.org).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Style = Literal["solid", "outline", "pastel"]

SIDE = 128
STROKE = 4.0
COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (214, 36, 36),
    "orange": (244, 128, 12),
    "yellow": (250, 222, 48),
    "green": (36, 158, 66),
    "blue": (36, 78, 214),
    "purple": (138, 52, 182),
    "white": (246, 246, 246),
    "black": (20, 20, 20),
}
BACKGROUNDS: dict[str, tuple[int, int, int]] = {**COLOURS, "gray": (150, 150, 156)}
RADII: dict[str, float] = {"small": 15.5, "medium": 20.5, "large": 27.0}


@dataclass(frozen=True)
class Figure:
    """One shape to draw: centre and radius in pixels, colour as red, green, blue from 0 to 255."""

    kind: str
    x: float
    y: float
    radius: float
    colour: tuple[int, int, int]


def _circle(x: Floats, y: Floats, radius: float) -> Floats:
    distance: Floats = (np.hypot(x, y) - radius).astype(np.float32)
    return distance


def _square(x: Floats, y: Floats, radius: float) -> Floats:
    return np.maximum(np.abs(x), np.abs(y)) - np.float32(0.86 * radius)


def _triangle(x: Floats, y: Floats, radius: float) -> Floats:
    # An isosceles triangle with its tip up: two slanted sides through (0, -r) and (r, 0.8 r), and the base.
    length = np.hypot(1.8, 1.0)
    slanted = (np.abs(x) * 1.8 - (y + radius)) / length
    distance: Floats = np.maximum(slanted, y - 0.8 * radius).astype(np.float32)
    return distance


def _star(x: Floats, y: Floats, radius: float) -> Floats:
    # Folded into half a fifth of a turn, the outline is one line from the tip to the inner corner.
    sector = np.pi / 5
    angle = np.abs((np.arctan2(x, -y) + sector) % (2 * sector) - sector)
    reach = np.hypot(x, y)
    along, across = reach * np.cos(angle), reach * np.sin(angle)
    inner = 0.45 * radius
    corner_x, corner_y = inner * np.cos(sector), inner * np.sin(sector)
    edge_x, edge_y = corner_x - radius, corner_y
    length = np.hypot(edge_x, edge_y)
    distance: Floats = ((edge_y * (along - radius) - edge_x * across) / length).astype(np.float32)
    return distance


def _ring(x: Floats, y: Floats, radius: float) -> Floats:
    distance: Floats = (np.abs(np.hypot(x, y) - 0.74 * radius) - 0.26 * radius).astype(np.float32)
    return distance


def _cross(x: Floats, y: Floats, radius: float) -> Floats:
    across, along = np.abs(x), np.abs(y)
    arm, reach = np.float32(0.33 * radius), np.float32(radius)
    return np.minimum(np.maximum(across - arm, along - reach), np.maximum(across - reach, along - arm))


KINDS: dict[str, Callable[[Floats, Floats, float], Floats]] = {
    "circle": _circle,
    "square": _square,
    "triangle": _triangle,
    "star": _star,
    "ring": _ring,
    "cross": _cross,
}


def coverage(figure: Figure, style: Style = "solid", side: int = SIDE) -> tuple[slice, slice, Floats]:
    """How much of each pixel around a figure it covers: rows, columns and (H, W) in [0, 1]."""
    reach = figure.radius + 2.0
    rows = slice(max(0, int(figure.y - reach)), max(0, min(side, int(figure.y + reach) + 1)))
    columns = slice(max(0, int(figure.x - reach)), max(0, min(side, int(figure.x + reach) + 1)))
    y = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] + np.float32(0.5 - figure.y)
    x = np.arange(columns.start, columns.stop, dtype=np.float32)[None, :] + np.float32(0.5 - figure.x)
    x, y = np.broadcast_arrays(x, y)
    distance = KINDS[figure.kind](x, y, figure.radius)
    if style == "outline":
        distance = np.abs(distance + STROKE / 2) - STROKE / 2
    return rows, columns, np.clip(0.5 - distance, 0.0, 1.0)


def pastel(colour: Sequence[float]) -> tuple[int, int, int]:
    """A colour mixed with a little more white than itself."""
    red, green, blue = (round(0.42 * value + 0.58 * 250) for value in colour)
    return red, green, blue


def draw(
    figures: Sequence[Figure], background: tuple[int, int, int], style: Style = "solid", side: int = SIDE
) -> Bytes:
    """The picture (H, W, 3) of figures, later ones above earlier ones."""
    paint = pastel if style == "pastel" else tuple
    canvas = np.empty((side, side, 3), dtype=np.float32)
    canvas[:] = np.asarray(paint(background), dtype=np.float32)
    for figure in figures:
        rows, columns, cover = coverage(figure, style, side)
        colour = np.asarray(paint(figure.colour), dtype=np.float32)
        patch = canvas[rows, columns]
        patch += cover[..., None] * (colour - patch)
    return (canvas + 0.5).astype(np.uint8)

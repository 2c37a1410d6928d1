"""Enlarges pictures by borders of one colour or by their mirror image."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from nodes.api.declare import node
from nodes.api.sockets import Image
from nodes.api.widgets import Range
from nodes.image.colours import Colour, colour_tensor

Side = Annotated[int, Range(0, 16384)]
Border = tuple[int, int, int, int]
"""Pixels to add left, top, right, bottom."""


@dataclass(frozen=True)
class Sides:
    """So many pixels on each side.

    Args:
        left: pixels to add on the left.
        top: pixels to add above.
        right: pixels to add on the right.
        bottom: pixels to add below.
    """

    key: ClassVar[str] = "pad dimensions"
    left: Side = 0
    top: Side = 0
    right: Side = 0
    bottom: Side = 0

    def border(self, width: int, height: int) -> Border:
        """Return the pixels to add."""
        return self.left, self.top, self.right, self.bottom


@dataclass(frozen=True)
class ByMultiplier:
    """Both sides times a number.

    Args:
        multiplier: the number; the new pixels are split evenly, an odd one comes on the right or below.
    """

    key: ClassVar[str] = "pad by multiplier"
    multiplier: Annotated[float, Range(1.0, 8.0, step=0.01)] = 1.0

    def border(self, width: int, height: int) -> Border:
        """Return the pixels to add."""
        return _even(round(width * self.multiplier) - width, round(height * self.multiplier) - height)


@dataclass(frozen=True)
class ToMultiple:
    """Up to the next multiple of a number.

    Args:
        multiple: the number; the new pixels are split evenly, an odd one comes on the right or below.
    """

    key: ClassVar[str] = "pad to multiple"
    multiple: Annotated[int, Range(1, 16384)] = 32

    def border(self, width: int, height: int) -> Border:
        """Return the pixels to add."""
        return _even(-width % self.multiple, -height % self.multiple)


@dataclass(frozen=True)
class Plain:
    """A colour.

    Args:
        color: #RRGGBB; an alpha channel is opaque there.
        feathering: pixels inside the old picture over which the colour fades, at sides that grow.
    """

    key: ClassVar[str] = "color"
    color: Colour = "#000000"
    feathering: Side = 0

    def fill(self, image: Tensor, border: Border) -> Tensor:
        """Return image (B, H, W, C) with the border around it."""
        left, top, right, bottom = border
        count, height, width, channels = image.shape
        fill = torch.ones(channels)
        fill[:3] = colour_tensor(self.color)[:channels]
        canvas = fill.repeat(count, top + height + bottom, left + width + right, 1)
        shown = (
            _fade(width, left, right, self.feathering)[None, :]
            * _fade(height, top, bottom, self.feathering)[:, None]
        )
        inside = image * shown[..., None] + fill * (1 - shown[..., None])
        canvas[:, top : top + height, left : left + width] = inside
        return canvas


@dataclass(frozen=True)
class Mirrored:
    """The picture itself, mirrored at its borders as often as needed."""

    key: ClassVar[str] = "mirror image"

    def fill(self, image: Tensor, border: Border) -> Tensor:
        """Return image (B, H, W, C) with the border around it."""
        left, top, right, bottom = border
        rows = _mirrored(image.shape[1], top, bottom)
        columns = _mirrored(image.shape[2], left, right)
        return image[:, rows][:, :, columns]


def _even(width: int, height: int) -> Border:
    return width // 2, height // 2, width - width // 2, height - height // 2


def _fade(length: int, before: int, after: int, feather: int) -> Tensor:
    """Return how much of the picture shows along a side, (length,): it fades at ends that grow."""
    shown = torch.ones(length)
    place = torch.arange(length, dtype=torch.float32)
    if feather and before:
        shown = torch.minimum(shown, place / feather)
    if feather and after:
        shown = torch.minimum(shown, (length - 1 - place) / feather)
    return shown.clamp(0, 1)


def _mirrored(length: int, before: int, after: int) -> Tensor:
    """Return which old cell each new one shows: ... 2 1 0 1 2 ... n-1 n-2 ...; edges are not doubled."""
    place = torch.arange(-before, length + after)
    period = max(1, 2 * (length - 1))
    turned = place % period
    return torch.where(turned < length, turned, period - turned)


@node(id="PadImageNode", display_name="Pad Image", category="image/transform")
def pad(
    image: Image, padding_type: Sides | ByMultiplier | ToMultiple, padding_style: Plain | Mirrored
) -> Image:
    """Enlarge pictures by a border.

    Args:
        image: (B, H, W, C), values in [0, 1].
        padding_type: how many pixels are added.
        padding_style: what they show.
    """
    return padding_style.fill(image, padding_type.border(image.shape[2], image.shape[1]))

"""Resizes pictures or masks by the rule that is chosen."""

import math
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, TypeVar

from torch import Tensor

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Image, Mask
from nodes.api.widgets import Choice, Range
from nodes.image.resize import CROPS, IMAGE_METHODS, missing_side, planes, resize

Picture = TypeVar("Picture", Image, Mask)

Side = Annotated[int, Range(0, 16384, step=1)]
Crop = Annotated[str, Choice(CROPS)]
Size = tuple[int, int]


@dataclass(frozen=True)
class Multiplier:
    """Both sides times a number.

    Args:
        multiplier: the number.
    """

    key: ClassVar[str] = "scale by multiplier"
    multiplier: Annotated[float, Range(0.01, 8.0, step=0.01)] = 1.0

    def size(self, width: int, height: int) -> Size:
        """Return the new size."""
        return round(width * self.multiplier), round(height * self.multiplier)


@dataclass(frozen=True)
class Dimensions:
    """A width and a height.

    Args:
        width: new width in pixels; 0 follows the height.
        height: new height in pixels; 0 follows the width. With both at 0 nothing changes.
        crop: center cuts the longer sides so that nothing is distorted; disabled stretches.
    """

    key: ClassVar[str] = "scale dimensions"
    width: Side = 512
    height: Side = 512
    crop: Crop = "center"

    def size(self, width: int, height: int) -> Size:
        """Return the new size."""
        if self.width == 0 and self.height == 0:
            return width, height
        return missing_side(self.width, self.height, width, height)


@dataclass(frozen=True)
class Longer:
    """A length for the longer side.

    Args:
        longer_size: the length in pixels; the other side keeps the aspect ratio.
    """

    key: ClassVar[str] = "scale longer dimension"
    longer_size: Side = 512

    def size(self, width: int, height: int) -> Size:
        """Return the new size."""
        return _with_side(width, height, self.longer_size, fits_height=height > width)


@dataclass(frozen=True)
class Shorter:
    """A length for the shorter side.

    Args:
        shorter_size: the length in pixels; the other side keeps the aspect ratio.
    """

    key: ClassVar[str] = "scale shorter dimension"
    shorter_size: Side = 512

    def size(self, width: int, height: int) -> Size:
        """Return the new size."""
        return _with_side(width, height, self.shorter_size, fits_height=height < width)


@dataclass(frozen=True)
class Width:
    """A width.

    Args:
        width: new width in pixels; the height keeps the aspect ratio.
    """

    key: ClassVar[str] = "scale width"
    width: Side = 512

    def size(self, width: int, height: int) -> Size:
        """Return the new size."""
        return Dimensions(self.width, 0).size(width, height)


@dataclass(frozen=True)
class Height:
    """A height.

    Args:
        height: new height in pixels; the width keeps the aspect ratio.
    """

    key: ClassVar[str] = "scale height"
    height: Side = 512

    def size(self, width: int, height: int) -> Size:
        """Return the new size."""
        return Dimensions(0, self.height).size(width, height)


@dataclass(frozen=True)
class TotalPixels:
    """About so many pixels.

    Args:
        megapixels: wanted width times height, in units of 1024 x 1024; the aspect ratio stays.
    """

    key: ClassVar[str] = "scale total pixels"
    megapixels: Annotated[float, Range(0.01, 16.0, step=0.01)] = 1.0

    def size(self, width: int, height: int) -> Size:
        """Return the new size."""
        factor = math.sqrt(int(self.megapixels * 1024 * 1024) / (width * height))
        return round(width * factor), round(height * factor)


@dataclass(frozen=True, eq=False)
class Match:
    """The size of something else.

    Args:
        match: (B, H, W, C) or (B, H, W), the picture or mask whose size is taken.
        crop: center cuts the longer sides so that nothing is distorted; disabled stretches.
    """

    key: ClassVar[str] = "match size"
    match: Image | Mask
    crop: Crop = "center"

    def size(self, width: int, height: int) -> Size:
        """Return the new size."""
        first = 1 if self.match.ndim == 4 else self.match.ndim - 2
        return self.match.shape[first + 1], self.match.shape[first]


Rule = Multiplier | Dimensions | Longer | Shorter | Width | Height | TotalPixels | Match


def _with_side(width: int, height: int, length: int, *, fits_height: bool) -> Size:
    """Return a size of the same aspect ratio with one side of that length."""
    if fits_height:
        return round(width / height * length), length
    return length, round(height / width * length)


def resize_planes(masks: Tensor, width: int, height: int, method: str, crop: str) -> Tensor:
    """Return masks (H, W), (B, H, W) or (B, 1, H, W) as (B, height, width); any method does."""
    channels = 3 if method == "lanczos" else 1
    return resize(planes(masks).unsqueeze(1).expand(-1, channels, -1, -1), width, height, method, crop)[:, 0]


@node(id="ResizeImageMaskNode", display_name="Resize Image/Mask", category="transform", outputs=("resized",))
def resize_either(
    input: Picture,  # noqa: A002 - the name that saved workflows know
    resize_type: Rule,
    scale_method: Annotated[str, Choice(IMAGE_METHODS)] = "area",
) -> Picture:
    """Resize pictures or masks.

    Args:
        input: (B, H, W, C) pictures or (B, H, W) masks.
        resize_type: what the new size follows from.
        scale_method: how new pixels are made.
    """
    values: Any = input
    is_mask = values.ndim < 4
    height, width = values.shape[-2:] if is_mask else values.shape[1:3]
    new_width, new_height = resize_type.size(width, height)
    if new_width < 1 or new_height < 1:
        raise NodeError(f"{resize_type.key!r} makes {new_width}x{new_height} of a {width}x{height} picture")
    crop = getattr(resize_type, "crop", "disabled")
    if isinstance(resize_type, Dimensions) and resize_type.width == resize_type.height == 0:
        return input
    if is_mask:
        return resize_planes(values, new_width, new_height, scale_method, crop)
    return resize(values.movedim(-1, 1), new_width, new_height, scale_method, crop).movedim(1, -1)

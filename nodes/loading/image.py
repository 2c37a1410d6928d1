"""Opens pictures and masks from the input folder."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import torch
from torch import Tensor

from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Image, Mask
from nodes.api.widgets import Choice, File

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

T = TypeVar("T")

CHANNELS = {"alpha": "A", "red": "R", "green": "G", "blue": "B"}
DEEP_GREY = ("I", "I;16", "I;16L", "I;16B", "I;16N")
NO_MASK_SIDE = 64


def pixels(picture: "Picture") -> Tensor:
    """Return the pixels of a picture with 8 bits a channel as (H, W) or (H, W, C) float32 in [0, 1]."""
    import numpy

    # PIL's own buffer cannot be written to, and torch asks for one that can: this is the one copy.
    return torch.from_numpy(numpy.array(picture, dtype=numpy.float32)) / 255.0


def colours(picture: "Picture") -> Tensor:
    """Return the colours of any picture as (H, W, 3) in [0, 1]; alpha is dropped, what it hides stays.

    Grey of more than 8 bits keeps its depth: 65535 is white.
    """
    import numpy

    if picture.mode in DEEP_GREY:
        grey = torch.from_numpy(numpy.array(picture, dtype=numpy.float32)) / 65535.0
        return grey.clamp(0, 1).unsqueeze(-1).repeat(1, 1, 3)
    return pixels(picture.convert("RGB"))


def transparency(picture: "Picture") -> Tensor | None:
    """Return 1 - alpha of a picture as (H, W), or None if it has no alpha."""
    if "A" in picture.getbands():
        return 1.0 - pixels(picture.getchannel("A"))
    if picture.mode == "P" and "transparency" in picture.info:
        return 1.0 - pixels(picture.convert("RGBA").getchannel("A"))
    return None


def opened(ctx: Context, path: Path, read: Callable[["Picture"], T]) -> T:
    """Return what read makes of the picture in a file; a file cut short is read as far as it goes.

    Raises:
        NodeError: the file is no picture, or nothing of it can be read.
    """
    from PIL import Image as Pictures
    from PIL import ImageFile, UnidentifiedImageError

    if path.stat().st_size == 0:
        raise NodeError(f"{path.name} cannot be read: it is empty")

    def attempt() -> T:
        with Pictures.open(path) as picture:
            return read(picture)

    try:
        return attempt()
    except UnidentifiedImageError as error:
        raise NodeError(f"{path.name} cannot be read: it is no picture, or one of an unknown kind") from error
    except (OSError, ValueError, SyntaxError) as problem:
        before = ImageFile.LOAD_TRUNCATED_IMAGES
        ImageFile.LOAD_TRUNCATED_IMAGES = True
        try:
            result = attempt()
            ctx.log.warning("%s is damaged (%s): what is missing stays black", path.name, problem)
            return result
        except (OSError, ValueError, SyntaxError) as error:
            raise NodeError(f"{path.name} cannot be read as a picture: {error}") from error
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = before


def frames(picture: "Picture") -> Iterator["Picture"]:
    """Yield the frames of an animation or the pages of a document, upright, but those of another size.

    Files with several views (MPO) give the first.
    """
    from PIL import ImageOps, ImageSequence

    size: tuple[int, int] | None = None
    for frame in ImageSequence.Iterator(picture):
        upright: Any = ImageOps.exif_transpose(frame)
        size = size or upright.size
        if upright.size == size:
            yield upright
        if picture.format == "MPO":
            return


def read_image(picture: "Picture") -> tuple[Tensor, Tensor]:
    """Return the frames of a picture as (B, H, W, 3) and their transparency as (B, H, W).

    A picture without alpha has an empty mask of 64 x 64, as saved workflows expect.
    """
    shown: list[Tensor] = []
    masks: list[Tensor | None] = []
    for frame in frames(picture):
        shown.append(colours(frame))
        masks.append(transparency(frame))
    if all(mask is None for mask in masks):
        return torch.stack(shown), torch.zeros(len(shown), NO_MASK_SIDE, NO_MASK_SIDE)
    height, width = shown[0].shape[:2]
    filled = [torch.zeros(height, width) if mask is None else mask for mask in masks]
    return torch.stack(shown), torch.stack(filled)


@node(id="LoadImage", display_name="Load Image", category="image")
def load_image(
    ctx: Context, image: Annotated[str, File("input:image", upload="image")]
) -> tuple[Image, Mask]:
    """Open a picture, all frames of an animation, or all pages of a document.

    Args:
        image: a file of the input folder.
    """
    return opened(ctx, ctx.files.input(image), read_image)


@node(id="LoadImageMask", display_name="Load Image (as Mask)", category="mask")
def load_mask(
    ctx: Context,
    image: Annotated[str, File("input", upload="image")],
    channel: Annotated[str, Choice(CHANNELS)],
) -> Mask:
    """Open a channel of a picture as a mask.

    Args:
        image: a file of the input folder.
        channel: which one; alpha is turned round, so that what is transparent is bright.
    """

    def read(picture: "Picture") -> Tensor:
        from PIL import ImageOps

        upright: Any = ImageOps.exif_transpose(picture)
        if channel == "alpha":
            alpha = transparency(upright)
            return torch.zeros(upright.height, upright.width) if alpha is None else alpha
        if upright.mode in DEEP_GREY:
            return colours(upright)[..., 0]
        return pixels(upright.convert("RGBA").getchannel(CHANNELS[channel]))

    return opened(ctx, ctx.files.input(image), read).unsqueeze(0)

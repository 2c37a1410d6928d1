"""Saves pictures in the format that is chosen: PNG with 8 or 16 bits, OpenEXR, or AVIF."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Image
from nodes.api.widgets import Choice, Range
from nodes.image.transfer import to_linear
from nodes.saving.animation import FramesPerSecond, Prefix, exif_metadata
from nodes.saving.deep_png import deep_png
from nodes.saving.exr import SRGB_PRIMARIES, exr
from nodes.saving.files import metadata_texts, write_file
from nodes.saving.image import FRAME_TOKEN, save_frames, to_picture, write_picture

REC2020_PRIMARIES = (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290)
AP1_PRIMARIES = (0.713, 0.293, 0.165, 0.830, 0.128, 0.044, 0.32168, 0.33767)
WORST_CRF = 63

Records = list[dict[str, str]]


def hlg_to_light(signal: Tensor) -> Tensor:
    """Return a hybrid log-gamma signal (...,) as scene light (ITU-R BT.2100, table 5)."""
    a = 0.17883277
    b = 1 - 4 * a
    c = 0.5 - a * math.log(4 * a)
    return torch.where(signal <= 0.5, signal**2 / 3, (torch.exp((signal - c) / a) + b) / 12)


LIGHT: dict[str, tuple[Callable[[Tensor], Tensor], tuple[float, ...]]] = {
    "sRGB": (to_linear, SRGB_PRIMARIES),
    "HDR": (hlg_to_light, REC2020_PRIMARIES),
    "linear": (lambda light: light, SRGB_PRIMARIES),
    "linear ACEScg": (lambda light: light, AP1_PRIMARIES),
}
"""How each kind of picture becomes light, and the primaries it has then."""


def save_each(
    ctx: Context, images: Tensor, prefix: str, extension: str, encode: Callable[[Tensor], bytes]
) -> Records:
    """Write images (B, H, W, C) to a file each and return their records."""
    records = []
    for index, frame in enumerate(images):
        ctx.check_cancelled()
        saved = ctx.files.reserve(
            prefix.replace(FRAME_TOKEN, str(index)), extension, width=frame.shape[1], height=frame.shape[0]
        )
        write_file(saved, encode(frame))
        records.append(saved.record())
    return records


@dataclass(frozen=True)
class Png:
    """A PNG file for each picture.

    Args:
        bit_depth: bits a channel.
        input_color_space: what the values mean.
    """

    key: ClassVar[str] = "png"
    bit_depth: Annotated[str, Choice(("8-bit", "16-bit"))] = "8-bit"
    input_color_space: Annotated[str, Choice(("sRGB",))] = "sRGB"

    def save(self, ctx: Context, images: Tensor, prefix: str) -> Records:
        """Write images (B, H, W, C) and return the records of the files."""
        if self.bit_depth == "8-bit":
            return save_frames(ctx, images, prefix)
        texts = metadata_texts(ctx)
        return save_each(ctx, images, prefix, "png", lambda frame: deep_png(frame, texts))


@dataclass(frozen=True)
class Exr:
    """An OpenEXR file for each picture; the values in it are always amounts of light.

    Args:
        bit_depth: bits a channel.
        input_color_space: what the values mean: HDR is hybrid log-gamma, the linear ones are light already.
    """

    key: ClassVar[str] = "exr"
    bit_depth: Annotated[str, Choice(("16-bit float", "32-bit float"))] = "16-bit float"
    input_color_space: Annotated[str, Choice(LIGHT)] = "sRGB"

    def save(self, ctx: Context, images: Tensor, prefix: str) -> Records:
        """Write images (B, H, W, C) and return the records of the files."""
        texts = metadata_texts(ctx)
        convert, primaries = LIGHT[self.input_color_space]
        half = self.bit_depth == "16-bit float"

        def encode(frame: Tensor) -> bytes:
            light = torch.cat((convert(frame[..., :3]), frame[..., 3:]), dim=-1)
            return exr(light, half=half, primaries=primaries, texts=texts)

        return save_each(ctx, images, prefix, "exr", encode)


@dataclass(frozen=True)
class Still:
    """A file for each picture."""

    key: ClassVar[str] = "still images"


@dataclass(frozen=True)
class Moving:
    """One file with all pictures as its frames; it repeats for ever.

    Args:
        fps: frames a second; a frame's time is cut to whole milliseconds.
    """

    key: ClassVar[str] = "animated"
    fps: FramesPerSecond = 6.0


@dataclass(frozen=True)
class Avif:
    """AVIF files.

    Args:
        bit_depth: bits a channel.
        input_color_space: what the values mean.
        crf: 1 is best and largest, 63 worst and smallest.
        save_mode: a file for each picture, or one for all.
    """

    key: ClassVar[str] = "avif"
    save_mode: Still | Moving
    bit_depth: Annotated[str, Choice(("auto", "8-bit YUV420"))] = "auto"
    input_color_space: Annotated[str, Choice(("sRGB",))] = "sRGB"
    crf: Annotated[int, Range(1, WORST_CRF)] = 18

    def save(self, ctx: Context, images: Tensor, prefix: str) -> Records:
        """Write images (B, H, W, C) and return the records of the files."""
        if isinstance(self.save_mode, Moving):
            return [self._write(ctx, images, prefix, int(1000 / self.save_mode.fps))]
        frames = enumerate(torch.split(images, 1))
        return [self._write(ctx, frame, prefix.replace(FRAME_TOKEN, str(index))) for index, frame in frames]

    def _write(self, ctx: Context, images: Tensor, prefix: str, duration: int = 0) -> dict[str, str]:
        ctx.check_cancelled()
        first, *others = (to_picture(frame) for frame in images)
        saved = ctx.files.reserve(prefix, "avif", width=first.width, height=first.height)
        moving = {"save_all": True, "append_images": others, "duration": duration} if others else {}
        quality = round(100 * (1 - self.crf / WORST_CRF))
        options = {"quality": quality, "subsampling": "4:2:0", "exif": exif_metadata(ctx), **moving}
        write_picture(saved, first, format="AVIF", **options)
        return saved.record()


@node(
    id="SaveImageAdvanced",
    display_name="Save Image (Advanced)",
    category="image",
    output_node=True,
    hidden=("prompt", "extra_pnginfo"),
    outputs=("images",),
)
def save(
    ctx: Context,
    images: Image,
    filename_prefix: Prefix = "ComfyUI",
    *,
    format: Png | Exr | Avif,  # noqa: A002 - the name that saved workflows know
) -> Image:
    """Save pictures in a format of your choice, and pass them on.

    Args:
        images: (B, H, W, C), values in [0, 1], in OpenEXR also beyond; 1, 3 or 4 channels.
        filename_prefix: how the names begin; as in Save Image.
        format: the kind of file.
    """
    if images.shape[-1] not in (1, 3, 4):
        raise NodeError(f"a picture to save has 1, 3 or 4 channels, not {images.shape[-1]}")
    ctx.show("images", format.save(ctx, images, filename_prefix))
    if isinstance(format, Avif) and isinstance(format.save_mode, Moving) and images.shape[0] > 1:
        ctx.show("animated", [True])
    return images

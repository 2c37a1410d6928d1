"""Writes batches of pictures as one moving picture."""

import json
from typing import TYPE_CHECKING, Annotated, Any

from torch import Tensor

from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.sockets import Image
from nodes.api.widgets import Choice, Range, Text
from nodes.saving.image import to_picture, write_picture

if TYPE_CHECKING:
    from PIL.Image import Exif
    from PIL.PngImagePlugin import PngInfo

METHODS = {"default": 4, "fastest": 0, "slowest": 6}
MODEL_TAG = 0x0110
MAKE_TAG = 0x010F

Prefix = Annotated[str, Text(multiline=False, dynamic_prompts=False)]
FramesPerSecond = Annotated[float, Range(0.01, 1000.0, step=0.01)]


def exif_metadata(ctx: Context) -> "Exif":
    """Return the graph and what the page sent along as EXIF entries, which is where WebP keeps texts."""
    from PIL import Image as Pictures

    exif = Pictures.Exif()
    if ctx.prompt is not None:
        exif[MODEL_TAG] = f"prompt:{json.dumps(ctx.prompt)}"
    for offset, (key, value) in enumerate((ctx.extra_pnginfo or {}).items()):
        exif[MAKE_TAG - offset] = f"{key}:{json.dumps(value)}"
    return exif


def chunk_metadata(ctx: Context) -> "PngInfo":
    """Return the graph and what the page sent along as private chunks behind the first frame."""
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    entries = {} if ctx.prompt is None else {"prompt": ctx.prompt}
    for key, value in (entries | dict(ctx.extra_pnginfo or {})).items():
        text = f"{key}\0{json.dumps(value)}".encode("latin-1", "strict")
        info.add(b"comf", text, after_idat=True)
    return info


def save_animation(ctx: Context, images: Tensor, prefix: str, extension: str, **options: Any) -> None:
    """Write images (B, H, W, C) as the frames of one file and show it."""
    first, *others = (to_picture(frame) for frame in images)
    saved = ctx.files.reserve(prefix, extension, width=first.width, height=first.height)
    write_picture(saved, first, save_all=True, append_images=others, **options)
    ctx.show("images", [saved.record()])
    if others:
        ctx.show("animated", [True])


@node(
    id="SaveAnimatedWEBP",
    display_name="Save Animated WebP",
    category="image/animation",
    output_node=True,
    hidden=("prompt", "extra_pnginfo"),
)
def save_webp(
    ctx: Context,
    *,
    images: Image,
    filename_prefix: Prefix = "ComfyUI",
    fps: FramesPerSecond = 6.0,
    lossless: bool = True,
    quality: Annotated[int, Range(0, 100)] = 80,
    method: Annotated[str, Choice(METHODS)],
) -> None:
    """Save pictures as the frames of a WebP animation.

    Args:
        images: (B, H, W, C), values in [0, 1].
        filename_prefix: how the name begins.
        fps: frames a second; a frame's time is cut to whole milliseconds.
        lossless: keep every pixel.
        quality: of a lossy file, or how hard a lossless one is compressed.
        method: how much time is spent on making the file small.
    """
    save_animation(
        ctx,
        images,
        filename_prefix,
        "webp",
        format="WEBP",
        duration=int(1000 / fps),
        lossless=lossless,
        quality=quality,
        method=METHODS[method],
        exif=exif_metadata(ctx),
    )


@node(
    id="SaveAnimatedPNG",
    display_name="Save Animated PNG",
    category="image/animation",
    output_node=True,
    hidden=("prompt", "extra_pnginfo"),
)
def save_png(
    ctx: Context,
    images: Image,
    filename_prefix: Prefix = "ComfyUI",
    fps: FramesPerSecond = 6.0,
    compress_level: Annotated[int, Range(0, 9)] = 4,
) -> None:
    """Save pictures as the frames of a PNG animation.

    Args:
        images: (B, H, W, C), values in [0, 1].
        filename_prefix: how the name begins.
        fps: frames a second; a frame's time is cut to whole milliseconds.
        compress_level: 0 is fast and large, 9 slow and small.
    """
    save_animation(
        ctx,
        images,
        filename_prefix,
        "png",
        format="PNG",
        duration=int(1000 / fps),
        compress_level=compress_level,
        pnginfo=chunk_metadata(ctx),
    )

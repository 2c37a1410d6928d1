"""Changes the size of pictures by stretching or cutting to the centre."""

import math
from typing import Annotated

import torch

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Image
from nodes.api.widgets import Choice, Range
from nodes.image.resize import CROPS, IMAGE_METHODS, missing_side, resize_image

PORTRAITS = (
    (672, 1568),
    (688, 1504),
    (720, 1456),
    (752, 1392),
    (800, 1328),
    (832, 1248),
    (880, 1184),
    (944, 1104),
)
KONTEXT_SIZES = (*PORTRAITS, (1024, 1024), *((height, width) for width, height in PORTRAITS))


@node(id="ImageScale", display_name="Upscale Image", category="image/upscaling")
def scale(
    *,
    image: Image,
    upscale_method: Annotated[str, Choice(IMAGE_METHODS)],
    width: Annotated[int, Range(0, 16384, step=1)] = 512,
    height: Annotated[int, Range(0, 16384, step=1)] = 512,
    crop: Annotated[str, Choice(CROPS)],
) -> Image:
    """Resize pictures to a width and a height.

    Args:
        image: (B, H, W, C), values in [0, 1].
        upscale_method: how new pixels are made; to shrink, area and lanczos are the smooth ones.
        width: new width in pixels; 0 follows the height.
        height: new height in pixels; 0 follows the width. With both at 0 the pictures pass unchanged.
        crop: center cuts the longer sides so that nothing is distorted; disabled stretches.
    """
    if width == 0 and height == 0:
        return image
    width, height = missing_side(width, height, image.shape[2], image.shape[1])
    return resize_image(image, width, height, upscale_method, crop)


@node(id="ImageScaleBy", display_name="Upscale Image By", category="image/upscaling")
def scale_by(
    *,
    image: Image,
    upscale_method: Annotated[str, Choice(IMAGE_METHODS)],
    scale_by: Annotated[float, Range(0.01, 8.0, step=0.01)] = 1.0,
) -> Image:
    """Resize pictures by a factor.

    Args:
        image: (B, H, W, C), values in [0, 1].
        upscale_method: how new pixels are made.
        scale_by: factor for both sides; the results are rounded, a half to the even number.
    """
    width, height = round(image.shape[2] * scale_by), round(image.shape[1] * scale_by)
    return resize_image(image, width, height, upscale_method)


@node(id="ImageScaleToTotalPixels", category="image/upscaling")
def scale_to_total_pixels(
    *,
    image: Image,
    upscale_method: Annotated[str, Choice(IMAGE_METHODS)],
    megapixels: Annotated[float, Range(0.01, 16.0, step=0.01)] = 1.0,
    resolution_steps: Annotated[int, Range(1, 256)] = 1,
) -> Image:
    """Resize pictures to about a number of megapixels, keeping their aspect ratio.

    Args:
        image: (B, H, W, C), values in [0, 1].
        upscale_method: how new pixels are made.
        megapixels: wanted width times height, in units of 1024 x 1024.
        resolution_steps: both sides become multiples of this.
    """
    height, width = image.shape[1:3]
    factor = math.sqrt(megapixels * 1024 * 1024 / (width * height))
    new_width, new_height = (
        round(side * factor / resolution_steps) * resolution_steps for side in (width, height)
    )
    return resize_image(image, new_width, new_height, upscale_method)


@node(id="ImageScaleToMaxDimension", category="image/upscaling")
def scale_to_longest(
    *,
    image: Image,
    upscale_method: Annotated[
        str, Choice(("area", "lanczos", "bilinear", "nearest-exact", "bilinear", "bicubic"))
    ],
    largest_size: Annotated[int, Range(0, 16384, step=1)] = 512,
) -> Image:
    """Resize pictures so that their longer side has a given length.

    Args:
        image: (B, H, W, C), values in [0, 1].
        upscale_method: how new pixels are made.
        largest_size: length of the longer side in pixels; the other keeps the aspect ratio.
    """
    height, width = image.shape[1:3]
    if height > width:
        size = (round(width / height * largest_size), largest_size)
    elif width > height:
        size = (largest_size, round(height / width * largest_size))
    else:
        size = (largest_size, largest_size)
    return resize_image(image, *size, upscale_method)


@node(id="FluxKontextImageScale", category="advanced/conditioning/flux")
def scale_for_kontext(image: Image) -> Image:
    """Resize pictures to the size near one megapixel that Flux Kontext was trained on and fits them best.

    Args:
        image: (B, H, W, C), values in [0, 1]; what is too long is cut at the centre.
    """
    aspect = image.shape[2] / image.shape[1]
    width, height = min(KONTEXT_SIZES, key=lambda size: (abs(aspect - size[0] / size[1]), size[0]))
    return resize_image(image, width, height, "lanczos", "center")


@node(id="ResizeAndPadImage", category="image/transform")
def resize_and_pad(
    *,
    image: Image,
    target_width: Annotated[int, Range(1, 16384, step=1)] = 512,
    target_height: Annotated[int, Range(1, 16384, step=1)] = 512,
    padding_color: Annotated[str, Choice(("white", "black"))],
    interpolation: Annotated[str, Choice(("area", "bicubic", "nearest-exact", "bilinear", "lanczos"))],
) -> Image:
    """Fit pictures inside a frame without distortion and fill what is left with one colour.

    Args:
        image: (B, H, W, C), values in [0, 1].
        target_width: width of the frame in pixels.
        target_height: height of the frame in pixels.
        padding_color: colour of the bars, in every channel.
        interpolation: how new pixels are made.
    """
    count, height, width, channels = image.shape
    factor = min(target_width / width, target_height / height)
    new_width, new_height = int(width * factor), int(height * factor)
    if new_width < 1 or new_height < 1:
        raise NodeError(
            f"a {width}x{height} picture vanishes when it is fitted into {target_width}x{target_height}"
        )
    resized = resize_image(image, new_width, new_height, interpolation)
    fill = 1.0 if padding_color == "white" else 0.0
    canvas = torch.full((count, target_height, target_width, channels), fill, dtype=image.dtype)
    left, top = (target_width - new_width) // 2, (target_height - new_height) // 2
    canvas[:, top : top + new_height, left : left + new_width] = resized
    return canvas

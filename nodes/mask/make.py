"""Makes masks from numbers, pictures and other masks."""

from typing import Annotated

import torch
from torch import Tensor

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Image, Mask
from nodes.api.widgets import Choice, Range
from nodes.image.resize import planes, resize_mask

CHANNELS = ("red", "green", "blue", "alpha")


@node(id="SolidMask", category="mask")
def solid(
    value: Annotated[float, Range(0.0, 1.0, step=0.01)] = 1.0,
    width: Annotated[int, Range(1, 16384, step=1)] = 512,
    height: Annotated[int, Range(1, 16384, step=1)] = 512,
) -> Mask:
    """Make a mask of one value.

    Args:
        value: the value everywhere.
        width: width in pixels.
        height: height in pixels.
    """
    return torch.full((1, height, width), value, dtype=torch.float32)


@node(id="InvertMask", category="mask")
def invert(mask: Mask) -> Mask:
    """Turn every value v of a mask into 1 - v.

    Args:
        mask: (B, H, W), values in [0, 1].
    """
    return 1.0 - mask


@node(id="ThresholdMask", category="mask")
def threshold(mask: Mask, value: Annotated[float, Range(0.0, 1.0, step=0.01)] = 0.5) -> Mask:
    """Turn a mask into zeros and ones.

    Args:
        mask: (B, H, W), values in [0, 1].
        value: what is above it becomes 1.
    """
    return (mask > value).float()


@node(id="ImageToMask", display_name="Convert Image to Mask", category="mask")
def from_image(*, image: Image, channel: Annotated[str, Choice(CHANNELS)]) -> Mask:
    """Take one channel of pictures as a mask.

    Args:
        image: (B, H, W, C), values in [0, 1].
        channel: which one; alpha as it is, not inverted.
    """
    index = CHANNELS.index(channel)
    if index >= image.shape[-1]:
        raise NodeError(f"these pictures have {image.shape[-1]} channels and none is {channel}")
    return image[..., index]


@node(id="MaskToImage", display_name="Convert Mask to Image", category="mask")
def to_image(mask: Mask) -> Image:
    """Show a mask as grey pictures.

    Args:
        mask: (B, H, W), values in [0, 1].
    """
    return planes(mask).unsqueeze(-1).expand(-1, -1, -1, 3)


@node(id="ImageColorToMask", category="mask")
def from_colour(
    image: Image, color: Annotated[int, Range(0, 0xFFFFFF, step=1, display="number")] = 0
) -> Mask:
    """Mask the pixels of exactly one colour.

    Args:
        image: (B, H, W, C), values in [0, 1]; compared at 8 bits a channel.
        color: the colour as a number 0xRRGGBB.
    """
    wanted = torch.tensor([color >> 16 & 0xFF, color >> 8 & 0xFF, color & 0xFF])
    pixels = image[..., :3].clamp(0, 1).mul(255).round().int()
    return (pixels == wanted).all(dim=-1).float()


@node(id="SplitImageWithAlpha", display_name="Split Image with Alpha", category="mask/compositing")
def split_alpha(image: Image) -> tuple[Image, Mask]:
    """Split pictures into their colours and a mask of what is transparent.

    Args:
        image: (B, H, W, C), values in [0, 1]; without an alpha channel the mask is empty.
    """
    if image.shape[-1] > 3:
        return image[..., :3], 1.0 - image[..., 3]
    return image, torch.zeros(image.shape[:3])


@node(id="JoinImageWithAlpha", display_name="Join Image with Alpha", category="mask/compositing")
def join_alpha(image: Image, alpha: Mask) -> Image:
    """Give pictures an alpha channel.

    Args:
        image: (B, H, W, C), values in [0, 1]; an alpha channel it has is replaced.
        alpha: (B, H, W), 1 = transparent; stretched to the pictures. The shorter batch counts.
    """
    count = min(image.shape[0], planes(alpha).shape[0])
    opaque: Tensor = 1.0 - resize_mask(alpha, image.shape[2], image.shape[1])[:count]
    return torch.cat((image[:count, ..., :3], opaque.unsqueeze(-1)), dim=-1)

"""Joins, picks and repeats the pictures of a batch."""

from collections.abc import Sequence
from typing import Annotated

import torch
import torch.nn.functional as functional
from torch import Tensor

from nodes.api.declare import node
from nodes.api.sockets import Image
from nodes.api.widgets import Grow, Range
from nodes.image.resize import resize_image


def repeat_to_batch(tensor: Tensor, count: int) -> Tensor:
    """Return tensor (B, ...) as (count, ...): cut, or the whole batch over and over."""
    if tensor.shape[0] >= count:
        return tensor[:count]
    rounds = -(-count // tensor.shape[0])
    return tensor.repeat(rounds, *[1] * (tensor.ndim - 1))[:count]


def with_channels(image: Tensor, channels: int) -> Tensor:
    """Return image (B, H, W, C) with at least so many channels, the new ones opaque (1.0)."""
    missing = channels - image.shape[-1]
    return functional.pad(image, (0, missing), value=1.0) if missing > 0 else image


def joined(images: Sequence[Tensor]) -> Tensor:
    """Return images (B, H, W, C) as one batch of the size of the first; missing channels are opaque."""
    channels = max(image.shape[-1] for image in images)
    height, width = images[0].shape[1:3]
    fitted = []
    for image in images:
        full = with_channels(image, channels)
        if full.shape[1:3] != (height, width):
            full = resize_image(full, width, height, "bilinear", "center")
        fitted.append(full)
    return torch.cat(fitted)


@node(id="ImageBatch", display_name="Batch Images", category="image", deprecated=True)
def join(image1: Image, image2: Image) -> Image:
    """Join two batches of pictures; the second is fitted to the size of the first.

    Args:
        image1: (B, H, W, C), values in [0, 1]; sets the size.
        image2: (B, H, W, C); scaled and cut at the centre when its size differs.
    """
    return joined((image1, image2))


@node(id="BatchImagesNode", display_name="Batch Images", category="image")
def join_many(*images: Annotated[Image, Grow(prefix="image", minimum=2, maximum=50)]) -> Image:
    """Join batches of pictures; all are fitted to the size of the first.

    Args:
        images: (B, H, W, C), values in [0, 1]; scaled and cut at the centre where sizes differ.
    """
    return joined(images)


@node(id="ImageFromBatch", category="image/batch")
def pick(
    image: Image,
    batch_index: Annotated[int, Range(0, 4095)] = 0,
    length: Annotated[int, Range(1, 4096)] = 1,
) -> Image:
    """Pick a run of pictures from a batch.

    Args:
        image: (B, H, W, C), values in [0, 1].
        batch_index: place of the first picture, counted from 0; the last one when the batch is shorter.
        length: how many pictures, as far as there are any.
    """
    start = min(image.shape[0] - 1, batch_index)
    return image[start : start + length].clone()


@node(id="RepeatImageBatch", category="image/batch")
def repeat(image: Image, amount: Annotated[int, Range(1, 4096)] = 1) -> Image:
    """Repeat a whole batch of pictures.

    Args:
        image: (B, H, W, C), values in [0, 1].
        amount: how often the batch appears in the result.
    """
    return image.repeat(amount, 1, 1, 1)

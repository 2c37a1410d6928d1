"""Fits pictures and masks that stand beside a latent to its size and its batch."""

import torch
from torch import Tensor

from models.resize import crop_to_aspect, resized


def fitted(picture: Tensor, like: Tensor) -> Tensor:
    """A picture (N, K, H, W) as (B, K, h, w), of the size, batch and device of `like` (B, C, h, w)."""
    return picked(sized(picture, like), like.shape[0])


def sized(picture: Tensor, like: Tensor) -> Tensor:
    """A picture (N, K, H, W) as (N, K, h, w), sized like the other: cut at the centre, resized bilinearly."""
    picture = picture.to(like.device, torch.float32)
    height, width = like.shape[-2:]
    if picture.shape[-2:] == like.shape[-2:]:
        return picture
    return resized(crop_to_aspect(picture, width, height), width, height, "bilinear")


def picked(batch: Tensor, count: int) -> Tensor:
    """A batch (N, ...) as (count, ...): those nearest to places spread evenly from the first to the last."""
    size = batch.shape[0]
    if size == count:
        return batch
    if count <= 1:
        return batch[:count]
    if count < size:
        stride = (size - 1) / (count - 1)
        places = [min(round(index * stride), size - 1) for index in range(count)]
    else:
        stride = size / count
        places = [min(int((index + 0.5) * stride), size - 1) for index in range(count)]
    return batch[places]

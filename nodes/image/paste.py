"""Pastes a channel-first batch into another under a mask."""

from torch import Tensor

from nodes.image.batch import repeat_to_batch
from nodes.image.resize import resize_mask


def paste(destination: Tensor, source: Tensor, mask: Tensor | None, left: int, top: int) -> Tensor:
    """Return destination (B, C, H, W) with source (B, C, h, w) over it at (left, top), cut at the borders.

    mask: (H, W) or (B, H, W) of any size, stretched to the source, 1 = source; None = all of it.
    """
    result = destination.clone()
    left = max(-source.shape[-1], min(left, destination.shape[-1]))
    top = max(-source.shape[-2], min(top, destination.shape[-2]))
    rows = slice(max(top, 0), min(top + source.shape[-2], destination.shape[-2]))
    columns = slice(max(left, 0), min(left + source.shape[-1], destination.shape[-1]))
    inside = (
        ...,
        slice(rows.start - top, rows.stop - top),
        slice(columns.start - left, columns.stop - left),
    )
    piece = source[inside]
    if mask is not None:
        weight = resize_mask(mask, source.shape[-1], source.shape[-2])
        weight = repeat_to_batch(weight, destination.shape[0]).unsqueeze(1)[inside]
        piece = weight * piece + (1 - weight) * result[..., rows, columns]
    result[..., rows, columns] = piece
    return result

"""Mixes, adds and composes latents."""

from dataclasses import replace
from typing import Annotated

import torch
from torch import Tensor

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Latent, Mask
from nodes.api.widgets import Range
from nodes.image.batch import repeat_to_batch
from nodes.image.paste import paste
from nodes.image.resize import resize
from schedulers.latent import LatentBatch


def matched(first: Tensor, second: Tensor, method: str = "bilinear") -> Tensor:
    """Return second with the shape of first, both (B, C, H, W): resized, cut at the centre, repeated.

    Raises:
        NodeError: their channels differ.
    """
    if first.shape[1] != second.shape[1]:
        raise NodeError(f"the latents have {first.shape[1]} and {second.shape[1]} channels")
    if first.shape[2:] != second.shape[2:]:
        second = resize(second, first.shape[3], first.shape[2], method, "center")
    return repeat_to_batch(second, first.shape[0])


@node(id="LatentAdd", display_name="Add Latents", category="latent/advanced")
def add(samples1: Latent, samples2: Latent) -> Latent:
    """Add two latents.

    Args:
        samples1: (B, C, H, W); sets the size.
        samples2: (B, C, H, W); fitted to the first.
    """
    latent: LatentBatch = samples1
    return replace(latent, samples=latent.samples + matched(latent.samples, samples2.samples))


@node(id="LatentSubtract", display_name="Subtract Latents", category="latent/advanced")
def subtract(samples1: Latent, samples2: Latent) -> Latent:
    """Subtract the second latent from the first.

    Args:
        samples1: (B, C, H, W); sets the size.
        samples2: (B, C, H, W); fitted to the first.
    """
    latent: LatentBatch = samples1
    return replace(latent, samples=latent.samples - matched(latent.samples, samples2.samples))


@node(id="LatentMultiply", display_name="Multiply Latent", category="latent/advanced")
def multiply(samples: Latent, multiplier: Annotated[float, Range(-10.0, 10.0, step=0.01)] = 1.0) -> Latent:
    """Multiply a latent by a number.

    Args:
        samples: (B, C, H, W).
        multiplier: the number.
    """
    latent: LatentBatch = samples
    return replace(latent, samples=latent.samples * multiplier)


@node(id="LatentInterpolate", display_name="Interpolate Latents", category="latent/advanced")
def interpolate(
    samples1: Latent, samples2: Latent, ratio: Annotated[float, Range(0.0, 1.0, step=0.01)] = 1.0
) -> Latent:
    """Mix the directions and the lengths of two latents' channel vectors.

    Args:
        samples1: (B, C, H, W); sets the size.
        samples2: (B, C, H, W); fitted to the first.
        ratio: 1 is the first latent, 0 the second.
    """
    latent: LatentBatch = samples1
    first, second = latent.samples, matched(latent.samples, samples2.samples)
    lengths = [tensor.norm(dim=1, keepdim=True) for tensor in (first, second)]
    units = [(tensor / length).nan_to_num() for tensor, length in zip((first, second), lengths, strict=True)]
    direction = units[0] * ratio + units[1] * (1 - ratio)
    direction = (direction / direction.norm(dim=1, keepdim=True)).nan_to_num()
    return replace(latent, samples=direction * (lengths[0] * ratio + lengths[1] * (1 - ratio)))


@node(id="LatentBlend", display_name="Latent Blend", category="_for_testing")
def blend(
    samples1: Latent, samples2: Latent, blend_factor: Annotated[float, Range(0.0, 1.0, step=0.01)] = 0.5
) -> Latent:
    """Mix two latents.

    Args:
        samples1: (B, C, H, W); sets the size.
        samples2: (B, C, H, W); fitted to the first.
        blend_factor: 1 is the first latent alone, 0 the second alone.
    """
    latent: LatentBatch = samples1
    second = matched(latent.samples, samples2.samples, "bicubic")
    return replace(latent, samples=latent.samples * blend_factor + second * (1 - blend_factor))


def _feathered(rows: int, columns: int, sides: tuple[bool, bool, bool, bool], feather: int) -> Tensor:
    """Return weights (rows, columns) that fade over `feather` cells at (top, left, bottom, right)."""
    down, across = torch.ones(rows), torch.ones(columns)
    top, left, bottom, right = sides
    for step in range(feather):
        weight = (step + 1) / feather
        if top and step < rows:
            down[step] *= weight
        if bottom and step < rows:
            down[rows - 1 - step] *= weight
        if left and step < columns:
            across[step] *= weight
        if right and step < columns:
            across[columns - 1 - step] *= weight
    return down[:, None] * across[None, :]


@node(id="LatentComposite", display_name="Latent Composite", category="latent")
def composite(
    samples_to: Latent,
    samples_from: Latent,
    x: Annotated[int, Range(0, 16384, step=8)] = 0,
    y: Annotated[int, Range(0, 16384, step=8)] = 0,
    feather: Annotated[int, Range(0, 16384, step=8)] = 0,
) -> Latent:
    """Paste one latent into another, its inner edges faded; numbers are pixels of 8 to a cell.

    Args:
        samples_to: (B, C, H, W); what is pasted onto.
        samples_from: (B, C, h, w), cut where it leaves the other.
        x: left edge of what is pasted.
        y: top edge of what is pasted.
        feather: width of the fade at edges inside the picture.
    """
    latent: LatentBatch = samples_to
    under, over = latent.samples, samples_from.samples
    left, top = x // 8, y // 8
    if left >= under.shape[3] or top >= under.shape[2]:
        raise NodeError(
            f"({x}, {y}) lies outside a latent of {under.shape[3] * 8}x{under.shape[2] * 8} pixels"
        )
    over = repeat_to_batch(over, under.shape[0])[..., : under.shape[2] - top, : under.shape[3] - left]
    rows, columns = over.shape[-2:]
    sides = (top != 0, left != 0, top + rows < under.shape[2], left + columns < under.shape[3])
    weight = _feathered(rows, columns, sides, feather // 8)
    result = under.clone()
    here = result[..., top : top + rows, left : left + columns]
    here.copy_(over * weight + here * (1 - weight))
    return replace(latent, samples=result)


@node(id="LatentCompositeMasked", display_name="Latent Composite Masked", category="latent")
def composite_masked(
    destination: Latent,
    source: Latent,
    x: Annotated[int, Range(0, 16384, step=8)] = 0,
    y: Annotated[int, Range(0, 16384, step=8)] = 0,
    resize_source: bool = False,
    mask: Mask | None = None,
) -> Latent:
    """Paste one latent into another, where a mask says so; numbers are pixels of 8 to a cell.

    Args:
        destination: (B, C, H, W); what is pasted onto.
        source: (B, C, h, w), cut where it leaves the destination.
        x: left edge of the source in the destination.
        y: top edge of the source in the destination.
        resize_source: stretch the source to the size of the destination first.
        mask: (B, H, W) of any size, 1 = paste; stretched to the source. Everything is pasted without one.
    """
    latent: LatentBatch = destination
    over: Tensor = source.samples
    if resize_source:
        over = resize(over, latent.samples.shape[3], latent.samples.shape[2], "bilinear")
    over = repeat_to_batch(over, latent.samples.shape[0])
    return replace(latent, samples=paste(latent.samples, over, mask, x // 8, y // 8))

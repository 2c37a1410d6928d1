"""Joins and regroups the latents of several batches."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Latent
from nodes.api.widgets import Grow, Range
from nodes.image.batch import repeat_to_batch
from nodes.image.resize import resize
from nodes.latent.batch import mask_planes
from schedulers.latent import LatentBatch

MASK_SCALE = 8


@node(id="BatchLatentsNode", display_name="Batch Latents", category="latent")
def join(*latents: Annotated[Latent, Grow(prefix="latent", minimum=2, maximum=50)]) -> Latent:
    """Join batches of latents; all are fitted to the size of the first.

    Args:
        latents: (B, C, H, W); scaled and cut at the centre where sizes differ. The first's noise mask stays.
    """
    first: LatentBatch = latents[0]
    height, width = first.samples.shape[-2:]
    parts: list[Tensor] = []
    indices: list[int] = []
    for latent in latents:
        samples = latent.samples
        if samples.shape[1] != first.samples.shape[1]:
            raise NodeError(f"the latents have {first.samples.shape[1]} and {samples.shape[1]} channels")
        if samples.shape[-2:] != (height, width):
            samples = resize(samples, width, height, "bilinear", "center")
        parts.append(samples)
        indices.extend(latent.batch_index or range(samples.shape[0]))
    return LatentBatch(torch.cat(parts), first.noise_mask, tuple(indices), first.extra)


@dataclass(frozen=True, eq=False)
class Single:
    """One latent (1, C, H, W) with its mask (1, 1, h, w), if it has one, and its place in the noise."""

    samples: Tensor
    mask: Tensor | None
    index: int


def singles(batches: Iterable[LatentBatch]) -> Iterator[Single]:
    """Yield the latents of several batches; those without a place are counted on."""
    counted = 0
    for batch in batches:
        count = batch.samples.shape[0]
        masks: tuple[Tensor | None, ...] = (None,) * count
        if batch.noise_mask is not None:
            masks = torch.split(repeat_to_batch(mask_planes(batch.noise_mask), count), 1)
        indices = batch.batch_index or range(counted, counted + count)
        counted += count
        for samples, mask, index in zip(torch.split(batch.samples, 1), masks, indices, strict=True):
            yield Single(samples, mask, index)


def grouped(found: Iterable[Single], size: int) -> Iterator[list[Single]]:
    """Yield runs of at most so many latents of one shape."""
    group: list[Single] = []
    for single in found:
        if group and (len(group) == size or single.samples.shape != group[0].samples.shape):
            yield group
            group = []
        group.append(single)
    if group:
        yield group


def rejoined(group: list[Single]) -> LatentBatch:
    """Return latents of one shape as a batch; where only some have a mask, the others are open to noise."""
    samples = torch.cat([single.samples for single in group])
    given = [single.mask for single in group if single.mask is not None]
    mask = None
    if any(bool((entry != 1).any()) for entry in given):
        sizes = {entry.shape[-2:] for entry in given}
        height, width = sizes.pop() if len(sizes) == 1 else (side * MASK_SCALE for side in samples.shape[-2:])
        open_mask = torch.ones(1, 1, height, width)
        masks = [open_mask if single.mask is None else single.mask for single in group]
        fitted = [
            entry if entry.shape[-2:] == (height, width) else resize(entry, width, height, "bilinear")
            for entry in masks
        ]
        mask = torch.cat(fitted)
    return LatentBatch(samples, mask, tuple(single.index for single in group))


@node(id="RebatchLatents", display_name="Rebatch Latents", category="latent/batch")
def rebatch(latents: list[Latent], batch_size: Annotated[int, Range(1, 4096)] = 1) -> list[Latent]:
    """Regroup the latents of several batches into batches of another size; each keeps its noise and its mask.

    Args:
        latents: batches (B, C, H, W); where the size changes a new batch begins.
        batch_size: latents in each new batch, at most.
    """
    return [rejoined(group) for group in grouped(singles(latents), batch_size)]

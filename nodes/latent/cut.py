"""Cuts latents apart and joins them along a side."""

from dataclasses import replace
from typing import Annotated

import torch

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Latent
from nodes.api.widgets import Choice, Range
from nodes.image.batch import repeat_to_batch
from schedulers.latent import LatentBatch

AXES = {"x": -1, "y": -2, "t": -3}


@node(id="LatentConcat", display_name="Concatenate Latents", category="latent/advanced")
def concatenate(
    samples1: Latent, samples2: Latent, dim: Annotated[str, Choice(("x", "-x", "y", "-y", "t", "-t"))]
) -> Latent:
    """Join two latents at a side.

    Args:
        samples1: (B, C, H, W).
        samples2: (B, C, H, W), of the same size but along the side; repeated to the batch of the first.
        dim: x joins at the right, y below, t along the third dimension from the end; - puts the second first.
    """
    first: LatentBatch = samples1
    axis = AXES[dim.removeprefix("-")]
    parts = [first.samples, repeat_to_batch(samples2.samples, first.samples.shape[0])]
    if dim.startswith("-"):
        parts.reverse()
    try:
        return replace(first, samples=torch.cat(parts, dim=axis))
    except RuntimeError as error:
        shapes = " and ".join(str(tuple(part.shape)) for part in parts)
        raise NodeError(f"latents {shapes} do not fit together along {dim}") from error


@node(id="LatentCut", display_name="Cut Latent", category="latent/advanced")
def cut(
    samples: Latent,
    dim: Annotated[str, Choice(AXES)],
    index: Annotated[int, Range(-16384, 16384, step=1)] = 0,
    amount: Annotated[int, Range(1, 16384, step=1)] = 1,
) -> Latent:
    """Cut a strip out of a latent.

    Args:
        samples: (B, C, H, W).
        dim: x cuts columns, y rows, t along the third dimension from the end.
        index: first cell of the strip; negative numbers count from the end.
        amount: width of the strip in cells, as far as there are any.
    """
    latent: LatentBatch = samples
    axis = AXES[dim]
    length = latent.samples.shape[axis]
    start = min(index, length - 1) if index >= 0 else length + max(index, -length)
    strip = latent.samples.narrow(axis, start, min(amount, length - start))
    return replace(latent, samples=strip)


@node(id="LatentCutToBatch", display_name="Cut Latent to Batch", category="latent/advanced")
def cut_to_batch(
    samples: Latent,
    dim: Annotated[str, Choice(("t", "x", "y"))],
    slice_size: Annotated[int, Range(1, 16384, step=1)] = 1,
) -> Latent:
    """Cut a latent into strips of one width that become a batch; what is left over is dropped.

    Args:
        samples: (B, C, H, W).
        dim: x cuts columns, y rows; t has an effect on latents of videos only.
        slice_size: width of a strip in cells.
    """
    latent: LatentBatch = samples
    if dim == "t" and latent.samples.ndim == 4:
        return latent
    cells = latent.samples.movedim(AXES[dim], 1)
    size = min(slice_size, cells.shape[1])
    strips = cells.shape[1] // size
    batch = cells[:, : strips * size].reshape(-1, size, *cells.shape[2:])
    # Counted from the front: the axis has the same place in the batch as it had before.
    return replace(latent, samples=batch.movedim(1, latent.samples.ndim + AXES[dim]))

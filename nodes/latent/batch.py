"""Repeats, picks and joins the latents of a batch."""

from dataclasses import replace
from typing import Annotated

import torch
from torch import Tensor

from nodes.api.declare import node
from nodes.api.sockets import Latent
from nodes.api.widgets import Choice, Range
from nodes.image.batch import repeat_to_batch
from nodes.image.resize import resize
from schedulers.latent import LatentBatch


def mask_planes(mask: Tensor) -> Tensor:
    """Return a noise mask (H, W), (B, H, W) or (B, 1, H, W) as (B, 1, H, W)."""
    return mask.reshape(-1, 1, mask.shape[-2], mask.shape[-1])


@node(id="RepeatLatentBatch", display_name="Repeat Latent Batch", category="latent/batch")
def repeat(samples: Latent, amount: Annotated[int, Range(1, 64)] = 1) -> Latent:
    """Repeat a whole batch of latents; each copy draws noise of its own.

    Args:
        samples: (B, C, H, W).
        amount: how often the batch appears in the result.
    """
    latent: LatentBatch = samples
    mask = latent.noise_mask
    if mask is not None and mask_planes(mask).shape[0] > 1:
        # Fewer masks than latents are not made as many first: so they go round the whole result.
        mask = mask_planes(mask).repeat(amount, 1, 1, 1)
    indices = latent.batch_index
    if indices is not None:
        offset = max(indices) - min(indices) + 1
        indices = tuple(index + offset * round_ for round_ in range(amount) for index in indices)
    return replace(
        latent, samples=latent.samples.repeat(amount, 1, 1, 1), noise_mask=mask, batch_index=indices
    )


@node(id="LatentFromBatch", display_name="Latent From Batch", category="latent/batch")
def pick(
    samples: Latent,
    batch_index: Annotated[int, Range(0, 63)] = 0,
    length: Annotated[int, Range(1, 64)] = 1,
) -> Latent:
    """Pick a run of latents from a batch; each keeps the noise it would have had there.

    Args:
        samples: (B, C, H, W).
        batch_index: place of the first latent, counted from 0; the last one when the batch is shorter.
        length: how many latents, as far as there are any.
    """
    latent: LatentBatch = samples
    count = latent.samples.shape[0]
    start = min(batch_index, count - 1)
    stop = min(count, start + length)
    mask = latent.noise_mask
    if mask is not None and mask_planes(mask).shape[0] > 1:
        mask = repeat_to_batch(mask_planes(mask), count)[start:stop].clone()
    indices = latent.batch_index or tuple(range(count))
    return replace(
        latent,
        samples=latent.samples[start:stop].clone(),
        noise_mask=mask,
        batch_index=indices[start:stop],
    )


@node(id="LatentBatch", category="latent/batch", deprecated=True)
def join(samples1: Latent, samples2: Latent) -> Latent:
    """Join two batches of latents; the second is fitted to the size of the first.

    Args:
        samples1: (B, C, H, W); sets the size, and its noise mask stays.
        samples2: (B, C, H, W); scaled and cut at the centre when its size differs.
    """
    first: LatentBatch = samples1
    second: LatentBatch = samples2
    added = second.samples
    if first.samples.shape[1:] != added.shape[1:]:
        added = resize(added, first.samples.shape[3], first.samples.shape[2], "bilinear", "center")
    indices = [latent.batch_index or tuple(range(latent.samples.shape[0])) for latent in (first, second)]
    return replace(first, samples=torch.cat((first.samples, added)), batch_index=(*indices[0], *indices[1]))


@node(id="LatentBatchSeedBehavior", category="latent/advanced")
def seed_behaviour(
    samples: Latent, seed_behavior: Annotated[str, Choice(("random", "fixed"))] = "fixed"
) -> Latent:
    """Choose whether the latents of a batch draw different noise or all the same.

    Args:
        samples: (B, C, H, W).
        seed_behavior: fixed gives every latent the noise of the first.
    """
    latent: LatentBatch = samples
    if seed_behavior == "random":
        return replace(latent, batch_index=None)
    first = latent.batch_index[0] if latent.batch_index else 0
    return replace(latent, batch_index=(first,) * latent.samples.shape[0])

"""Sampling inside a mask: outside it the network sees the noised original and its answer is the original."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from schedulers.path import Path
from schedulers.step import PairDenoiser


def fitted_mask(mask: Tensor, shape: Sequence[int]) -> Tensor:
    """A mask of any size as (B, C, h, w) floats for a latent of that shape, 1 = denoise.

    mask: (H, W), (N, H, W) or (N, 1, H, W); scaled bilinearly, not rounded; N is tiled or cut to B.
    """
    planes = mask.float().reshape(-1, 1, mask.shape[-2], mask.shape[-1])
    scaled = torch.nn.functional.interpolate(planes, size=tuple(shape[2:]), mode="bilinear")
    return tiled(scaled, shape[0]).expand(-1, shape[1], -1, -1)


def tiled(rows: Tensor, count: int) -> Tensor:
    """Rows (N, ...) repeated in order and cut to (count, ...)."""
    if rows.shape[0] == count:
        return rows
    repeats = -(-count // rows.shape[0])
    return rows.repeat(repeats, *([1] * (rows.ndim - 1)))[:count]


MaskAt = Callable[[Tensor, float], Tensor]
"""(mask, sigma) -> the mask that holds at a noise level, shaped like it."""


def inside_mask(
    denoise: PairDenoiser,
    mask: Tensor,
    latent: Tensor,
    noise: Tensor,
    path: Path,
    mask_at: MaskAt | None = None,
) -> PairDenoiser:
    """A denoiser that keeps a latent outside the mask; the negative prediction is handed on as it is.

    mask, latent, noise: (B, C, H, W); the latent is scaled for the network and the noise has unit variance.
    mask_at: a mask that changes on the way; None = it stays as it is.
    """

    def masked(x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        now = mask if mask_at is None else mask_at(mask, sigma)
        keep = 1.0 - now
        denoised, negative = denoise(x * now + path.noised(latent, noise, sigma) * keep, sigma)
        return denoised * now + latent * keep, negative

    return masked

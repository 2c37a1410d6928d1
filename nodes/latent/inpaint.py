"""Prepares latents for drawing inside a mask only."""

import math
from dataclasses import replace
from typing import Annotated

import torch.nn.functional as functional
from torch import Tensor

from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Image, Latent, Mask, Vae
from nodes.api.widgets import Range
from nodes.image.resize import resize_mask
from nodes.latent.batch import mask_planes
from nodes.latent.vae import NO_VAE, check_size, encode_pixels
from schedulers.latent import LatentBatch


def grown(mask: Tensor, pixels: int) -> Tensor:
    """Return a mask (B, 1, H, W) of zeros and ones grown by a square; an even one leans up and left."""
    if pixels == 0:
        return mask
    padding = math.ceil((pixels - 1) / 2)
    wide = functional.max_pool2d(mask, (1, pixels), stride=1, padding=(0, padding))
    tall = functional.max_pool2d(wide, (pixels, 1), stride=1, padding=(padding, 0))
    return tall[..., : mask.shape[-2], : mask.shape[-1]]


def fit_mask(mask: Tensor, pixels: Tensor) -> Tensor:
    """Return mask as (1 or B, H, W) of the size of pixels (B, H, W, C).

    Raises:
        NodeError: the mask is neither one for all pictures nor one for each.
    """
    fitted = resize_mask(mask, pixels.shape[2], pixels.shape[1])
    if fitted.shape[0] not in (1, pixels.shape[0]):
        raise NodeError(f"there are {pixels.shape[0]} pictures but {fitted.shape[0]} masks")
    return fitted


def crop_both(pixels: Tensor, mask: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Return pixels (B, H, W, C) and mask (B, H, W) cut at the centre to multiples of size."""
    height, width = pixels.shape[1:3]
    top, left = height % size // 2, width % size // 2
    rows = slice(top, top + height - height % size)
    columns = slice(left, left + width - width % size)
    return pixels[:, rows, columns], mask[:, rows, columns]


def greyed(pixels: Tensor, mask: Tensor) -> Tensor:
    """Return pixels (B, H, W, 3 or more) grey where a mask (1 or B, H, W) is bright: (B, H, W, 3)."""
    kept = (1.0 - mask.round().clamp(0, 1)).unsqueeze(-1)
    return (pixels[..., :3] - 0.5) * kept + 0.5


@node(id="SetLatentNoiseMask", display_name="Set Latent Noise Mask", category="latent/inpaint")
def set_noise_mask(samples: Latent, mask: Mask) -> Latent:
    """Have a sampler draw only where a mask is bright.

    Args:
        samples: (B, C, h, w).
        mask: (B, H, W) of any size, 1 = draw.
    """
    latent: LatentBatch = samples
    return replace(latent, noise_mask=mask_planes(mask))


@node(id="VAEEncodeForInpaint", display_name="VAE Encode (for Inpainting)", category="latent/inpaint")
def encode_for_inpainting(
    ctx: Context,
    pixels: Image,
    vae: Vae,
    mask: Mask,
    grow_mask_by: Annotated[int, Range(0, 64, step=1)] = 6,
) -> Latent:
    """Turn pictures into latents, grey where a mask is bright, to be drawn anew there.

    Args:
        pixels: (B, H, W, 3), values in [0, 1]; cut at the centre to whole latent cells.
        vae: the autoencoder of the model that will use the latents.
        mask: (B, H, W) of any size, 1 = draw anew.
        grow_mask_by: pixels to grow the drawn region by, so that its border blends.
    """
    if vae is None:
        raise NodeError(NO_VAE)
    size = vae.base.network.downscale
    check_size(pixels, size)
    pixels, mask = crop_both(pixels, fit_mask(mask, pixels), size)
    latents = encode_pixels(ctx, vae, greyed(pixels, mask))
    rounded = mask.round().clamp(0, 1)
    return LatentBatch(latents, noise_mask=grown(rounded.unsqueeze(1), grow_mask_by))

"""Hangs pictures on prompts, for networks that see one: inpainting, editing, upscaling, depth."""

from dataclasses import replace
from typing import Annotated, Any

import torch
from torch import Tensor

from models.resize import crop_to_aspect, resized
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Conditioning, Image, Latent, Mask, Vae
from nodes.api.widgets import Range
from nodes.image.resize import planes
from nodes.latent.inpaint import crop_both, fit_mask, greyed
from nodes.latent.vae import NO_VAE, check_size, crop_to_cells, encode_pixels
from schedulers.conditioning import ConditioningValue
from schedulers.latent import LatentBatch

_CELL = 8


def with_fields(conditioning: ConditioningValue, **fields: Any) -> ConditioningValue:
    """Return every prompt with further fields hung on it."""
    return tuple(replace(entry, extra={**entry.extra, **fields}) for entry in conditioning)


@node(
    id="InpaintModelConditioning",
    display_name="InpaintModelConditioning",
    category="conditioning/inpaint",
    outputs=("positive", "negative", "latent"),
)
def inpaint(
    ctx: Context,
    positive: Conditioning,
    negative: Conditioning,
    vae: Vae,
    pixels: Image,
    mask: Mask,
    noise_mask: bool = True,
) -> tuple[Conditioning, Conditioning, Latent]:
    """Show a picture and what is to be drawn anew in it to a network that was trained for inpainting.

    Args:
        positive: what to draw.
        negative: what to draw away from.
        vae: the autoencoder of the model.
        pixels: (B, H, W, 3), values in [0, 1].
        mask: (B, H, W) of any size, 1 = draw anew.
        noise_mask: also have the sampler keep what is outside the mask.
    """
    if vae is None:
        raise NodeError(NO_VAE)
    check_size(pixels, _CELL)
    cut, fitted = crop_both(pixels, fit_mask(mask, pixels), _CELL)
    seen = encode_pixels(ctx, vae, greyed(cut, fitted))
    latent = LatentBatch(encode_pixels(ctx, vae, pixels), planes(fitted).unsqueeze(1) if noise_mask else None)
    fields = {"concat_latent_image": seen, "concat_mask": fitted}
    return with_fields(positive, **fields), with_fields(negative, **fields), latent


@node(
    id="InstructPixToPixConditioning",
    category="conditioning/instructpix2pix",
    outputs=("positive", "negative", "latent"),
)
def edit(
    ctx: Context, positive: Conditioning, negative: Conditioning, vae: Vae, pixels: Image
) -> tuple[Conditioning, Conditioning, Latent]:
    """Show a picture to a network that was trained to edit what it sees as a prompt tells it.

    Args:
        positive: what to do.
        negative: what to draw away from.
        vae: the autoencoder of the model.
        pixels: (B, H, W, 3), values in [0, 1]; cut at the centre to multiples of 8.
    """
    seen = encode_pixels(ctx, vae, crop_to_cells(pixels, _CELL))
    fields = {"concat_latent_image": seen}
    latent = LatentBatch(torch.zeros_like(seen))
    return with_fields(positive, **fields), with_fields(negative, **fields), latent


@node(
    id="SD_4XUpscale_Conditioning",
    category="conditioning/upscale_diffusion",
    outputs=("positive", "negative", "latent"),
)
def upscale(
    images: Image,
    positive: Conditioning,
    negative: Conditioning,
    scale_ratio: Annotated[float, Range(0.0, 10.0, step=0.01)] = 4.0,
    noise_augmentation: Annotated[float, Range(0.0, 1.0, step=0.001)] = 0.0,
) -> tuple[Conditioning, Conditioning, Latent]:
    """Show small pictures to the network that draws them four times as large.

    Args:
        images: (B, H, W, 3), values in [0, 1].
        positive: what they show.
        negative: what to draw away from.
        scale_ratio: how much larger the result is.
        noise_augmentation: how freely the pictures are followed, from closely at 0 to hardly at 1.
    """
    width = max(1, round(images.shape[-2] * scale_ratio)) // 4
    height = max(1, round(images.shape[-3] * scale_ratio)) // 4
    if width < 1 or height < 1:
        raise NodeError(f"{images.shape[-2]}x{images.shape[-3]} pixels times {scale_ratio} leave no picture")
    raw = images[..., :3].movedim(-1, 1) * 2.0 - 1.0
    small = resized(crop_to_aspect(raw, width, height), width, height, "bilinear")
    fields = {"concat_image": small, "noise_augmentation": noise_augmentation}
    latent = LatentBatch(torch.zeros(images.shape[0], 4, height, width))
    return with_fields(positive, **fields), with_fields(negative, **fields), latent


@node(
    id="DepthConditioning",
    display_name="Depth Conditioning",
    category="conditioning/inpaint",
    outputs=("positive", "negative"),
)
def depth(positive: Conditioning, negative: Conditioning, depth: Image) -> tuple[Conditioning, Conditioning]:
    """Tell a network that was trained to know depth how near everything in the picture is.

    Args:
        positive: what to draw.
        negative: what to draw away from.
        depth: (B, H, W, 1 or 3) of any size; the brightest is nearest, whatever the range.
    """
    seen: Tensor = depth.movedim(-1, 1)
    return with_fields(positive, concat_image=seen), with_fields(negative, concat_image=seen)

"""Shows what is being drawn: by a linear map from latents to colours, or by a tiny autoencoder."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from loaders.named_vaes import open_preview_decoder
from models.diffusion import LatentFormat
from nodes.api.context import Context
from schedulers.preview import latent_to_rgb

if TYPE_CHECKING:
    from PIL.Image import Image

NONE, TINY = "none", "taesd"
Picture = Callable[[Tensor], "Image"]


def previewer(ctx: Context, latent: LatentFormat) -> Picture | None:
    """Return what makes a picture of latents (B, C, h, w) scaled for the network; None where none is wanted.

    Without its file the map to colours stands in for the tiny autoencoder.
    """
    if ctx.preview_method == NONE:
        return None
    if ctx.preview_method == TINY and (decoded := _decoded(ctx, latent)) is not None:
        return decoded
    if latent.rgb_factors is None:
        return None
    return lambda denoised: _picture(latent_to_rgb(denoised, latent))


def _decoded(ctx: Context, latent: LatentFormat) -> Picture | None:
    decoder = open_preview_decoder(latent.preview, ctx.files) if latent.preview else None
    if decoder is None:
        ctx.log.warning("vae_approx has no file %s_decoder: previews are rough", latent.preview or "taesd")
        return None

    def make(denoised: Tensor) -> "Image":
        with torch.no_grad():
            colours = decoder.to(denoised.device)(denoised[:1].float())[0]
        return _picture(colours.clamp(0, 1).mul(255).to(torch.uint8).movedim(0, -1).cpu())

    return make


def _picture(pixels: Tensor) -> "Image":
    """Pixels (H, W, 3) of 8 bits as a picture."""
    from PIL import Image

    return Image.fromarray(pixels.numpy())

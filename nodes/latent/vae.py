"""Takes pictures to latents and back."""

import torch
from torch import Tensor

from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Image, Latent, Vae
from schedulers.latent import LatentBatch

NO_VAE = "there is no VAE: the checkpoint it should come from holds none, so take one from Load VAE"


def check_size(pixels: Tensor, downscale: int) -> None:
    """Raise NodeError if pixels (B, H, W, ...) do not fill one latent cell."""
    height, width = pixels.shape[1:3]
    if height < downscale or width < downscale:
        raise NodeError(f"a {width}x{height} picture is smaller than one latent cell of {downscale} pixels")


def crop_to_cells(pixels: Tensor, downscale: int) -> Tensor:
    """Return pixels (B, H, W, ...) cut at the centre to multiples of the pixels along a latent cell."""
    check_size(pixels, downscale)
    height, width = pixels.shape[1:3]
    top, left = height % downscale // 2, width % downscale // 2
    rows, columns = height - height % downscale, width - width % downscale
    return pixels[:, top : top + rows, left : left + columns]


def encode_pixels(ctx: Context, vae: Vae | None, pixels: Tensor) -> Tensor:
    """Return the latents (B, C, h, w) of pixels (B, H, W, 3 or more) in [0, 1], one picture at a time."""
    if pixels.ndim != 4 or pixels.shape[-1] < 3:
        raise NodeError(f"pixels must be (B, H, W, 3), not {tuple(pixels.shape)}")
    if vae is None:
        raise NodeError(NO_VAE)
    latents = []
    with ctx.resident(vae) as base, torch.no_grad():
        home = next(base.network.parameters())
        pixels = crop_to_cells(pixels[..., :3], base.latent.downscale)
        for index in range(pixels.shape[0]):
            ctx.check_cancelled()
            picture = pixels[index : index + 1].to(home.device, home.dtype)
            latents.append(base.network.encode(picture).mode().float().cpu())
    return torch.cat(latents)


@node(id="VAEDecode", display_name="VAE Decode", category="latent")
def decode(ctx: Context, samples: Latent, vae: Vae) -> Image:
    """Turn latents into pictures.

    Args:
        samples: (B, C, h, w).
        vae: the autoencoder the latents were made for.
    """
    latent: LatentBatch = samples
    if vae is None:
        raise NodeError(NO_VAE)
    pictures = []
    with ctx.resident(vae) as base, torch.no_grad():
        channels = base.latent.channels
        if latent.samples.ndim != 4 or latent.samples.shape[1] != channels:
            shape = tuple(latent.samples.shape)
            raise NodeError(f"this VAE decodes latents (B, {channels}, h, w), not {shape}")
        home = next(base.network.parameters())
        for index in range(latent.samples.shape[0]):
            ctx.check_cancelled()
            cells = latent.samples[index : index + 1].to(home.device, home.dtype)
            pictures.append(base.network.decode(cells).float().cpu())
    return torch.cat(pictures)


@node(id="VAEEncode", display_name="VAE Encode", category="latent")
def encode(ctx: Context, pixels: Image, vae: Vae) -> Latent:
    """Turn pictures into latents.

    Args:
        pixels: (B, H, W, 3), values in [0, 1]; cut at the centre to whole latent cells.
        vae: the autoencoder of the model that will use the latents.
    """
    return LatentBatch(encode_pixels(ctx, vae, pixels))

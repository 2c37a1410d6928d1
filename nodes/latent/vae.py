"""Takes pictures to latents and back, whole or in tiles."""

from collections.abc import Callable
from typing import Annotated

import torch
from torch import Tensor

from executor.memory.devices import Devices
from executor.memory.shortage import shortage
from models.vae.running import DECODING_TILES, ENCODING_TILES, AutoencoderRun
from models.vae.tiling import Tiles, smaller_tiles
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Image, Latent, Vae
from nodes.api.widgets import Range
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


def encode_pixels(ctx: Context, vae: Vae | None, pixels: Tensor, tiles: Tiles | None = None) -> Tensor:
    """Return the latents (B, C, h, w) of pixels (B, H, W, 3 or more) in [0, 1], one picture at a time."""
    if pixels.ndim != 4 or pixels.shape[-1] < 3:
        raise NodeError(f"pixels must be (B, H, W, 3), not {tuple(pixels.shape)}")
    if vae is None:
        raise NodeError(NO_VAE)
    pixels = crop_to_cells(pixels[..., :3], vae.base.network.downscale)
    whole = (1, 3, *pixels.shape[1:3])
    tiles = _fitting(ctx, vae, whole, tiles, ENCODING_TILES)
    with ctx.resident(vae, _largest(whole, tiles)) as base, torch.no_grad():
        work = AutoencoderRun(base.network, ctx.check_cancelled)
        return _each(ctx, pixels, work.encode, tiles, ENCODING_TILES)


def decode_latents(ctx: Context, vae: Vae | None, samples: Tensor, tiles: Tiles | None = None) -> Tensor:
    """Return the pictures (B, H, W, 3) in [0, 1] of latents (B, C, h, w), one at a time."""
    if vae is None:
        raise NodeError(NO_VAE)
    channels = vae.base.network.latent_channels
    if samples.ndim != 4 or samples.shape[1] != channels:
        raise NodeError(f"this VAE decodes latents (B, {channels}, h, w), not {tuple(samples.shape)}")
    whole = (1, *samples.shape[1:])
    tiles = _fitting(ctx, vae, whole, tiles, DECODING_TILES)
    with ctx.resident(vae, _largest(whole, tiles)) as base, torch.no_grad():
        work = AutoencoderRun(base.network, ctx.check_cancelled)
        return _each(ctx, samples, work.decode, tiles, DECODING_TILES)


def _fitting(
    ctx: Context, vae: Vae, whole: tuple[int, ...], tiles: Tiles | None, small: Tiles
) -> Tiles | None:
    """The tiles that are asked for; none if the whole (1, C, H, W) fits, or else the largest that do."""
    if tiles is not None or ctx.fits(vae, whole):
        return tiles
    ladder = smaller_tiles(small)
    fitting = next((each for each in ladder if ctx.fits(vae, _largest(whole, each))), ladder[-1])
    ctx.log.info("There is no memory for the picture as a whole; it is made in tiles of %d", fitting.rows)
    return fitting


def _largest(whole: tuple[int, ...], tiles: Tiles | None) -> tuple[int, ...]:
    """The shape of the largest input of the network, for a whole (1, C, H, W)."""
    if tiles is None:
        return whole
    return *whole[:2], min(whole[2], tiles.rows), min(whole[3], tiles.columns)


def _each(
    ctx: Context,
    batch: Tensor,
    make: Callable[[Tensor, Tiles | None], Tensor],
    tiles: Tiles | None,
    small: Tiles,
) -> Tensor:
    """What is made of each of a batch (B, ...), on the CPU; in ever smaller tiles where memory is short."""
    made: list[Tensor] = []
    smaller = [each for each in smaller_tiles(small) if tiles is None or each.rows < tiles.rows]
    while len(made) < batch.shape[0]:
        result = None
        try:
            result = make(batch[len(made) : len(made) + 1], tiles)
        except (torch.OutOfMemoryError, RuntimeError, MemoryError) as error:
            if not smaller or shortage(error, Devices()) is None:
                raise
        # Not while the error is handled: it holds all that was made up to then.
        if result is None:
            tiles = smaller.pop(0)
            ctx.log.warning("There is no memory for so much at once; it is made in tiles of %d", tiles.rows)
        else:
            made.append(result.cpu())
    return torch.cat(made)


@node(id="VAEDecode", display_name="VAE Decode", category="latent")
def decode(ctx: Context, samples: Latent, vae: Vae) -> Image:
    """Turn latents into pictures.

    Args:
        samples: (B, C, h, w).
        vae: the autoencoder the latents were made for.
    """
    latent: LatentBatch = samples
    return decode_latents(ctx, vae, latent.samples)


@node(id="VAEEncode", display_name="VAE Encode", category="latent")
def encode(ctx: Context, pixels: Image, vae: Vae) -> Latent:
    """Turn pictures into latents.

    Args:
        pixels: (B, H, W, 3), values in [0, 1]; cut at the centre to whole latent cells.
        vae: the autoencoder of the model that will use the latents.
    """
    return LatentBatch(encode_pixels(ctx, vae, pixels))


@node(id="VAEDecodeTiled", display_name="VAE Decode (Tiled)", category="_for_testing")
def decode_tiled(
    ctx: Context,
    samples: Latent,
    vae: Vae,
    tile_size: Annotated[int, Range(64, 4096, step=32)] = 512,
    overlap: Annotated[int, Range(0, 4096, step=32)] = 64,
    temporal_size: Annotated[int, Range(8, 4096, step=4)] = 64,
    temporal_overlap: Annotated[int, Range(4, 4096, step=4)] = 8,
) -> Image:
    """Turn latents into pictures in tiles that fade into each other: slower, with less memory.

    Args:
        samples: (B, C, h, w).
        vae: the autoencoder the latents were made for.
        tile_size: side of a tile in pixels.
        overlap: what neighbouring tiles share, in pixels; at most a quarter of a tile.
        temporal_size: frames of a tile; pictures have no time.
        temporal_overlap: what tiles share in time; pictures have no time.
    """
    del temporal_size, temporal_overlap
    if vae is None:
        raise NodeError(NO_VAE)
    if tile_size < overlap * 4:
        overlap = tile_size // 4
    cell = vae.base.network.downscale
    latent: LatentBatch = samples
    tiles = Tiles(tile_size // cell, tile_size // cell, overlap // cell)
    return decode_latents(ctx, vae, latent.samples, tiles)


@node(id="VAEEncodeTiled", display_name="VAE Encode (Tiled)", category="_for_testing")
def encode_tiled(
    ctx: Context,
    pixels: Image,
    vae: Vae,
    tile_size: Annotated[int, Range(64, 4096, step=64)] = 512,
    overlap: Annotated[int, Range(0, 4096, step=32)] = 64,
    temporal_size: Annotated[int, Range(8, 4096, step=4)] = 64,
    temporal_overlap: Annotated[int, Range(4, 4096, step=4)] = 8,
) -> Latent:
    """Turn pictures into latents in tiles that fade into each other: slower, with less memory.

    Args:
        pixels: (B, H, W, 3), values in [0, 1]; cut at the centre to whole latent cells.
        vae: the autoencoder of the model that will use the latents.
        tile_size: side of a tile in pixels.
        overlap: what neighbouring tiles share, in pixels.
        temporal_size: frames of a tile; pictures have no time.
        temporal_overlap: what tiles share in time; pictures have no time.
    """
    del temporal_size, temporal_overlap
    return LatentBatch(encode_pixels(ctx, vae, pixels, Tiles(tile_size, tile_size, overlap)))

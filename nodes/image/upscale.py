"""Enlarges pictures with a network, in tiles."""

import math
from fractions import Fraction

import torch
from torch import Tensor

from models.upscale.model import UpscaleModel as Network
from models.vae.tiling import Tiles, laid
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Image, UpscaleModel

TILE = 512
LEAST_TILE = 128
OVERLAP = 32


def tile_count(length: int, tile: int) -> int:
    """Return how many tiles there are along a side."""
    return 1 if length <= tile else math.ceil((length - OVERLAP) / (tile - OVERLAP))


def enlarged(ctx: Context, model: Network, pictures: Tensor, tile: int) -> Tensor:
    """Return pictures (B, C, H, W) in [0, 1] enlarged by a network that is ready to run, in tiles."""
    weight = next(model.network.parameters())
    height, width = pictures.shape[-2:]
    total = pictures.shape[0] * tile_count(height, tile) * tile_count(width, tile)
    done = 0

    def run(piece: Tensor) -> Tensor:
        nonlocal done
        made: Tensor = model.network(piece.to(weight.device, weight.dtype)).float().cpu()
        done += 1
        ctx.progress(done, total)
        return made

    with torch.inference_mode():
        return laid(run, pictures, Tiles(tile, tile, OVERLAP), Fraction(model.scale)).clone()


@node(id="ImageUpscaleWithModel", display_name="Upscale Image (using Model)", category="image/upscaling")
def upscale(ctx: Context, upscale_model: UpscaleModel, image: Image) -> Image:
    """Enlarge pictures with a network.

    Args:
        upscale_model: how; it says by how much, too.
        image: (B, H, W, C), values in [0, 1]; an alpha channel is left away.
    """
    with ctx.resident(upscale_model) as model:
        if image.shape[-1] < model.channels:
            raise NodeError(f"{model.name} takes {model.channels} channels, not {image.shape[-1]}")
        pictures = image[..., : model.channels].movedim(-1, 1)
        tile = TILE
        while True:
            try:
                made = enlarged(ctx, model, pictures, tile)
                break
            except torch.OutOfMemoryError:
                tile //= 2
                if tile < LEAST_TILE:
                    raise
                ctx.log.warning("not enough memory; trying again with tiles of %d pixels", tile)
    return made.movedim(1, -1).clamp(0, 1)

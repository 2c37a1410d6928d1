"""Cuts pictures into overlapping tiles and puts them together again."""

from typing import Annotated

import torch
from torch import Tensor

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Image
from nodes.api.widgets import Range

LEAST_STEP = 0.25
"""Tiles move by at least this part of their length, however much they are to overlap."""


def tile_starts(length: int, tile: int, overlap: int) -> list[int]:
    """Return where tiles begin along a side; the last one is moved back so that it ends with the picture."""
    step = round(max(tile * LEAST_STEP, tile - overlap))
    last = max(0, length - tile)
    starts = list(range(0, last, step))
    return [*starts, last]


def tile_places(
    width: int, height: int, tile_width: int, tile_height: int, overlap: int
) -> list[tuple[int, int]]:
    """Return (left, top) of every tile, row by row."""
    return [
        (left, top)
        for top in tile_starts(height, tile_height, overlap)
        for left in tile_starts(width, tile_width, overlap)
    ]


def tile_weight(length: int, overlap: int, *, first: bool, last: bool) -> Tensor:
    """Return a tile's weights along a side, (length,): they rise over the overlap, but not at borders."""
    weight = torch.ones(length)
    ramp = min(overlap, length)
    rising = (torch.arange(ramp) + 1) / (ramp + 1)
    if ramp and not first:
        weight[:ramp] *= rising
    if ramp and not last:
        weight[length - ramp :] *= rising.flip(0)
    return weight


@node(id="SplitImageToTileList", display_name="Split Image into List of Tiles", category="image/batch")
def split(
    image: Image,
    tile_width: Annotated[int, Range(64, 1048576)] = 1024,
    tile_height: Annotated[int, Range(64, 1048576)] = 1024,
    overlap: Annotated[int, Range(0, 4096)] = 128,
) -> list[Image]:
    """Cut pictures into overlapping tiles, row by row.

    Args:
        image: (B, H, W, C), values in [0, 1]; each tile has all pictures of the batch.
        tile_width: width of the tiles in pixels; that of the picture where it is smaller.
        tile_height: height of the tiles in pixels; that of the picture where it is smaller.
        overlap: pixels that neighbours share, at most three quarters of a tile.
    """
    places = tile_places(image.shape[2], image.shape[1], tile_width, tile_height, overlap)
    return [image[:, top : top + tile_height, left : left + tile_width] for left, top in places]


@node(id="ImageMergeTileList", display_name="Merge List of Tiles to Image", category="image/batch")
def merge(
    image_list: list[Image],
    final_width: Annotated[int, Range(64, 32768)] = 1024,
    final_height: Annotated[int, Range(64, 32768)] = 1024,
    overlap: Annotated[int, Range(0, 4096)] = 128,
) -> Image:
    """Put tiles together; where they overlap, one fades into the next.

    Args:
        image_list: tiles (B, H, W, C) of one size, row by row, as they were cut.
        final_width: width of the whole in pixels.
        final_height: height of the whole in pixels.
        overlap: pixels that neighbours share, as they were cut.
    """
    if not image_list:
        raise NodeError("there are no tiles")
    shapes = {tuple(tile.shape) for tile in image_list}
    if len(shapes) > 1:
        raise NodeError(f"all tiles must have one size, but they are {sorted(shapes)}")
    count, height, width, channels = image_list[0].shape
    places = tile_places(final_width, final_height, width, height, overlap)
    if len(places) != len(image_list) or width > final_width or height > final_height:
        raise NodeError(
            f"{final_width}x{final_height} is made of {len(places)} tiles of {width}x{height} that share "
            f"{overlap}, but there are {len(image_list)}"
        )
    whole = torch.zeros(count, final_height, final_width, channels)
    weights = torch.zeros(final_height, final_width, 1)
    for (left, top), tile in zip(places, image_list, strict=True):
        across = tile_weight(width, overlap, first=left == 0, last=left + width == final_width)
        down = tile_weight(height, overlap, first=top == 0, last=top + height == final_height)
        weight = (down[:, None] * across[None, :]).unsqueeze(-1)
        whole[:, top : top + height, left : left + width] += tile * weight
        weights[top : top + height, left : left + width] += weight
    return whole / weights

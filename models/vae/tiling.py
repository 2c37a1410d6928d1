"""Runs networks over pictures in tiles that overlap and fade into each other, so that no seam is seen.

The rule of the ecosystem: three layouts of tiles, square, upright and lying, each faded linearly over the
overlap, and their mean.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import torch
from torch import Tensor

Function = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Tiles:
    """How a picture is cut, in its own units; an overlap that leaves no room to advance is narrowed.

    Attributes:
        rows: height of a tile.
        columns: width of a tile.
        overlap: how much neighbours share.
    """

    rows: int
    columns: int
    overlap: int

    @property
    def layouts(self) -> tuple["Tiles", ...]:
        """The upright, the lying and the square layout."""
        return (
            Tiles(self.rows * 2, max(1, self.columns // 2), self.overlap),
            Tiles(max(1, self.rows // 2), self.columns * 2, self.overlap),
            self,
        )


def smaller_tiles(tiles: Tiles) -> list[Tiles]:
    """Tiles that need ever less memory: these, and those of half and of a quarter of the side."""
    return [Tiles(tiles.rows // part, tiles.columns // part, tiles.overlap // part) for part in (1, 2, 4)]


def tiled(function: Function, picture: Tensor, tiles: Tiles, scale: Fraction) -> Tensor:
    """What a function makes of a picture (B, C, H, W), made in tiles: (B, C', H * scale, W * scale).

    Args:
        function: makes (1, C', h * scale, w * scale) of a tile (1, C, h, w).
        picture: (B, C, H, W).
        tiles: how it is cut, in cells of the picture.
        scale: cells of the result for one of the picture, along one side.
    """
    parts = [laid(function, picture, layout, scale) for layout in tiles.layouts]
    return torch.stack(parts).mean(0)


def laid(function: Function, picture: Tensor, tiles: Tiles, scale: Fraction) -> Tensor:
    """What a function makes of a picture (B, C, H, W) in one layout of tiles, each faded at its edges.

    Where tiles overlap, their sum is divided by that of the weights.
    """
    made = [_one(function, picture[index : index + 1], tiles, scale) for index in range(picture.shape[0])]
    return torch.cat(made)


def _one(function: Function, picture: Tensor, tiles: Tiles, scale: Fraction) -> Tensor:
    height, width = picture.shape[-2:]
    if height <= tiles.rows and width <= tiles.columns:
        return function(picture)
    total: Tensor | None = None
    weights = torch.zeros(1, 1, _scaled(height, scale), _scaled(width, scale))
    down, across = _starts(height, tiles.rows, tiles.overlap), _starts(width, tiles.columns, tiles.overlap)
    for (top, rows), (left, columns) in product(down, across):
        made = function(picture[..., top : top + rows, left : left + columns]).float().cpu()
        if total is None:
            total = torch.zeros(1, made.shape[1], *weights.shape[-2:])
        fade = _fade(made.shape[-2], _scaled(tiles.overlap, scale))[:, None]
        fade = fade * _fade(made.shape[-1], _scaled(tiles.overlap, scale))
        place = _place(_scaled(top, scale), made.shape[-2]), _place(_scaled(left, scale), made.shape[-1])
        total[..., place[0], place[1]] += made * fade
        weights[..., place[0], place[1]] += fade
    if total is None:
        raise ValueError(f"a picture of {width}x{height} has nothing to cut")
    return (total / weights).to(picture.device)


def _place(start: int, length: int) -> slice:
    return slice(start, start + length)


def _starts(size: int, tile: int, overlap: int) -> Iterator[tuple[int, int]]:
    """Where each tile along a side starts, and how long it is."""
    if size <= tile:
        yield 0, size
        return
    if overlap >= tile:
        overlap = tile // 4
    for start in range(0, size - overlap, tile - overlap):
        yield start, min(tile, size - start)


def _fade(length: int, reach: int) -> Tensor:
    """Weights (length,) that rise linearly over `reach` cells from both ends."""
    if reach >= length:
        return torch.ones(length)
    ramp = torch.ones(length)
    rise = (torch.arange(reach) + 1) / max(1, reach)
    ramp[:reach] *= rise
    ramp[length - reach :] *= rise.flip(0)
    return ramp


def _scaled(cells: int, scale: Fraction) -> int:
    return round(cells * scale)

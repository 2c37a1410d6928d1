"""Lets self-attention look only around itself on large pictures: queries in tiles, keys in strips.

Reference: Hyper Tile, as its author describes it (github.com/tfernd/HyperTile): the cost of attention grows
with the square of the tokens, so the finest levels attend within tiles.
Shapes: B batch, N tokens, C channels.
"""

import math
from collections.abc import Hashable
from contextlib import ExitStack
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from models.adapters.places import attentions, change_inputs, change_output
from models.call import Run, current_call

_SMALLEST_TILE_CELLS = 4


@dataclass(frozen=True)
class HyperTile:
    """Splits the queries of the finest self-attentions into tiles.

    A tile of queries sees the strip of keys of the same number: N divided by the tiles, counted along the
    rows of cells.

    Attributes:
        tile_size: side of a tile in pixels.
        swap_size: among how many tile sizes one is drawn by chance in each call.
        max_depth: how many times halved the picture may be to be tiled.
        scale_depth: whether tiles grow with the depth.
    """

    tile_size: int = 256
    swap_size: int = 2
    max_depth: int = 0
    scale_depth: bool = False

    @property
    def key(self) -> Hashable:
        """Its numbers."""
        return ("hypertile", self)

    def install(self, root: nn.Module, undo: ExitStack) -> None:
        """Hook on the cores; raises ValueError where the network has no self-attention."""
        for path in attentions(root, "attn1"):
            _Tiles(self).install(root.get_submodule(f"{path}.core"), undo)

    def split(self, tokens: int) -> tuple[int, int, int, int] | None:
        """How many cells come apart now: height, width, tiles down and across; None if they stay together.

        On pictures that are wider than high, "height" is the longer side; tiles then are not rectangles of
        the picture, as everywhere this method is in use.
        """
        call = current_call()
        sizes = [call.height * call.width / 4**depth for depth in range(self.max_depth + 1)]
        if tokens not in sizes:
            return None
        aspect = call.width / call.height
        height, width = round(math.sqrt(tokens * aspect)), round(math.sqrt(tokens / aspect))
        growth = 2 ** sizes.index(tokens) if self.scale_depth else 1
        least = max(_SMALLEST_TILE_CELLS, self.tile_size // 8) * growth
        down = self._tiles(height, least, call.run)
        across = self._tiles(width, least, call.run)
        return (height, width, down, across) if down * across > 1 else None

    def _tiles(self, side: int, least: int, run: Run) -> int:
        """How many tiles a side of some cells has; the last of the possible numbers is never drawn."""
        least = min(least, side)
        options = [side // size for size in range(least, side + 1) if side % size == 0][: self.swap_size]
        if len(options) == 1:
            return options[0]
        generator = run.generator(torch.device("cpu"))
        return options[int(torch.randint(len(options) - 1, (1,), generator=generator))]


@dataclass(eq=False)
class _Tiles:
    """One attention under HyperTile; between taking queries apart and putting them together it knows how."""

    rule: HyperTile
    parts: tuple[int, int, int, int] | None = field(default=None)

    def install(self, core: nn.Module, undo: ExitStack) -> None:
        change_inputs(core, self._apart, undo)
        change_output(core, self._together, undo)

    def _apart(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, ...]:
        self.parts = self.rule.split(query.shape[1])
        if self.parts is None:
            return query, key, value
        height, width, down, across = self.parts
        batch, _, channels = query.shape
        grid = query.reshape(batch, down, height // down, across, width // across, channels).transpose(2, 3)
        tiles = batch * down * across
        strips = (t.reshape(tiles, -1, t.shape[2]) for t in (key, value))
        return grid.reshape(tiles, -1, channels), *strips

    def _together(self, mixed: Tensor, *inputs: Tensor) -> Tensor:
        del inputs
        if self.parts is None:
            return mixed
        height, width, down, across = self.parts
        tiles = mixed.reshape(-1, down, across, height // down, width // across, mixed.shape[2])
        return tiles.transpose(2, 3).flatten(1, 4)

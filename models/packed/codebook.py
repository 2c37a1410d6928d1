"""Packs weights as four bits of a table, that make eight bits, that are turned: the ecosystem's W4A8."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from models.packed.nibbles import joined_nibbles, looked_up
from models.packed.pieces import in_blocks, packed_rows, unpacked_rows
from models.packed.rotation import rotated

# The best sixteen levels for numbers of a normal distribution whose largest of a block is 1 (Lloyd-Max).
LEVELS = (
    *(-0.980602, -0.794529, -0.638165, -0.500986, -0.377321, -0.263187, -0.155210, -0.050720),
    *(0.052541, 0.156985, 0.265284, 0.379533, 0.502636, 0.638953, 0.794876, 0.980671),
)


@dataclass(frozen=True)
class Codebook:
    """Levels times a scale for each block, rounded to eight bits, times a scale for each row, turned back.

    Parts: `data` (uint8, two numbers in a byte, the first in its lower half), `levels` (float32 (16,)),
    `block_scale` (floating point (rows, blocks)), `row_scale` (float32 (rows,)) and perhaps `correction`
    (floating point (blocks, rows)), which is added to each block before it is turned.

    Attributes:
        block: numbers in a block.
        rotation: how many columns each are rotated (ConvRot).
    """

    block: int = 16
    rotation: int = 256
    name: ClassVar[str] = "w4a8_convrot"

    def unpack(self, parts: Mapping[str, Tensor], shape: torch.Size, dtype: torch.dtype) -> Tensor:
        """The numbers; they pass through float32."""
        data, levels, correction = parts["data"], parts["levels"].float(), parts.get("correction")

        def make(first: int, last: int) -> Tensor:
            numbers = in_blocks(looked_up(data[first:last], levels, first_high=False), self.block)
            whole = numbers.mul_(parts["block_scale"][first:last, :, None].float()).round_().clamp_(-127, 127)
            whole.mul_(parts["row_scale"][first:last, None, None].float())
            if correction is not None:
                whole.add_(correction[:, first:last].T[..., None].float())
            return rotated(whole.flatten(1), self.rotation)

        return unpacked_rows(shape, dtype, data.device, make)

    def pack(self, dense: Tensor) -> Mapping[str, Tensor]:
        """Round to the nearest level, by the largest number of each block and of each row."""
        levels = torch.tensor(LEVELS, device=dense.device)
        borders = (levels[1:] + levels[:-1]) / 2

        def rounded(rows: Tensor, first: int, last: int) -> tuple[Tensor, Tensor, Tensor]:
            turned = in_blocks(rotated(rows, self.rotation), self.block)
            row_scale = (turned.abs().amax(dim=(1, 2)) / 127).clamp_min(1e-30)
            sizes = (turned.abs().amax(dim=2) / row_scale[:, None]).to(torch.float8_e4m3fn)
            around = sizes.float().clamp_min(1e-30) * row_scale[:, None]
            nearest = torch.bucketize(turned / around[..., None], borders).to(torch.uint8)
            return joined_nibbles(nearest.flatten(1)), sizes, row_scale

        data, sizes, row_scale = packed_rows(dense, rounded)
        return {"data": data, "levels": levels, "block_scale": sizes, "row_scale": row_scale}

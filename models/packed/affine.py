"""Packs weights as small whole numbers with a scale and an offset for each block: quanto's and torchao's."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from models.packed.pieces import InRows, as_matrix, in_blocks, packed_rows, unpacked_rows


@dataclass(frozen=True)
class Affine(InRows):
    """Whole numbers from 0, times a scale, plus an offset.

    Parts: `data` (uint8 (rows, bytes), two or four numbers in a byte, the first in its lowest bits, or one),
    `scale` and `offset` (floating point (rows, blocks)).

    Attributes:
        bits: 8, 4 or 2.
        block: numbers in a block, all in one row; the last of a row may be shorter.
    """

    bits: int = 4
    block: int = 128

    @property
    def name(self) -> str:
        """Bits and block."""
        return f"int{self.bits}_block{self.block}"

    def unpack(self, parts: Mapping[str, Tensor], shape: torch.Size, dtype: torch.dtype) -> Tensor:
        """The numbers; they pass through float32."""
        data, columns = parts["data"].view(shape[0], -1), shape[1:].numel()
        mask = 2**self.bits - 1

        def make(first: int, last: int) -> Tensor:
            rows = data[first:last]
            halves = [(rows >> shift) & mask for shift in range(0, 8, self.bits)]
            numbers = (torch.stack(halves, dim=-1).flatten(-2) if len(halves) > 1 else rows).float()
            blocks = in_blocks(numbers[:, :columns], self.block)
            blocks.mul_(parts["scale"][first:last, :, None].float())
            return blocks.add_(parts["offset"][first:last, :, None].float()).flatten(1)[:, :columns]

        return unpacked_rows(shape, dtype, data.device, make)

    def pack(self, dense: Tensor) -> Mapping[str, Tensor]:
        """Round to the nearest between the smallest and the largest number of each block."""
        largest, columns = 2**self.bits - 1, as_matrix(dense).shape[1]

        def rounded(rows: Tensor, first: int, last: int) -> tuple[Tensor, Tensor, Tensor]:
            blocks = in_blocks(rows, self.block, "replicate")
            low, high = blocks.amin(dim=-1), blocks.amax(dim=-1)
            scale = ((high - low) / largest).clamp_min(1e-30)
            numbers = ((blocks - low[..., None]) / scale[..., None]).round_().clamp_(0, largest)
            return joined(numbers.flatten(1)[:, :columns].to(torch.uint8), self.bits), scale, low

        data, scale, offset = packed_rows(dense, rounded)
        return {"data": data, "scale": scale, "offset": offset}


def joined(numbers: Tensor, bits: int) -> Tensor:
    """Bytes of whole numbers (rows, columns), uint8, of so many bits each; filled up with zeros."""
    count = 8 // bits
    filled = pad(numbers, (0, -numbers.shape[-1] % count))
    return sum((filled[..., at::count] << at * bits for at in range(1, count)), filled[..., ::count])

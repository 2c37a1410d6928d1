"""Packs weights as whole numbers of eight or four bits with a scale, rotated or not."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from models.packed.nibbles import joined_nibbles, signed_nibbles
from models.packed.pieces import InRows, as_matrix, beside, largest_of, packed_rows, rows_of, unpacked_rows
from models.packed.rotation import rotated

_TINY = 1e-30


@dataclass(frozen=True)
class Integers(InRows):
    """Whole numbers times a scale: parts `data` (int8) and `scale` (float32, one number or one for each row).

    Attributes:
        bits: 8, or 4: two in a byte, the first in its lower half.
        by_row: whether each row gets a scale of its own when packing.
        rotation: how many columns each are rotated before they are rounded (ConvRot), or 0.
    """

    bits: int = 8
    by_row: bool = False
    rotation: int = 0

    @property
    def name(self) -> str:
        """What the field calls it."""
        return f"int{self.bits}" + ("_convrot" if self.rotation else "_rowwise" if self.by_row else "")

    def unpack(self, parts: Mapping[str, Tensor], shape: torch.Size, dtype: torch.dtype) -> Tensor:
        """The numbers; they pass through float32."""
        data = parts["data"].view(shape[0], -1)
        scale = beside(parts["scale"].float(), data.shape)

        def make(first: int, last: int) -> Tensor:
            rows = data[first:last] if self.bits == 8 else signed_nibbles(data[first:last])
            numbers = rows.float().mul_(rows_of(scale, first, last))
            return rotated(numbers, self.rotation) if self.rotation else numbers

        return unpacked_rows(shape, dtype, data.device, make)

    def pack(self, dense: Tensor) -> Mapping[str, Tensor]:
        """Round to the nearest, with the largest number of all, or of each row, as the largest there is."""
        largest = 2 ** (self.bits - 1) - 1
        if self.bits == 4 and as_matrix(dense).shape[1] % 2:
            raise ValueError(
                f"{tuple(dense.shape)} has an odd number of columns, which four bits cannot hold"
            )
        whole = None if self.by_row else (largest_of(dense) / largest).clamp_min(_TINY)

        def rounded(rows: Tensor, first: int, last: int) -> tuple[Tensor, Tensor]:
            turned = rotated(rows, self.rotation) if self.rotation else rows
            scale = whole
            if scale is None:
                scale = (turned.abs().amax(dim=1, keepdim=True) / largest).clamp_min(_TINY)
            numbers = (turned / scale).round_().clamp_(-largest, largest).to(torch.int8)
            return (numbers if self.bits == 8 else joined_nibbles(numbers)), scale.reshape(-1, 1)

        data, scale = packed_rows(dense, rounded)
        whole_shape = dense.shape if self.bits == 8 else data.shape
        return {"data": data.view(whole_shape), "scale": scale if whole is None else whole}

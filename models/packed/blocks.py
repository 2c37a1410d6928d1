"""Packs weights in blocks of columns with a scale each: MXFP8, and NVFP4 with a scale of all beside.

References: OCP Microscaling Formats (MX) specification 1.0; Pretraining Large Language Models with NVFP4,
arXiv:2509.25149, section 2.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from models.packed.float8_bits import widened
from models.packed.nibbles import joined_nibbles, looked_up
from models.packed.pieces import InRows, in_blocks, largest_of, packed_rows, unpacked_rows
from models.packed.tables import table_of

# Signed numbers of four bits with two bits of exponent and one of mantissa, in the order of their bits.
_SIZES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
_LEVELS = (*_SIZES, *(-size for size in _SIZES))
# Halfway between them; where the nearest even one is the upper, a little less.
_BORDERS = (0.25, 0.75 - 2.0**-24, 1.25, 1.75 - 2.0**-23, 2.5, 3.5 - 2.0**-22, 5.0)
_LARGEST = 448.0


@dataclass(frozen=True)
class MxFp8(InRows):
    """Blocks of 32 numbers of eight bits: parts `data` (float8_e4m3fn) and `scale` (uint8, powers of two).

    Scales are (rows, blocks), their exponents 127 more than they mean. The shape may be smaller than what is
    stored, which is filled up with zeros.
    """

    block: ClassVar[int] = 32
    name: ClassVar[str] = "mxfp8"
    is_padded: ClassVar[bool] = True

    def unpack(self, parts: Mapping[str, Tensor], shape: torch.Size, dtype: torch.dtype) -> Tensor:
        """The numbers; they pass through float32."""
        data, scale, columns = parts["data"], parts["scale"], shape[1:].numel()

        def make(first: int, last: int) -> Tensor:
            sizes = torch.exp2(scale[first:last].float() - 127.0)
            blocks = in_blocks(widened(data[first:last]), self.block)
            return blocks.mul_(sizes.unsqueeze(-1)).flatten(1)[:, :columns]

        return unpacked_rows(shape, dtype, data.device, make)

    def pack(self, dense: Tensor) -> Mapping[str, Tensor]:
        """Round to the nearest, each block by the smallest power of two that its largest number allows."""

        def rounded(rows: Tensor, first: int, last: int) -> tuple[Tensor, Tensor]:
            blocks = in_blocks(rows, self.block)
            largest = blocks.abs().amax(dim=-1)
            exponent = torch.log2((largest / _LARGEST).clamp_min(2.0**-127)).ceil_()
            fitted = blocks / torch.exp2(exponent).unsqueeze(-1)
            numbers = fitted.clamp_(-_LARGEST, _LARGEST).to(torch.float8_e4m3fn)
            return numbers.flatten(1), (exponent + 127.0).to(torch.uint8)

        data, scale = packed_rows(dense, rounded)
        return {"data": data, "scale": scale}


@dataclass(frozen=True)
class NvFp4(InRows):
    """Blocks of 16 numbers of four bits: `data`, `scale` and the scale of all, `whole` (float32).

    Data is uint8, two numbers in a byte, the first in its upper half; scales are float8_e4m3fn (rows,
    blocks). The shape may be smaller than what is stored, which is filled up with zeros.
    """

    block: ClassVar[int] = 16
    name: ClassVar[str] = "nvfp4"
    is_padded: ClassVar[bool] = True

    def unpack(self, parts: Mapping[str, Tensor], shape: torch.Size, dtype: torch.dtype) -> Tensor:
        """The numbers; they pass through float32."""
        data, scale, columns = parts["data"], parts["scale"], shape[1:].numel()
        levels = table_of(_LEVELS, data)

        def make(first: int, last: int) -> Tensor:
            sizes = scale[first:last].float().mul_(parts["whole"].float())
            numbers = in_blocks(looked_up(data[first:last], levels, first_high=True), self.block)
            return numbers.mul_(sizes.unsqueeze(-1)).flatten(1)[:, :columns]

        return unpacked_rows(shape, dtype, data.device, make)

    def pack(self, dense: Tensor) -> Mapping[str, Tensor]:
        """Round to the nearest, the scale of all such that no block's is too large for eight bits."""
        top = _SIZES[-1]
        whole = (largest_of(dense) / (_LARGEST * top)).clamp_min(1e-30)

        def rounded(rows: Tensor, first: int, last: int) -> tuple[Tensor, Tensor]:
            blocks = in_blocks(rows, self.block)
            sizes = (blocks.abs().amax(dim=-1) / top / whole).clamp_(max=_LARGEST).to(torch.float8_e4m3fn)
            steps = (sizes.float() * whole).unsqueeze(-1)
            fitted = torch.where(steps == 0, 0.0, blocks / steps)
            return joined_nibbles(_four_bits(fitted).flatten(1), first_high=True), sizes

        data, scale = packed_rows(dense, rounded)
        return {"data": data, "scale": scale, "whole": whole}


def _four_bits(numbers: Tensor) -> Tensor:
    """The bits (uint8) of the nearest numbers of four bits; in the middle, of the even one."""
    size = torch.bucketize(numbers.abs(), numbers.new_tensor(_BORDERS)).to(torch.uint8)
    return size | (torch.signbit(numbers).to(torch.uint8) << 3)

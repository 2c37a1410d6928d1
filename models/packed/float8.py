"""Packs weights as floating-point numbers of eight bits, with or without a scale."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from models.packed.float8_bits import widened
from models.packed.float8_linear import multiplied
from models.packed.pieces import InRows, beside, largest_of, packed_rows, rows_of, unpacked_rows

_TINY = torch.finfo(torch.float32).tiny


@dataclass(frozen=True)
class Float8(InRows):
    """Numbers of eight bits (Micikevicius et al. 2022, arXiv:2209.05433): parts `data` and perhaps `scale`.

    Attributes:
        dtype: `torch.float8_e4m3fn` or `torch.float8_e5m2`.
        is_scaled: whether there is a `scale` (float32, one number or one for each row) that the numbers are
            multiplied by; when packing, it makes the largest of them the largest that eight bits can say.
        by_row: whether each row gets a scale of its own when packing.
        multiplies: whether linear layers multiply in eight bits where the device can.
    """

    dtype: torch.dtype = torch.float8_e4m3fn
    is_scaled: bool = False
    by_row: bool = False
    multiplies: bool = False

    @property
    def name(self) -> str:
        """The name of the type."""
        return str(self.dtype).removeprefix("torch.") + ("_scaled" if self.is_scaled else "")

    def unpack(self, parts: Mapping[str, Tensor], shape: torch.Size, dtype: torch.dtype) -> Tensor:
        """The numbers in another floating-point type; scaled ones pass through float32."""
        data = parts["data"].view(shape)
        scale = beside(parts["scale"].float(), shape) if self.is_scaled else None

        def make(first: int, last: int) -> Tensor:
            numbers = widened(data[first:last])
            return numbers if scale is None else numbers.mul_(rows_of(scale, first, last))

        return unpacked_rows(shape, dtype, data.device, make)

    def linear(
        self, parts: Mapping[str, Tensor], shape: torch.Size, given: Tensor, bias: Tensor | None
    ) -> Tensor | None:
        """What a linear layer with this weight makes of its input (..., in), multiplied in eight bits."""
        if not self.multiplies:
            return None
        return multiplied(parts["data"].view(shape), parts.get("scale"), given, bias)

    def pack(self, dense: Tensor) -> Mapping[str, Tensor]:
        """Round to eight bits; without a scale, what is larger than they can say becomes their largest."""
        largest = torch.finfo(self.dtype).max
        scale = (largest_of(dense, by_row=self.by_row) / largest).clamp_min(_TINY) if self.is_scaled else None

        def rounded(rows: Tensor, first: int, last: int) -> tuple[Tensor]:
            fitted = rows if scale is None else rows / rows_of(scale, first, last)
            return (fitted.clamp(-largest, largest).to(self.dtype),)

        data = packed_rows(dense, rounded)[0].view(dense.shape)
        return {"data": data} if scale is None else {"data": data, "scale": scale}

"""Keeps numbers as they are: in another type than layers compute in, or as what changes are made from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeGuard

import torch
from torch import Tensor

from models.packed.pieces import InRows
from models.packed.tensor import Packed


@dataclass(frozen=True)
class Plain(InRows):
    """Numbers of some floating-point type in part `data`, in the shape that they have."""

    name: str = "plain"

    def unpack(self, parts: Mapping[str, Tensor], shape: torch.Size, dtype: torch.dtype) -> Tensor:
        """The numbers."""
        return parts["data"].to(dtype).view(shape)

    def pick(self, parts: Mapping[str, Tensor], shape: torch.Size, numbers: Tensor) -> Mapping[str, Tensor]:
        """The rows with some numbers (n,)."""
        return {"data": parts["data"].view(shape)[numbers]}

    def pack(self, dense: Tensor) -> Mapping[str, Tensor]:
        """The numbers (any shape)."""
        return {"data": dense}


def widened_at_use(tensor: Tensor, dtype: torch.dtype) -> Packed:
    """A tensor (any shape) that is kept as it is; whatever computes with it turns it into a wider type."""
    return Packed({"data": tensor}, Plain(), tensor.shape, dtype)


def is_compressed(tensor: Tensor) -> TypeGuard[Packed]:
    """Whether a tensor (any shape) is packed in fewer bits, so that others in its place would take more."""
    return isinstance(tensor, Packed) and not isinstance(tensor.format, Plain)

"""Answers how tensors lie in one block of memory, packed ones part by part."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from models.packed.tensor import Packed, stored

ALIGNMENT = 64
"""Every stored part begins at a multiple of so many bytes."""

Copy = tuple[Tensor, Tensor]
"""Where numbers go, and where they come from (same shape and type)."""


def packed_bytes(tensors: Iterable[Tensor]) -> int:
    """How many bytes of one block tensors (any shape) take, packed or not."""
    return sum(_aligned(part) for tensor in tensors for part in stored(tensor))


def plain_bytes(tensor: Tensor) -> int:
    """How many bytes of a block a tensor (any shape) takes once it is unpacked."""
    return _up(tensor.numel() * tensor.element_size())


def laid_out(block: Tensor, tensors: Sequence[Tensor]) -> tuple[list[Tensor], list[Copy]]:
    """Tensors (any shape) like others in a block (bytes,) uint8, still unfilled, and the copies to fill them.

    Packed ones have room for their parts. Layouts such as channels last are kept.
    """
    copies: list[Copy] = []
    begin = 0

    def placed(part: Tensor) -> Tensor:
        nonlocal begin
        part = part.detach()
        size = part.numel() * part.element_size()
        flat = block[begin : begin + size].view(part.dtype)
        begin += _aligned(part)
        target = flat.as_strided(part.shape, _strides(part), flat.storage_offset())
        copies.append((target, part))
        return target

    made = [tensor.with_parts(placed) if isinstance(tensor, Packed) else placed(tensor) for tensor in tensors]
    return made, copies


def as_slot(tensor: Tensor, like: Tensor) -> Tensor:
    """A tensor (any shape) as a parameter if the one it stands for is one."""
    if isinstance(like, nn.Parameter):
        return nn.Parameter(tensor, requires_grad=like.requires_grad)
    return tensor


def fill(tensor: Tensor, like: Tensor) -> None:
    """Have a tensor (any shape) look at the numbers of another of its kind, wherever they are."""
    if isinstance(tensor, Packed) and isinstance(like, Packed):
        for name, part in like.parts.items():
            setattr(tensor, f"part_{name}", part)
    else:
        tensor.data = like.data


def _aligned(part: Tensor) -> int:
    return _up(part.numel() * part.element_size())


def _up(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def _strides(part: Tensor) -> tuple[int, ...]:
    """The strides of a tensor in memory without gaps."""
    return torch.empty_like(part, device="meta").stride()

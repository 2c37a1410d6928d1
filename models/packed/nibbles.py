"""Answers how numbers of four bits lie two in a byte."""

import torch
from torch import Tensor
from torch.nn.functional import embedding

from models.packed.tables import kept_where_used


def signed_nibbles(packed: Tensor) -> Tensor:
    """The whole numbers -8 to 7 of bytes (rows, half the columns), as int8 (rows, columns).

    The lower half of a byte comes first.
    """
    signed = packed.view(torch.int8)
    return torch.stack([(signed << 4) >> 4, signed >> 4], dim=-1).flatten(-2)


def joined_nibbles(numbers: Tensor, *, first_high: bool = False) -> Tensor:
    """Bytes (rows, half the columns) of numbers below 16, or -8 to 7, (rows, columns); int8 or uint8."""
    even, odd = numbers[..., 0::2], numbers[..., 1::2]
    low, high = (odd, even) if first_high else (even, odd)
    return (low & 15) | (high << 4)


def looked_up(packed: Tensor, levels: Tensor, *, first_high: bool) -> Tensor:
    """The numbers that halves of bytes stand for.

    Args:
        packed: bytes (..., half the columns), uint8.
        levels: what each of the 16 halves stands for, (16,) in a floating-point type.
        first_high: whether the upper half of a byte comes first.

    Returns:
        (..., columns) in the type of the levels.
    """
    return embedding(packed.view(torch.uint8).int(), levels[_pairs(first_high, levels)]).flatten(-2)


@kept_where_used
def _pairs(first_high: bool, device: torch.device) -> Tensor:
    """The two halves of every byte, (256, 2)."""
    byte = torch.arange(256, device=device)
    halves = (byte >> 4, byte & 15) if first_high else (byte & 15, byte >> 4)
    return torch.stack(halves, dim=1)

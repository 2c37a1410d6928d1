"""Packs numbers in blocks of 32 that share a scale, as GGUF's first types do: Q4_0, Q4_1, Q5_0, Q5_1, Q8_0.

Reference: ggml-org/llama.cpp, ggml/src/ggml-quants.c, and gguf-py, whose numbers these are bit for bit.
"""

import torch
from torch import Tensor

from models.packed.gguf_bits import (
    gathered,
    halves,
    inverse,
    joined_bits,
    put_halves,
    rounded_away,
    single_bits,
    spread,
)

_HALVES = (0, 4)


def unpack_q4_0(blocks: Tensor) -> Tensor:
    """Numbers (n, 32) float32 of blocks (n, 18): a scale, and four bits each, less 8."""
    small = spread(blocks[:, 2:], 16, _HALVES, 15).view(torch.int8).view(-1, 32).sub_(8)
    return small.float().mul_(halves(blocks, 0))


def unpack_q4_1(blocks: Tensor) -> Tensor:
    """Numbers (n, 32) float32 of blocks (n, 20): a scale, an offset, and four bits each."""
    both = halves(blocks, 0, 2)
    small = spread(blocks[:, 4:], 16, _HALVES, 15).view(-1, 32)
    return small.float().mul_(both[:, :1]).add_(both[:, 1:])


def unpack_q5_0(blocks: Tensor) -> Tensor:
    """Numbers (n, 32) float32 of blocks (n, 22): a scale, all fifth bits, and four bits each, less 16."""
    small = spread(blocks[:, 6:], 16, _HALVES, 15).view(-1, 32).bitwise_or_(single_bits(blocks[:, 2:6], 16))
    return small.view(torch.int8).sub_(16).float().mul_(halves(blocks, 0))


def unpack_q5_1(blocks: Tensor) -> Tensor:
    """Numbers (n, 32) float32 of blocks (n, 24): a scale, an offset, all fifth bits, and four bits each."""
    both = halves(blocks, 0, 2)
    small = spread(blocks[:, 8:], 16, _HALVES, 15).view(-1, 32).bitwise_or_(single_bits(blocks[:, 4:8], 16))
    return small.float().mul_(both[:, :1]).add_(both[:, 1:])


def unpack_q8_0(blocks: Tensor) -> Tensor:
    """Numbers (n, 32) float32 of blocks (n, 34): a scale, and eight bits each."""
    return blocks[:, 2:].view(torch.int8).float().mul_(halves(blocks, 0))


def pack_q4_0(numbers: Tensor) -> Tensor:
    """Blocks (n, 18) of numbers (n, 32) float32: the largest becomes -8."""
    small, scale = _about_zero(numbers, 8)
    return torch.cat([put_halves(scale), gathered(small, 16, _HALVES)], 1)


def pack_q4_1(numbers: Tensor) -> Tensor:
    """Blocks (n, 20) of numbers (n, 32) float32: from the smallest, 0, to the largest, 15."""
    small, both = _from_least(numbers, 15)
    return torch.cat([put_halves(both), gathered(small, 16, _HALVES)], 1)


def pack_q5_0(numbers: Tensor) -> Tensor:
    """Blocks (n, 22) of numbers (n, 32) float32: the largest becomes -16."""
    small, scale = _about_zero(numbers, 16)
    return torch.cat([put_halves(scale), joined_bits(small >> 4), gathered(small & 15, 16, _HALVES)], 1)


def pack_q5_1(numbers: Tensor) -> Tensor:
    """Blocks (n, 24) of numbers (n, 32) float32: from the smallest, 0, to the largest, 31."""
    small, both = _from_least(numbers, 31)
    return torch.cat([put_halves(both), joined_bits(small >> 4), gathered(small & 15, 16, _HALVES)], 1)


def pack_q8_0(numbers: Tensor) -> Tensor:
    """Blocks (n, 34) of numbers (n, 32) float32: the largest becomes 127."""
    scale = numbers.abs().amax(1, keepdim=True) / 127
    small = rounded_away(numbers * inverse(scale)).to(torch.int8)
    return torch.cat([put_halves(scale), small.view(torch.uint8)], 1)


def _about_zero(numbers: Tensor, middle: int) -> tuple[Tensor, Tensor]:
    """Small numbers (n, 32) uint8 and scales (n, 1), the number farthest from zero standing at one end."""
    farthest = numbers.gather(1, numbers.abs().argmax(1, keepdim=True))
    scale = farthest / -middle
    small = (numbers * inverse(scale) + (middle + 0.5)).trunc().clamp(0, 2 * middle - 1)
    return small.to(torch.uint8), scale


def _from_least(numbers: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """Small numbers (n, 32) uint8, and scales and offsets (n, 2)."""
    least, largest = numbers.aminmax(dim=1, keepdim=True)
    scale = (largest - least) / most
    small = ((numbers - least) * inverse(scale) + 0.5).trunc().clamp(0, most)
    return small.to(torch.uint8), torch.cat([scale, least], 1)

"""Unpacks GGUF's K types: 256 numbers in sub-blocks, whose own scales have few bits too.

Reference: ggml-org/llama.cpp, ggml/src/ggml-quants.c, and gguf-py, whose numbers these are bit for bit.
"""

import torch
from torch import Tensor

from models.packed.gguf_bits import halves, spread

_FOURTHS, _HALVES, _EIGHTHS = (0, 2, 4, 6), (0, 4), tuple(range(8))


def unpack_q2_k(blocks: Tensor) -> Tensor:
    """Numbers (n, 256) float32 of blocks (n, 84): two bits each; 16 scales and offsets of four bits."""
    count = len(blocks)
    scales, both = blocks[:, :16], halves(blocks, 80, 2)
    scale = (both[:, :1] * (scales & 15)).view(count, 16, 1)
    offset = (both[:, 1:] * (scales >> 4)).view(count, 16, 1)
    small = spread(blocks[:, 16:80], 32, _FOURTHS, 3).view(count, 16, 16)
    return small.float().mul_(scale).sub_(offset).view(count, 256)


def unpack_q3_k(blocks: Tensor) -> Tensor:
    """Numbers (n, 256) float32 of blocks (n, 110): three bits each, less 4; 16 scales of six bits."""
    count = len(blocks)
    small = spread(blocks[:, 32:96], 32, _FOURTHS, 3).view(count, 256)
    high = spread(blocks[:, :32], 32, _EIGHTHS, 1, left=2).view(count, 256)
    low = spread(blocks[:, 96:104], 8, _HALVES, 15).view(count, 16)
    scales = low | spread(blocks[:, 104:108], 4, _FOURTHS, 3, left=4).view(count, 16)
    scale = (halves(blocks, 108) * scales.view(torch.int8).sub_(32)).view(count, 16, 1)
    numbers = small.bitwise_or_(high).view(torch.int8).sub_(4).float()
    return numbers.view(count, 16, 16).mul_(scale).view(count, 256)


def unpack_q4_k(blocks: Tensor) -> Tensor:
    """Numbers (n, 256) float32 of blocks (n, 144): four bits each; 8 scales and offsets of six bits."""
    count = len(blocks)
    scale, offset = _scales_and_offsets(blocks)
    small = spread(blocks[:, 16:], 32, _HALVES, 15).view(count, 8, 32)
    return small.float().mul_(scale).sub_(offset).view(count, 256)


def unpack_q5_k(blocks: Tensor) -> Tensor:
    """Numbers (n, 256) float32 of blocks (n, 176): five bits each; 8 scales and offsets of six bits."""
    count = len(blocks)
    scale, offset = _scales_and_offsets(blocks)
    small = spread(blocks[:, 48:], 32, _HALVES, 15).view(count, 8, 32)
    small |= spread(blocks[:, 16:48], 32, _EIGHTHS, 1, left=4).view(count, 8, 32)
    return small.float().mul_(scale).sub_(offset).view(count, 256)


def unpack_q6_k(blocks: Tensor) -> Tensor:
    """Numbers (n, 256) float32 of blocks (n, 210): six bits each, less 32; 16 scales of eight bits."""
    count = len(blocks)
    small = spread(blocks[:, :128], 64, _HALVES, 15).view(count, 256)
    small |= spread(blocks[:, 128:192], 32, _FOURTHS, 3, left=4).view(count, 256)
    scale = (halves(blocks, 208) * blocks[:, 192:208].view(torch.int8)).view(count, 16, 1)
    numbers = small.view(torch.int8).sub_(32).float()
    return numbers.view(count, 16, 16).mul_(scale).view(count, 256)


def _scales_and_offsets(blocks: Tensor) -> tuple[Tensor, Tensor]:
    """Of eight sub-blocks, (n, 8, 1) each, from two float16 numbers and twelve bytes of six-bit numbers.

    The first four of either kind lie in the lower bits of bytes 0 to 7. Of the last four, the lower bits are
    in bytes 8 to 11, those of the scales below those of the offsets, and the upper two above the first four.
    """
    both = halves(blocks, 0, 2)
    words = blocks[:, 4:16].contiguous().view(torch.int32)
    scales, offsets, later = words[:, 0:1], words[:, 1:2], words[:, 2:3]
    packed = torch.cat(
        [
            scales & 0x3F3F3F3F,
            (later & 0x0F0F0F0F) | ((scales >> 2) & 0x30303030),
            offsets & 0x3F3F3F3F,
            ((later >> 4) & 0x0F0F0F0F) | ((offsets >> 2) & 0x30303030),
        ],
        1,
    )
    made = both.unsqueeze(-1) * packed.view(torch.uint8).view(len(blocks), 2, 8)
    return made[:, 0].unsqueeze(-1), made[:, 1].unsqueeze(-1)

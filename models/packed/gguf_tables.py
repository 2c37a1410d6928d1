"""Unpacks GGUF's types whose small numbers stand for values of a table, and those of three values.

Reference: ggml-org/llama.cpp, ggml/src/ggml-quants.c, and gguf-py, whose numbers these are bit for bit.
"""

import torch
from torch import Tensor

from models.packed.gguf_bits import halves, looked_up, spread
from models.packed.tables import table_of

# Closer together near zero, where most weights are.
NEAR_ZERO = (-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113)
# Twice the values of a number of one sign, two exponent and one fraction bit (OCP Microscaling Formats 1.0).
TWICE_E2M1 = (0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12)
_HALVES, _FOURTHS = (0, 4), (0, 2, 4, 6)
_POWERS_OF_THREE = (1, 3, 9, 27, 81)


def unpack_iq4_nl(blocks: Tensor) -> Tensor:
    """Numbers (n, 32) float32 of blocks (n, 18): a scale, and four bits each for a value of the table."""
    return looked_up(spread(blocks[:, 2:], 16, _HALVES, 15), NEAR_ZERO).mul_(halves(blocks, 0))


def unpack_iq4_xs(blocks: Tensor) -> Tensor:
    """Numbers (n, 256) float32 of blocks (n, 136): the same with 8 scales of six bits."""
    count = len(blocks)
    low = torch.stack([blocks[:, 4:8] & 15, blocks[:, 4:8] >> 4], -1).view(count, 8)
    high = torch.stack([(blocks[:, 2:4] >> shift) & 3 for shift in _FOURTHS], -1).view(count, 8)
    scale = halves(blocks, 0) * (low | (high << 4)).view(torch.int8).sub_(32)
    numbers = looked_up(spread(blocks[:, 8:], 16, _HALVES, 15), NEAR_ZERO)
    return numbers.view(count, 8, 32).mul_(scale.unsqueeze(-1)).view(count, 256)


def unpack_mxfp4(blocks: Tensor) -> Tensor:
    """Numbers (n, 32) float32 of blocks (n, 17): a power of two, and four bits each."""
    exponent = blocks[:, :1].int()
    bits = torch.where(exponent < 2, 0x00200000 << exponent, (exponent - 1) << 23)
    return looked_up(spread(blocks[:, 1:], 16, _HALVES, 15), TWICE_E2M1).mul_(bits.view(torch.float32))


def unpack_nvfp4(blocks: Tensor) -> Tensor:
    """Numbers (n, 64) float32 of blocks (n, 36): 4 scales of eight bits (e4m3), and four bits each."""
    count = len(blocks)
    scale = _without_sign(blocks[:, :4])
    numbers = looked_up(spread(blocks[:, 4:], 8, _HALVES, 15), TWICE_E2M1)
    return numbers.view(count, 4, 16).mul_(scale.unsqueeze(-1)).view(count, 64)


def unpack_tq1_0(blocks: Tensor) -> Tensor:
    """Numbers (n, 256) float32 of blocks (n, 54): five numbers of -1, 0 or 1 in each byte, and a scale."""
    count = len(blocks)
    powers = table_of(_POWERS_OF_THREE, blocks).to(torch.uint8).view(1, 1, 5, 1)
    parts = [
        (blocks[:, begin:end].reshape(count, -1, 1, group) * powers[:, :, :uses]).view(count, -1)
        for begin, end, group, uses in ((0, 32, 32, 5), (32, 48, 16, 5), (48, 52, 4, 4))
    ]
    small = (torch.cat(parts, 1).to(torch.int16).mul_(3) >> 8).sub_(1)
    return small.float().mul_(halves(blocks, 52))


def unpack_tq2_0(blocks: Tensor) -> Tensor:
    """Numbers (n, 256) float32 of blocks (n, 66): two bits for each -1, 0 or 1, and a scale."""
    small = spread(blocks[:, :64], 32, _FOURTHS, 3).view(torch.int8).view(-1, 256).sub_(1)
    return small.float().mul_(halves(blocks, 64))


def _without_sign(scales: Tensor) -> Tensor:
    """Half of numbers (n, 4) of four exponent and three fraction bits; what would be no number is zero."""
    exponent, fraction = ((scales >> 3) & 15).float(), (scales & 7).float()
    plain = torch.where(exponent == 0, fraction * 2.0**-9, (1 + fraction / 8) * torch.exp2(exponent - 7))
    return torch.where((scales == 0) | (scales == 127), 0.0, plain * 0.5)

"""Packs numbers as GGUF's types of sixteen values from a table, choosing scales by weighted least squares."""

from itertools import pairwise

import torch
from torch import Tensor

from models.packed.gguf_bits import gathered, halves, inverse, put_halves
from models.packed.gguf_k_pack import best_scale
from models.packed.gguf_tables import NEAR_ZERO

_HALVES = (0, 4)
_TRIED_TENTHS = range(-70, 71, 10)


def pack_iq4_nl(numbers: Tensor) -> Tensor:
    """Blocks (n, 18) of numbers (n, 32) float32."""
    scale = put_halves(_best_scale(numbers))
    small = _nearest(numbers * inverse(halves(scale, 0)))
    return torch.cat([scale, gathered(small, 16, _HALVES)], 1)


def pack_iq4_xs(numbers: Tensor) -> Tensor:
    """Blocks (n, 136) of numbers (n, 256) float32."""
    parts = numbers.view(-1, 32)
    exact = _best_scale(parts).view(-1, 8)
    farthest = exact.gather(1, exact.abs().argmax(1, keepdim=True))
    unit = put_halves(farthest / -32)
    used = halves(unit, 0)
    scales = (exact * inverse(used)).round().clamp(-32, 31)
    small = _nearest(parts * inverse(used * scales).view(-1, 1))
    kept = (scales + 32).to(torch.uint8)
    low = kept.view(-1, 4, 2)
    high = (kept >> 4).view(-1, 2, 4)
    shifted = high[..., 0] | (high[..., 1] << 2) | (high[..., 2] << 4) | (high[..., 3] << 6)
    packed = gathered(small, 16, _HALVES).view(len(numbers), 128)
    return torch.cat([unit, shifted, (low[..., 0] & 15) | ((low[..., 1] & 15) << 4), packed], 1)


def _best_scale(parts: Tensor) -> Tensor:
    """The best scales (n, 1) of parts (n, size)."""
    table = torch.tensor(NEAR_ZERO, dtype=torch.float32, device=parts.device)
    columns = parts.T.contiguous()
    return best_scale(columns, NEAR_ZERO[0], _TRIED_TENTHS, lambda v: table[_nearest(v).int()]).view(-1, 1)


def _nearest(values: Tensor) -> Tensor:
    """Which values of the table are nearest, uint8."""
    found = torch.zeros(values.shape, dtype=torch.uint8, device=values.device)
    for low, high in pairwise(NEAR_ZERO):
        found += values > (low + high) / 2
    return found

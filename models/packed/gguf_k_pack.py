"""Packs numbers as GGUF's K types, choosing scales by weighted least squares.

The choice follows the idea of ggml-org/llama.cpp, ggml/src/ggml-quants.c: several scales are tried for each
sub-block, and each is corrected to the best one for the small numbers that it leads to.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from models.packed.gguf_bits import gathered, halves, inverse, put_halves

_HALVES, _FOURTHS, _EIGHTHS = (0, 4), (0, 2, 4, 6), tuple(range(8))
# Scales tried: so many tenths around the one that just reaches the largest number.
_TRIED_TENTHS = range(-10, 11)


def pack_q2_k(numbers: Tensor) -> Tensor:
    """Blocks (n, 84) of numbers (n, 256) float32."""
    scales, both, small = _scaled_with_offset(numbers.view(-1, 16, 16), 3, 15)
    packed = scales[:, 0] | (scales[:, 1] << 4)
    return torch.cat([packed, gathered(small, 32, _FOURTHS), both], 1)


def pack_q3_k(numbers: Tensor) -> Tensor:
    """Blocks (n, 110) of numbers (n, 256) float32."""
    scales, one, small = _scaled(numbers, 4, 32)
    kept = (scales + 32).to(torch.uint8)
    packed = torch.cat([gathered(kept & 15, 8, _HALVES), gathered(kept >> 4, 4, _FOURTHS)], 1)
    high, low = gathered(small >> 2, 32, _EIGHTHS), gathered(small & 3, 32, _FOURTHS)
    return torch.cat([high, low, packed, one], 1)


def pack_q4_k(numbers: Tensor) -> Tensor:
    """Blocks (n, 144) of numbers (n, 256) float32."""
    scales, both, small = _scaled_with_offset(numbers.view(-1, 8, 32), 15, 63)
    return torch.cat([both, _twelve_bytes(scales), gathered(small, 32, _HALVES)], 1)


def pack_q5_k(numbers: Tensor) -> Tensor:
    """Blocks (n, 176) of numbers (n, 256) float32."""
    scales, both, small = _scaled_with_offset(numbers.view(-1, 8, 32), 31, 63)
    high, low = gathered(small >> 4, 32, _EIGHTHS), gathered(small & 15, 32, _HALVES)
    return torch.cat([both, _twelve_bytes(scales), high, low], 1)


def pack_q6_k(numbers: Tensor) -> Tensor:
    """Blocks (n, 210) of numbers (n, 256) float32."""
    scales, one, small = _scaled(numbers, 32, 128)
    low, high = gathered(small & 15, 64, _HALVES), gathered(small >> 4, 32, _FOURTHS)
    return torch.cat([low, high, scales.to(torch.int8).view(torch.uint8), one], 1)


def _scaled_with_offset(parts: Tensor, most: int, most_scale: int) -> tuple[Tensor, Tensor, Tensor]:
    """What packs sub-blocks as scale x small - offset.

    Args:
        parts: numbers (n, sub-blocks, size).
        most: the largest small number; the least is 0.
        most_scale: the largest scale, and the largest offset.

    Returns:
        Scales and offsets (n, 2, sub-blocks) uint8, what both are multiplied by as bytes (n, 4) of float16,
        and small numbers (n, sub-blocks x size) uint8.
    """
    columns = parts.flatten(0, 1).T.contiguous()
    exact = torch.stack([found.view(parts.shape[:2]) for found in _scale_and_offset(columns, most)], 1)
    unit = exact.amax(2) / most_scale
    coarse = (exact * inverse(unit).unsqueeze(-1)).round().clamp(0, most_scale)
    units = put_halves(unit)
    used = halves(units, 0, 2).unsqueeze(-1) * coarse
    scale, offset = used[:, 0].unsqueeze(-1), used[:, 1].unsqueeze(-1)
    small = ((parts + offset) * inverse(scale)).round().clamp(0, most)
    return coarse.to(torch.uint8), units, small.to(torch.uint8).flatten(1)


def _scale_and_offset(parts: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """The best scales and offsets (n,) of sub-blocks that stand in columns (size, n), both 0 or more."""
    weight = parts.square().mean(0).sqrt() + parts.abs()
    least, largest = parts.amin(0).clamp(max=0), parts.amax(0)
    span, total, first = largest - least, weight.sum(0), (weight * parts).sum(0)
    scales, offsets = span / most, -least
    lowest = torch.full_like(total, torch.inf)
    above = parts - least
    for tenths in _TRIED_TENTHS:
        small = (above * ((most + tenths / 10) * inverse(span))).round_().clamp_(0, most)
        weighted = weight * small
        one, mixed = weighted.sum(0), (weighted * parts).sum(0)
        two = weighted.mul_(small).sum(0)
        below = total * two - one * one
        scale = (total * mixed - first * one) * inverse(below)
        offset = (one * mixed - two * first) * inverse(below)
        scale = torch.where(offset < 0, mixed * inverse(two), scale)
        offset = offset.clamp(min=0)
        error = small.mul_(scale).sub_(offset).sub_(parts).square_().mul_(weight).sum(0)
        is_better = (error < lowest) & (below > 0) & (scale > 0)
        scales, offsets = torch.where(is_better, scale, scales), torch.where(is_better, offset, offsets)
        lowest = torch.where(is_better, error, lowest)
    return scales, offsets


def _scaled(numbers: Tensor, middle: int, most_scale: int) -> tuple[Tensor, Tensor, Tensor]:
    """What packs sub-blocks of 16 as scale x (small - middle).

    Args:
        numbers: (n, 256).
        middle: small numbers go from 0 to twice that less one.
        most_scale: scales go from the negative of that to that less one.

    Returns:
        Scales (n, 16), what they are multiplied by as bytes (n, 2) of float16, and small numbers (n, 256)
        uint8.
    """
    parts = numbers.view(-1, 16, 16)

    def small_of(values: Tensor) -> Tensor:
        return values.round_().clamp_(-middle, middle - 1)

    exact = best_scale(parts.flatten(0, 1).T.contiguous(), -middle, _TRIED_TENTHS, small_of).view(-1, 16)
    farthest = exact.gather(1, exact.abs().argmax(1, keepdim=True))
    unit = put_halves(farthest / -most_scale)
    used = halves(unit, 0)
    scales = (exact * inverse(used)).round().clamp(-most_scale, most_scale - 1)
    small = small_of(parts * inverse(used * scales).unsqueeze(-1)) + middle
    return scales, unit, small.to(torch.uint8).flatten(1)


def best_scale(
    parts: Tensor, end: float, tried_tenths: Sequence[int], small_of: Callable[[Tensor], Tensor]
) -> Tensor:
    """The best scales (n,) of parts that stand in columns (size, n).

    Args:
        parts: the numbers.
        end: the small number that the farthest of them becomes, or nearly so.
        tried_tenths: by how many tenths less or more it is tried to become.
        small_of: rounds scaled numbers to those that can be said; it may overwrite them.
    """
    weight = parts.square()
    farthest = parts.gather(0, parts.abs().argmax(0, keepdim=True))[0]
    best, highest = farthest / end, torch.full_like(farthest, -1.0)
    for tenths in tried_tenths:
        small = small_of(parts * ((end - tenths / 10) * inverse(farthest)))
        weighted = weight * small
        mixed, two = (weighted * parts).sum(0), weighted.mul_(small).sum(0)
        gain = mixed.square() * inverse(two)
        is_better = (gain > highest) & (two > 0)
        best = torch.where(is_better, mixed * inverse(two), best)
        highest = torch.where(is_better, gain, highest)
    return best


def _twelve_bytes(scales: Tensor) -> Tensor:
    """Scales and offsets (n, 2, 8) of six bits as bytes (n, 12); `gguf_k` says how they lie."""
    early, late = scales[:, :, :4], scales[:, :, 4:]
    upper = early | ((late >> 4) << 6)
    lower = (late[:, 0] & 15) | ((late[:, 1] & 15) << 4)
    return torch.cat([upper[:, 0], upper[:, 1], lower], 1)

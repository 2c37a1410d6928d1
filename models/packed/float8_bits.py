"""Turns floats of eight bits into longer ones quickly: torch is slow at it on processors for e4m3."""

import torch
from torch import Tensor

# The bits of e4m3, moved up by seven, are those of a half-precision number that is 2^8 times smaller.
_MOVED, _FACTOR = 7, 256.0
_NOT_SIGN_TWICE = -0x4001


def widened(numbers: Tensor) -> Tensor:
    """Floats of eight bits (any shape) in float32."""
    is_slow = numbers.device.type == "cpu" and numbers.dtype is torch.float8_e4m3fn
    if not is_slow or not numbers.numel() or torch.compiler.is_compiling() or _has_none(numbers):
        return numbers.float()
    bits = numbers.view(torch.int8).to(torch.int16)
    bits <<= _MOVED
    bits &= _NOT_SIGN_TWICE
    return bits.view(torch.float16).float().mul_(_FACTOR)


def _has_none(numbers: Tensor) -> bool:
    """Whether there are any that are no number: all bits but the sign are set in them."""
    return int(numbers.view(torch.int8).amax()) == 0x7F or int(numbers.view(torch.uint8).amax()) == 0xFF

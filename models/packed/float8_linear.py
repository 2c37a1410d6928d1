"""Multiplies in eight bits, on devices that can: weights as they are stored, and what comes in rounded alike.

Reference: FP8 Formats for Deep Learning, Micikevicius et al. 2022 (arXiv:2209.05433), section 3.
"""

from functools import cache

import torch
from torch import Tensor

# Sides of matrices are multiples of it.
_TILE = 16
_ABLE = (8, 9)
_TINY = torch.finfo(torch.float32).tiny


@cache
def can_multiply(device: torch.device) -> bool:
    """Whether a device has units that multiply floats of eight bits: NVIDIA's from Ada and Hopper on."""
    if device.type != "cuda" or not torch.cuda.is_available():
        return False
    return torch.cuda.get_device_capability(device) >= _ABLE


def multiplied(weight: Tensor, scale: Tensor | None, given: Tensor, bias: Tensor | None) -> Tensor | None:
    """What a linear layer makes of its input, or None where it must be computed in more bits.

    Args:
        weight: (out, in) in float8_e4m3fn.
        scale: what it is multiplied by, one number; None for 1.
        given: the input (..., in); it is scaled so that its largest number is the largest of eight bits.
        bias: (out,) or None.
    """
    fits = weight.ndim == 2 and not any(side % _TILE for side in weight.shape)
    of_half = given.dtype in (torch.bfloat16, torch.float16)
    if not (fits and of_half and weight.dtype is torch.float8_e4m3fn and can_multiply(given.device)):
        return None
    if scale is not None and scale.numel() != 1:
        return None
    rows = given.reshape(-1, given.shape[-1])
    if not len(rows):
        return None
    largest = torch.finfo(weight.dtype).max
    size = (rows.abs().amax().float() / largest).clamp_min(_TINY)
    eight = (rows.float() / size).clamp_(-largest, largest).to(weight.dtype)
    one = torch.ones((), device=weight.device)
    made = torch._scaled_mm(
        eight,
        weight.t(),
        scale_a=size,
        scale_b=one if scale is None else scale.float().reshape(()),
        bias=None if bias is None else bias.to(given.dtype),
        out_dtype=given.dtype,
    )
    return made.reshape(*given.shape[:-1], len(weight))

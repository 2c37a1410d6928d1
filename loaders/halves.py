"""Turns numbers of one kind of sixteen bits into the other at the speed of memory."""

import torch
from torch import Tensor

# Large enough to leave little overhead, small enough to stay in a processor's cache.
_BLOCK = 1 << 20
_SMALL = 1 << 16


def bfloat16_of(tensor: Tensor, layout: torch.memory_format = torch.contiguous_format) -> Tensor:
    """A float16 tensor (any shape) in bfloat16, rounded to the nearest, in a memory layout.

    Processors have instructions from either kind to float32 and back, but torch uses none for the direct way,
    which is three times slower. Every float16 is a float32, so nothing is rounded twice.
    """
    if tensor.is_meta or tensor.numel() <= _SMALL:
        return tensor.to(torch.bfloat16).contiguous(memory_format=layout)
    rows = min(len(tensor), max(1, _BLOCK * len(tensor) // tensor.numel()))
    made = torch.empty(tensor.shape, dtype=torch.bfloat16, memory_format=layout)
    between = torch.empty((rows, *tensor.shape[1:]), memory_format=layout)
    for first in range(0, len(tensor), rows):
        part = tensor[first : first + rows]
        between[: len(part)].copy_(part)
        made[first : first + rows].copy_(between[: len(part)])
    return made

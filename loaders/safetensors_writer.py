"""Writes safetensors files tensor by tensor, so that no more than one of them need be in memory.

Reference: the format's own description (huggingface/safetensors, README, "Format").
"""

import json
import math
import os
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import torch
from torch import Tensor

from loaders.files import DTYPES

_NAMES = {dtype: name for name, dtype in DTYPES.items()}
_ALIGNMENT = 8


@dataclass(frozen=True, eq=False)
class Planned:
    """A tensor that is to be written: of known number type and shape, made when it is its turn."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    make: Callable[[], Tensor]

    @property
    def size_bytes(self) -> int:
        """How many bytes it takes in a file."""
        return math.prod(self.shape) * self.dtype.itemsize

    def as_type(self, dtype: torch.dtype) -> "Planned":
        """The same in another number type."""
        return Planned(dtype, self.shape, self.make)


def planned(tensor: Tensor) -> Planned:
    """A tensor (any shape) that is there already."""
    return Planned(tensor.dtype, tuple(tensor.shape), lambda: tensor)


def write_tensors(
    file: BinaryIO,
    tensors: Mapping[str, Planned],
    metadata: Mapping[str, str],
    on_written: Callable[[int, int], None] = lambda count, total: None,
) -> None:
    """Write a whole file, and wait until it is on the disk.

    Args:
        file: where to; it is empty.
        tensors: what, by name.
        metadata: texts for the header.
        on_written: told how many tensors of how many are written, after each.

    Raises:
        ValueError: if a tensor that is made has not the shape that was planned.
    """
    # The widest numbers first: so all of them lie where numbers of their type may.
    order = sorted(tensors, key=lambda name: -tensors[name].dtype.itemsize)
    fields: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    position = 0
    for name in order:
        plan = tensors[name]
        end = position + plan.size_bytes
        fields[name] = {
            "dtype": _NAMES[plan.dtype],
            "shape": list(plan.shape),
            "data_offsets": [position, end],
        }
        position = end
    header = json.dumps(fields, separators=(",", ":")).encode()
    header += b" " * (-len(header) % _ALIGNMENT)
    file.write(struct.pack("<Q", len(header)) + header)
    for count, name in enumerate(order, start=1):
        file.write(_numbers(name, tensors[name]))
        on_written(count, len(order))
    file.flush()
    os.fsync(file.fileno())


def _numbers(name: str, plan: Planned) -> memoryview:
    tensor = plan.make().detach()
    if tuple(tensor.shape) != plan.shape:
        raise ValueError(f"{name} was to be {plan.shape}, but it is {tuple(tensor.shape)}")
    flat = tensor.to(device="cpu", dtype=plan.dtype).contiguous().flatten()
    return memoryview(cast(Any, flat.view(torch.uint8).numpy()))

"""Writes GGUF files tensor by tensor, so that no more than one of them need be in memory.

Reference: the format's own description (ggml-org/ggml, docs/gguf.md), version 3.
"""

import os
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, BinaryIO, cast

import torch
from torch import Tensor

from loaders.files import DTYPES
from loaders.identify.gguf_header import MAGIC, SHAPE_OF, TYPES
from models.packed.gguf import BLOCK_TYPES, Gguf

PLAIN: Mapping[str, torch.dtype] = {name: DTYPES[name] for name in ("F32", "F16", "BF16")}
_CODES = {kind.name: (code, kind) for code, kind in TYPES.items()}
_ALIGNMENT = 32
_VERSION, _QUANTISATION_VERSION = 3, 2
_UINT32, _INT32, _TEXT, _LIST = 4, 5, 8, 9
# Numbers of a row, where a tensor whose own rows do not fill blocks is stored in other ones.
_ROW = 256
# What most of the tensors are of, by the field's numbers.
_FILE_TYPES = {
    "F32": 0, "F16": 1, "Q4_0": 2, "Q4_1": 3, "Q8_0": 7, "Q5_0": 8, "Q5_1": 9, "Q2_K": 10, "Q3_K": 12,
    "Q4_K": 15, "Q5_K": 17, "Q6_K": 18, "IQ4_NL": 25, "IQ4_XS": 30, "BF16": 32,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Stored:
    """A tensor that is to be written: its shape, the type it is stored as, made when it is its turn."""

    shape: tuple[int, ...]
    kind: str
    make: Callable[[], Tensor]

    @property
    def written_shape(self) -> tuple[int, ...]:
        """Its shape in the file: the own one if its rows fill blocks, else rows of 256."""
        block = BLOCK_TYPES.get(self.kind)
        fits = block is None or self.shape[-1] % block.numbers == 0
        return self.shape if fits else (prod(self.shape) // _ROW, _ROW)

    @property
    def size_bytes(self) -> int:
        """How many bytes it takes in a file."""
        _, kind = _CODES[self.kind]
        return prod(self.shape) // kind.numbers * kind.size_bytes


def storable(shape: tuple[int, ...], kind: str) -> bool:
    """Whether a tensor of a shape can be stored as a type, in its own rows or in others."""
    block = BLOCK_TYPES.get(kind)
    if block is None:
        return kind in PLAIN
    return shape[-1] % block.numbers == 0 or prod(shape) % _ROW == 0


def write_gguf(
    file: BinaryIO,
    tensors: Mapping[str, Stored],
    architecture: str,
    kind: str,
    texts: Mapping[str, str],
    on_written: Callable[[int, int], None] = lambda count, total: None,
) -> None:
    """Write a whole file, and wait until it is on the disk.

    Args:
        file: where to; it is empty.
        tensors: what, by name.
        architecture: what the field calls the network ("sd1", "sdxl", ...).
        kind: the type that most of them are stored as.
        texts: further fields of the header.
        on_written: told how many tensors of how many are written, after each.

    Raises:
        ValueError: if numbers are too large for their type, or not finite.
    """
    fields = [_text_field("general.architecture", architecture)]
    fields += [_number_field("general.quantization_version", _QUANTISATION_VERSION)]
    fields += [_number_field("general.file_type", _FILE_TYPES[kind])]
    fields += [_text_field(key, value) for key, value in texts.items()]
    entries, offset = [], 0
    for name, stored in tensors.items():
        if stored.written_shape != stored.shape:
            fields.append(_shape_field(SHAPE_OF + name, stored.shape))
        entries.append(_entry(name, stored, offset))
        offset += _padded(stored.size_bytes)
    header = MAGIC + struct.pack("<IQQ", _VERSION, len(entries), len(fields)) + b"".join(fields + entries)
    file.write(header + bytes(_padded(len(header)) - len(header)))
    for count, (name, stored) in enumerate(tensors.items(), start=1):
        data = _bytes(name, stored)
        file.write(memoryview(cast(Any, data.numpy())))
        file.write(bytes(_padded(len(data)) - len(data)))
        on_written(count, len(tensors))
    file.flush()
    os.fsync(file.fileno())


def _bytes(name: str, stored: Stored) -> Tensor:
    numbers = stored.make().detach().cpu()
    if tuple(numbers.shape) != stored.shape:
        raise ValueError(f"{name} was to be {stored.shape}, but it is {tuple(numbers.shape)}")
    if stored.kind not in PLAIN:
        return Gguf(stored.kind).pack(numbers.contiguous())["blocks"].flatten()
    made = numbers.to(PLAIN[stored.kind]).contiguous().flatten()
    if not torch.isfinite(made).all():
        raise ValueError(f"{name} has numbers that {stored.kind} cannot say")
    return made.view(torch.uint8)


def _padded(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def _text_field(key: str, value: str) -> bytes:
    return _text(key) + struct.pack("<I", _TEXT) + _text(value)


def _number_field(key: str, value: int) -> bytes:
    return _text(key) + struct.pack("<II", _UINT32, value)


def _shape_field(key: str, shape: tuple[int, ...]) -> bytes:
    return _text(key) + struct.pack(f"<IIQ{len(shape)}i", _LIST, _INT32, len(shape), *shape)


def _entry(name: str, stored: Stored, offset: int) -> bytes:
    shape = stored.written_shape[::-1]
    sizes = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
    return _text(name) + sizes + struct.pack("<IQ", _CODES[stored.kind][0], offset)

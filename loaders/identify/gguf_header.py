"""Answers what a GGUF file holds from its header, and whether that header can be believed.

Reference: the format's own description (ggml-org/ggml, docs/gguf.md), versions 2 and 3.
"""

import math
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from loaders.errors import BrokenFile
from loaders.safetensors_header import TensorEntry

MAGIC = b"GGUF"

_LARGEST_HEADER = 200_000_000
_LONGEST_TEXT = 10_000_000
_LONGEST_LIST = 2_000_000
# Longer lists are vocabularies and the like, which nobody here needs.
_KEPT_LIST = 16
_LARGEST_RANK = 8
_LARGEST_ALIGNMENT = 1 << 20
_SHOWN_TEXT = 2_000
# The least bytes of a tensor: length of its name, a letter, rank, type, place; of a field: the same for its
# key, kind, value.
_LEAST_TENSOR, _LEAST_FIELD = 25, 14
_READ_AT_ONCE = 1 << 20

_ALIGNMENT = "general.alignment"
# What ComfyUI-GGUF writes where it stored a tensor in rows of another length.
SHAPE_OF = "comfy.gguf.orig_shape."

_SCALARS = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<?",
    10: "<Q",
    11: "<q",
    12: "<d",
}
_UINT32, _TEXT, _LIST = 4, 8, 9


@dataclass(frozen=True)
class NumberType:
    """A type of numbers: how many stand in a block, and how many bytes that takes."""

    name: str
    numbers: int
    size_bytes: int


# By the number in the file.
TYPES: Mapping[int, NumberType] = {
    0: NumberType("F32", 1, 4),
    1: NumberType("F16", 1, 2),
    2: NumberType("Q4_0", 32, 18),
    3: NumberType("Q4_1", 32, 20),
    6: NumberType("Q5_0", 32, 22),
    7: NumberType("Q5_1", 32, 24),
    8: NumberType("Q8_0", 32, 34),
    9: NumberType("Q8_1", 32, 40),
    10: NumberType("Q2_K", 256, 84),
    11: NumberType("Q3_K", 256, 110),
    12: NumberType("Q4_K", 256, 144),
    13: NumberType("Q5_K", 256, 176),
    14: NumberType("Q6_K", 256, 210),
    15: NumberType("Q8_K", 256, 292),
    16: NumberType("IQ2_XXS", 256, 66),
    17: NumberType("IQ2_XS", 256, 74),
    18: NumberType("IQ3_XXS", 256, 98),
    19: NumberType("IQ1_S", 256, 50),
    20: NumberType("IQ4_NL", 32, 18),
    21: NumberType("IQ3_S", 256, 110),
    22: NumberType("IQ2_S", 256, 82),
    23: NumberType("IQ4_XS", 256, 136),
    24: NumberType("I8", 1, 1),
    25: NumberType("I16", 1, 2),
    26: NumberType("I32", 1, 4),
    27: NumberType("I64", 1, 8),
    28: NumberType("F64", 1, 8),
    29: NumberType("IQ1_M", 256, 56),
    30: NumberType("BF16", 1, 2),
    34: NumberType("TQ1_0", 256, 54),
    35: NumberType("TQ2_0", 256, 66),
    39: NumberType("MXFP4", 32, 17),
    40: NumberType("NVFP4", 64, 36),
}
# Known by name and size only: intermediate results, and types whose numbers stand in tables of thousands.
_CLOSED = ("Q8_1", "Q8_K", "IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S")
OPENED = frozenset(kind.name for kind in TYPES.values()) - frozenset(_CLOSED)
# Those that files can be written in here, from few bits to many.
WRITTEN = ("Q2_K", "Q3_K", "IQ4_XS", "IQ4_NL", "Q4_0", "Q4_K", "Q4_1", "Q5_0", "Q5_K", "Q5_1", "Q6_K", "Q8_0")
WRITTEN_PLAIN = ("F16", "BF16")


@dataclass(frozen=True)
class GgufHeader:
    """Tensors by name, numbers by type (most first), and texts; numbers and flags among them as text."""

    entries: Mapping[str, TensorEntry]
    types: Mapping[str, int]
    metadata: Mapping[str, str]


def read_gguf(path: Path) -> GgufHeader:
    """Read a header, or remember it from the last time, as long as the file did not change.

    Raises:
        BrokenFile: where any part of it contradicts another part or the size of the file.
    """
    status = path.stat()
    return _read(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=16)
def _read(path: Path, size: int, changed_ns: int) -> GgufHeader:
    del changed_ns  # part of what is remembered
    with path.open("rb") as file:
        reader = _Reader(path, file, size)
        reader.take(len(MAGIC))
        version = reader.number("<I")
        if version not in (2, 3):
            is_turned = int.from_bytes(version.to_bytes(4, "little"), "big") in (2, 3)
            told = (
                "with the bytes of its numbers in the other order" if is_turned else f"of version {version}"
            )
            raise BrokenFile(path, f"it is GGUF {told}; versions 2 and 3, lowest byte first, are known")
        tensors, fields = reader.number("<Q"), reader.number("<Q")
        if tensors * _LEAST_TENSOR + fields * _LEAST_FIELD > reader.left:
            raise BrokenFile(
                path, f"its header claims {tensors} tensors and {fields} fields, more than the file can hold"
            )
        return _tensors(reader, tensors, _fields(reader, fields))


@dataclass
class _Fields:
    metadata: dict[str, str] = field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    alignment: int = 32


def _fields(reader: "_Reader", count: int) -> _Fields:
    found = _Fields()
    keys = set()
    for _ in range(count):
        key = reader.text()
        kind = reader.number("<I")
        value = reader.value(kind)
        if not key or key in keys:
            raise BrokenFile(reader.path, f"its header has the field {key[:80]!r} twice, or without a name")
        keys.add(key)
        if key == _ALIGNMENT:
            is_valid = kind == _UINT32 and 0 < value <= _LARGEST_ALIGNMENT and value & (value - 1) == 0
            if not is_valid:
                raise BrokenFile(reader.path, f"its tensors are said to lie at multiples of {value!r:.40}")
            found.alignment = value
        if key.startswith(SHAPE_OF) and isinstance(value, list):
            found.shapes[key.removeprefix(SHAPE_OF)] = _shape(reader.path, key, value)
        elif isinstance(value, str | int | float | bool):
            found.metadata[key] = str(value)[:_SHOWN_TEXT]
    return found


def _tensors(reader: "_Reader", count: int, fields: _Fields) -> GgufHeader:
    path = reader.path
    described = []
    for _ in range(count):
        name = reader.text()
        rank = reader.number("<I")
        if rank > _LARGEST_RANK:
            raise BrokenFile(path, f"{name[:80]!r} claims {rank} dimensions")
        shape = _shape(path, name, [reader.number("<Q") for _ in range(rank)][::-1])
        described.append((name, shape, reader.number("<I"), reader.number("<Q")))
    start = -(-reader.place // fields.alignment) * fields.alignment
    entries: dict[str, TensorEntry] = {}
    types: dict[str, int] = {}
    for name, shape, code, offset in described:
        if name in entries:
            raise BrokenFile(path, f"{name[:80]!r} occurs twice")
        if offset % fields.alignment:
            raise BrokenFile(path, f"{name[:80]!r} lies at no multiple of {fields.alignment} bytes")
        kind = TYPES.get(code)
        size = 0 if kind is None else _size_bytes(path, name, shape, kind)
        known = fields.shapes.get(name, shape)
        if math.prod(known) != math.prod(shape):
            raise BrokenFile(path, f"{name[:80]!r} of shape {shape} cannot have been of shape {known}")
        dtype = f"type {code}" if kind is None else kind.name
        entries[name] = TensorEntry(dtype, known, start + offset, start + offset + size)
        types[dtype] = types.get(dtype, 0) + math.prod(shape)
    _check_layout(path, entries, reader.size)
    return GgufHeader(entries, dict(sorted(types.items(), key=lambda item: -item[1])), fields.metadata)


def _shape(path: Path, name: str, sizes: list[Any]) -> tuple[int, ...]:
    shape = tuple(sizes)
    if not all(isinstance(size, int) and 0 < size < 2**48 for size in shape) or math.prod(shape) >= 2**63:
        raise BrokenFile(path, f"{name[:80]!r} has no valid shape")
    return shape


def _size_bytes(path: Path, name: str, shape: tuple[int, ...], kind: NumberType) -> int:
    if shape and shape[-1] % kind.numbers:
        raise BrokenFile(
            path, f"{name[:80]!r} has rows of {shape[-1]}, no multiple of the {kind.numbers} of {kind.name}"
        )
    return -(-math.prod(shape) // kind.numbers) * kind.size_bytes


def _check_layout(path: Path, entries: Mapping[str, TensorEntry], size: int) -> None:
    """Tensors must lie in the file, without sharing bytes."""
    end = 0
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].begin, item[1].end)):
        if entry.begin < end:
            raise BrokenFile(path, f"{name[:80]!r} overlaps another tensor")
        end = entry.end
        if end > size:
            raise BrokenFile(path, f"it is cut off: {name[:80]!r} ends at byte {end}, but {size} are there")


class _Reader:
    """Reads numbers and texts of a header, never more than the file has, and never much at once."""

    def __init__(self, path: Path, file: BinaryIO, size: int) -> None:
        self.path = path
        self.size = size
        self._file = file
        self._buffer = b""
        self._at = 0
        self._read = 0

    @property
    def place(self) -> int:
        """Where in the file it has come to."""
        return self._read - len(self._buffer) + self._at

    @property
    def left(self) -> int:
        """How many bytes of the file are behind that."""
        return self.size - self.place

    def take(self, count: int) -> bytes:
        """So many bytes."""
        self._fetch(count)
        self._at += count
        return self._buffer[self._at - count : self._at]

    def skip(self, count: int) -> None:
        """Read over so many bytes."""
        if count > self.left:
            raise BrokenFile(self.path, "it is cut off inside its header")
        self._at += count
        if (beyond := self._at - len(self._buffer)) > 0:
            self._read = self._file.seek(beyond, os.SEEK_CUR)
            self._buffer, self._at = b"", 0

    def number(self, form: str) -> Any:
        """A number in a form of `struct`."""
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def text(self) -> str:
        """A text with its length before it."""
        return self.take(self._length()).decode("utf-8", "replace")

    def value(self, code: int) -> Any:
        """A value of a kind; short lists of numbers come back as such, other lists are read over."""
        if code in _SCALARS:
            return self.number(_SCALARS[code])
        if code == _TEXT:
            return self.text()
        if code != _LIST:
            raise BrokenFile(self.path, f"its header has a value of the unknown kind {code}")
        kind, length = self.number("<I"), self.number("<Q")
        if length > _LONGEST_LIST or kind not in (*_SCALARS, _TEXT):
            raise BrokenFile(self.path, f"a list of its header claims {length} values of kind {kind}")
        if kind == _TEXT:
            for _ in range(length):
                self.skip(self._length())
            return None
        if length > _KEPT_LIST:
            return self.skip(length * struct.calcsize(_SCALARS[kind]))
        return [self.number(_SCALARS[kind]) for _ in range(length)]

    def _length(self) -> int:
        self._fetch(8)
        (length,) = struct.unpack_from("<Q", self._buffer, self._at)
        self._at += 8
        if length > _LONGEST_TEXT:
            raise BrokenFile(self.path, f"a text of its header claims {length} bytes")
        return int(length)

    def _fetch(self, count: int) -> None:
        """See to it that so many bytes are there."""
        if self._at + count <= len(self._buffer):
            return
        if count > self.left or self.place + count > _LARGEST_HEADER:
            raise BrokenFile(self.path, "it is cut off inside its header")
        self._buffer = self._buffer[self._at :]
        self._at = 0
        more = self._file.read(max(count - len(self._buffer), _READ_AT_ONCE))
        self._buffer += more
        self._read += len(more)
        if len(self._buffer) < count:
            raise BrokenFile(self.path, "it is cut off inside its header")

"""Answers what a GGUF file holds from its header.

Reference: the format's own description (ggml-org/ggml, docs/gguf.md), versions 2 and 3.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from loaders.errors import BrokenFile

MAGIC = b"GGUF"

_MOST_TENSORS = 1_000_000
_MOST_FIELDS = 100_000
_LONGEST_TEXT = 10_000_000
_LONGEST_LIST = 10_000_000
_LARGEST_RANK = 8
_SHOWN_TEXT = 2_000

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
_TEXT, _LIST = 8, 9
# Names of the number types, by the number in the file.
_TYPES = {
    0: "F32",
    1: "F16",
    2: "Q4_0",
    3: "Q4_1",
    6: "Q5_0",
    7: "Q5_1",
    8: "Q8_0",
    9: "Q8_1",
    10: "Q2_K",
    11: "Q3_K",
    12: "Q4_K",
    13: "Q5_K",
    14: "Q6_K",
    15: "Q8_K",
    16: "IQ2_XXS",
    17: "IQ2_XS",
    18: "IQ3_XXS",
    19: "IQ1_S",
    20: "IQ4_NL",
    21: "IQ3_S",
    22: "IQ2_S",
    23: "IQ4_XS",
    24: "I8",
    25: "I16",
    26: "I32",
    27: "I64",
    28: "F64",
    29: "IQ1_M",
    30: "BF16",
}


@dataclass(frozen=True)
class GgufHeader:
    """Tensors by name with their shapes (as torch gives them, slowest axis first), types and texts."""

    shapes: Mapping[str, tuple[int, ...]]
    types: Mapping[str, int]
    metadata: Mapping[str, str]


def read_gguf(path: Path) -> GgufHeader:
    """Read a header; raises BrokenFile where it cannot be believed."""
    with path.open("rb") as file:
        reader = _Reader(path, file)
        reader.take(4)
        version = reader.number("<I")
        if version not in (2, 3):
            raise BrokenFile(path, f"it is GGUF of version {version}; versions 2 and 3 are known")
        tensors, fields = reader.number("<Q"), reader.number("<Q")
        if tensors > _MOST_TENSORS or fields > _MOST_FIELDS:
            raise BrokenFile(path, f"its header claims {tensors} tensors and {fields} fields")
        metadata = {}
        for _ in range(fields):
            key = reader.text()
            value = reader.value(reader.number("<I"))
            if isinstance(value, str | int | float | bool):
                metadata[key] = str(value)[:_SHOWN_TEXT]
        return _tensors(reader, tensors, metadata)


def _tensors(reader: "_Reader", count: int, metadata: Mapping[str, str]) -> GgufHeader:
    shapes: dict[str, tuple[int, ...]] = {}
    types: dict[str, int] = {}
    for _ in range(count):
        name = reader.text()
        rank = reader.number("<I")
        if rank > _LARGEST_RANK:
            raise BrokenFile(reader.path, f"{name[:80]!r} claims {rank} dimensions")
        shape = tuple(reader.number("<Q") for _ in range(rank))[::-1]
        code = reader.number("<I")
        reader.number("<Q")
        shapes[name] = shape
        numbers = 1
        for size in shape:
            numbers *= size
        kind = _TYPES.get(code, f"type {code}")
        types[kind] = types.get(kind, 0) + numbers
    return GgufHeader(shapes, dict(sorted(types.items(), key=lambda item: -item[1])), metadata)


class _Reader:
    """Reads numbers and texts of a header, never more than the file has."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self._file = file
        self._left = path.stat().st_size

    def take(self, count: int) -> bytes:
        """So many bytes."""
        if count > self._left:
            raise BrokenFile(self.path, "it is cut off inside its header")
        self._left -= count
        data = self._file.read(count)
        if len(data) < count:
            raise BrokenFile(self.path, "it is cut off inside its header")
        return data

    def number(self, form: str) -> Any:
        """A number in a form of `struct`."""
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def text(self) -> str:
        """A text with its length before it."""
        length = self.number("<Q")
        if length > _LONGEST_TEXT:
            raise BrokenFile(self.path, f"a text of its header claims {length} bytes")
        return self.take(length).decode("utf-8", "replace")

    def value(self, code: int) -> Any:
        """A value of a kind; lists are read over and come back as None."""
        if code in _SCALARS:
            return self.number(_SCALARS[code])
        if code == _TEXT:
            return self.text()
        if code != _LIST:
            raise BrokenFile(self.path, f"its header has a value of the unknown kind {code}")
        kind, length = self.number("<I"), self.number("<Q")
        if length > _LONGEST_LIST or kind == _LIST:
            raise BrokenFile(self.path, f"a list of its header claims {length} values of kind {kind}")
        if kind in _SCALARS:
            self.take(length * struct.calcsize(_SCALARS[kind]))
        else:
            for _ in range(length):
                self.value(kind)
        return None

"""Answers what a safetensors file holds from its header alone, and whether that header can be believed.

Reference: the format's own description (huggingface/safetensors, README, "Format").
"""

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from loaders.errors import BrokenFile

LARGEST_HEADER = 100_000_000
LARGEST_RANK = 32

# Bytes of one number by the format's name for its type.
ITEM_BYTES: Mapping[str, int] = {
    "F64": 8,
    "F32": 4,
    "F16": 2,
    "BF16": 2,
    "F8_E4M3": 1,
    "F8_E5M2": 1,
    "F8_E8M0": 1,
    "I64": 8,
    "I32": 4,
    "I16": 2,
    "I8": 1,
    "U64": 8,
    "U32": 4,
    "U16": 2,
    "U8": 1,
    "BOOL": 1,
    "C64": 8,
}


@dataclass(frozen=True)
class TensorEntry:
    """A tensor's number type by the format's name and where it lies, in bytes from the start of the file."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True)
class Header:
    """The tensors of a file by name, and its metadata."""

    entries: Mapping[str, TensorEntry]
    metadata: Mapping[str, str]


def looks_like_safetensors(start: bytes, size: int) -> bool:
    """Whether a file of some size begins as the format does: with a length that fits it, then a table."""
    return len(start) > 8 and start[8:9] == b"{" and struct.unpack("<Q", start[:8])[0] < size


def read_header(path: Path) -> Header:
    """Read and check a header; nothing behind it is read.

    Raises:
        BrokenFile: if any part of it contradicts another part or the size of the file.
    """
    with path.open("rb") as file:
        size = path.stat().st_size
        fields = _read_fields(path, file, size)
        start = file.tell()
    metadata = fields.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise BrokenFile(path, "its __metadata__ is not a table of texts")
    entries = {name: _entry(path, name, field, start) for name, field in fields.items()}
    _check_layout(path, entries, start, size)
    return Header(entries, metadata)


def _read_fields(path: Path, file: BinaryIO, size: int) -> dict[str, Any]:
    prefix = file.read(8)
    if size == 0:
        raise BrokenFile(path, "it is empty")
    if len(prefix) < 8:
        raise BrokenFile(path, f"it is {size} bytes long, too short for a safetensors file")
    (length,) = struct.unpack("<Q", prefix)
    if length > size - 8 and (prefix[:2] == b"PK" or prefix[:1] == b"\x80"):
        raise BrokenFile(path, "it is a pickle that was given the ending of a safetensors file")
    if length > size - 8 and _is_text(prefix):
        start = (prefix + file.read(32)).decode("latin-1").splitlines()[0]
        raise BrokenFile(path, f"it is text, not weights: it starts with {start!r}")
    if length > LARGEST_HEADER:
        raise BrokenFile(path, f"its header claims {length} bytes; more than {LARGEST_HEADER} are not read")
    if length > size - 8:
        raise BrokenFile(path, f"it is cut off: its header claims {length} bytes, but {size - 8} are there")
    try:
        fields = json.loads(file.read(length).decode("utf-8"), object_pairs_hook=_unique_keys)
    except (ValueError, RecursionError) as error:
        raise BrokenFile(path, f"its header is not valid ({error})") from error
    if not isinstance(fields, dict):
        raise BrokenFile(path, "its header is not a table of tensors")
    return fields


def _is_text(start: bytes) -> bool:
    """Whether a file begins like a page or a note that was saved in the place of weights."""
    return all(byte in b"\t\n\r" or 0x20 <= byte < 0x7F for byte in start)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        raise ValueError("a name occurs twice")
    return table


def _entry(path: Path, name: str, field: Any, start: int) -> TensorEntry:
    shown = repr(name[:80])
    if not isinstance(field, dict):
        raise BrokenFile(path, f"its header says nothing usable about {shown}")
    dtype = field.get("dtype")
    if not isinstance(dtype, str) or dtype not in ITEM_BYTES:
        raise BrokenFile(path, f"{shown} has the number type {str(dtype)[:20]!r}, which is not known")
    shape, offsets = _counts(field.get("shape")), _counts(field.get("data_offsets"))
    if shape is None or len(shape) > LARGEST_RANK:
        raise BrokenFile(path, f"{shown} has no valid shape")
    if offsets is None or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise BrokenFile(path, f"{shown} has no valid place in the file")
    needed = math.prod(shape) * ITEM_BYTES[dtype]
    if offsets[1] - offsets[0] != needed:
        raise BrokenFile(
            path, f"{shown} of shape {shape} needs {needed} bytes but has {offsets[1] - offsets[0]}"
        )
    return TensorEntry(dtype, tuple(shape), start + offsets[0], start + offsets[1])


def _counts(values: Any) -> list[int] | None:
    if isinstance(values, list) and all(type(value) is int and 0 <= value < 2**63 for value in values):
        return values
    return None


def _check_layout(path: Path, entries: Mapping[str, TensorEntry], start: int, size: int) -> None:
    """Tensors must fill the file without gaps and without sharing bytes."""
    position = start
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].begin, item[1].end)):
        if entry.begin != position:
            problem = "overlaps another tensor" if entry.begin < position else "leaves a gap before it"
            raise BrokenFile(path, f"{name[:80]!r} {problem}")
        position = entry.end
    if position > size:
        raise BrokenFile(path, f"it is cut off: {position} bytes are described, but {size} are there")
    if position < size:
        raise BrokenFile(path, f"it holds {size - position} bytes that its header does not describe")

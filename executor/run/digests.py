"""Texts that are equal when values are, for values where telling is cheap."""

import struct
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from hashlib import blake2b
from typing import Any

from executor.run.cache import Many

LIMIT_BYTES = 2**20
DEEPEST = 8
SHORT_TEXT = 64


class TooCostly(Exception):  # noqa: N818 - a verdict, not an error
    """The value is too large to compare, or of a kind that cannot be."""


def digest(value: Any) -> str | None:
    """A text that two values share if and only if they are equal bit by bit; None where that costs too much.

    Numbers, texts, lists and mappings of them, arrays and tensors of up to a mebibyte in all, and dataclasses
    made of these.
    """
    kind = type(value)
    if kind is int or kind is bool or value is None:
        return f"{kind.__name__} {value}"
    if kind is str and len(value) <= SHORT_TEXT:
        return f"str {value}"
    if kind is float:
        return "float " + struct.pack(">d", value).hex()
    hash_ = blake2b(digest_size=16)
    try:
        _feed(value, hash_, LIMIT_BYTES, 0)
    except TooCostly:
        return None
    return "hash " + hash_.hexdigest()


def _feed(value: Any, hash_: "blake2b", left: int, depth: int) -> int:
    """Add a value to a hash, and say how many of the bytes allowed are left."""
    left -= 16
    if left < 0 or depth > DEEPEST:
        raise TooCostly
    kind = type(value)
    if value is None or kind in (int, bool):
        return _write(hash_, f"{kind.__name__} {value};".encode(), left)
    if kind is float:
        return _write(hash_, b"f" + struct.pack(">d", value), left)
    if kind in (str, bytes, bytearray):
        data = value.encode("utf-8", "backslashreplace") if kind is str else value
        return _write(hash_, f"{kind.__name__} {len(data)};".encode() + data, left)
    if isinstance(value, Many):
        return _feed_all("many", value.values, hash_, left, depth)
    if isinstance(value, list | tuple):
        return _feed_all(kind.__qualname__, value, hash_, left, depth)
    if isinstance(value, Mapping):
        left = _feed_all("keys", list(value), hash_, left, depth)
        return _feed_all("values", list(value.values()), hash_, left, depth)
    if is_dataclass(value) and not isinstance(value, type):
        entries = [getattr(value, field.name) for field in fields(value)]
        return _feed_all(f"{kind.__module__}.{kind.__qualname__}", entries, hash_, left, depth)
    return _feed_array(value, hash_, left)


def _feed_all(
    name: str, values: "list[Any] | tuple[Any, ...]", hash_: "blake2b", left: int, depth: int
) -> int:
    left = _write(hash_, f"{name} {len(values)};".encode(), left)
    for value in values:
        left = _feed(value, hash_, left, depth + 1)
    return left


def _feed_array(value: Any, hash_: "blake2b", left: int) -> int:
    """Add an array or a tensor, known by having a shape, a type of elements and a size."""
    size, shape = getattr(value, "nbytes", None), getattr(value, "shape", None)
    if not isinstance(size, int) or shape is None or isinstance(value, type) or size > left:
        raise TooCostly
    if getattr(getattr(value, "dtype", None), "hasobject", False):
        raise TooCostly  # an array of pointers
    try:
        data = value.tobytes() if hasattr(value, "tobytes") else value.detach().cpu().numpy().tobytes()
    except (AttributeError, TypeError, ValueError, RuntimeError):
        raise TooCostly from None
    head = f"{type(value).__qualname__} {getattr(value, 'dtype', '')} {tuple(shape)};"
    return _write(hash_, head.encode() + data, left)


def _write(hash_: "blake2b", data: bytes | bytearray, left: int) -> int:
    if len(data) > left:
        raise TooCostly
    hash_.update(data)
    return left - len(data)

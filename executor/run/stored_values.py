"""How values are written down: numbers, texts, lists and mappings here, all else by codecs handed in."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from executor.run.cache import Many
from nodes.api.results import Blocked

DEEPEST = 50


class Unstorable(Exception):  # noqa: N818 - a verdict, not an error
    """The value is of a kind that nobody can write down."""


@dataclass(frozen=True)
class Packed:
    """A value taken apart: something JSON can hold, bytes, and values that are written down in turn."""

    meta: Any = None
    data: bytes = b""
    parts: Mapping[str, Any] = field(default_factory=dict)


class Codec(Protocol):
    """Takes values of one kind apart and puts them together again, the same bit by bit."""

    @property
    def kind(self) -> str:
        """The name under which the values are stored."""
        ...

    def pack(self, value: Any) -> Packed | None:
        """The value taken apart, or None if it is not of this kind."""
        ...

    def unpack(self, packed: Packed) -> Any:
        """The value again."""
        ...


class Values:
    """Writes values as JSON plus pieces of bytes, and reads them again."""

    def __init__(self, codecs: Sequence[Codec]) -> None:
        self.codecs = tuple(codecs)
        self.by_kind = {codec.kind: codec for codec in codecs}

    def write(self, value: Any, pieces: list[bytes], depth: int = 0) -> Any:
        """JSON for a value; its bytes are added to the pieces. Raises Unstorable."""
        if depth > DEEPEST:
            raise Unstorable
        kind = type(value)
        if value is None or kind in (bool, int, str):
            return [value]
        if kind is float:
            return ["float", struct.pack(">d", value).hex()]
        if kind is bytes:
            pieces.append(value)
            return ["bytes", len(pieces) - 1]
        if kind is Blocked:
            return ["blocked", value.message]
        if kind in (list, tuple):
            return [kind.__name__, [self.write(entry, pieces, depth + 1) for entry in value]]
        if kind is Many:
            return ["many", [self.write(entry, pieces, depth + 1) for entry in value.values]]
        if kind is dict:
            pairs = [[self.write(part, pieces, depth + 1) for part in pair] for pair in value.items()]
            return ["dict", pairs]
        for codec in self.codecs:
            packed = codec.pack(value)
            if packed is not None:
                pieces.append(packed.data)
                place = len(pieces) - 1
                parts = {name: self.write(part, pieces, depth + 1) for name, part in packed.parts.items()}
                return ["codec", codec.kind, packed.meta, place, parts]
        raise Unstorable

    def read(self, entry: Any, pieces: Sequence[bytes]) -> Any:
        """The value that was written."""
        if len(entry) == 1:
            return entry[0]
        match entry:
            case ["float", text]:
                return struct.unpack(">d", bytes.fromhex(text))[0]
            case ["bytes", place]:
                return pieces[place]
            case ["blocked", message]:
                return Blocked(message)
            case ["list", entries]:
                return [self.read(part, pieces) for part in entries]
            case ["tuple", entries]:
                return tuple(self.read(part, pieces) for part in entries)
            case ["many", entries]:
                return Many(tuple(self.read(part, pieces) for part in entries))
            case ["dict", pairs]:
                return {self.read(name, pieces): self.read(part, pieces) for name, part in pairs}
            case ["codec", kind, meta, place, parts]:
                inner = {name: self.read(part, pieces) for name, part in parts.items()}
                return self.by_kind[kind].unpack(Packed(meta, pieces[place], inner))
        raise ValueError(f"a stored value has the unknown form {str(entry)[:60]}")

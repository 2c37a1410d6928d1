"""Answers what tensors a pickle describes, by reading its instructions with every name in it made harmless.

Nothing that the pickle names is imported or called: tensors become their shapes, all else becomes an empty
object. The weights themselves are not read.
"""

import collections
import io
import pickle
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loaders.errors import BrokenFile

# What zip archives lead to that were cut or changed.
_DAMAGED = (zipfile.BadZipFile, OSError, RuntimeError, ValueError, EOFError, struct.error, zlib.error)
_LARGEST_PICKLE = 100_000_000
_DEEPEST = 8
_MOST_PLACES = 1_000_000
_SHOWN_NAMES = 3

_DTYPES = {
    "FloatStorage": "F32",
    "HalfStorage": "F16",
    "BFloat16Storage": "BF16",
    "DoubleStorage": "F64",
    "LongStorage": "I64",
    "IntStorage": "I32",
    "ShortStorage": "I16",
    "CharStorage": "I8",
    "ByteStorage": "U8",
    "BoolStorage": "BOOL",
}
_HARMLESS = (
    "torch",
    "collections",
    "numpy",
    "_codecs",
    "pytorch_lightning",
    "__builtin__",
    "builtins",
    "argparse",
)
_DANGEROUS = {
    ("__builtin__", "eval"),
    ("__builtin__", "exec"),
    ("__builtin__", "getattr"),
    ("builtins", "eval"),
    ("builtins", "exec"),
    ("builtins", "getattr"),
    ("builtins", "__import__"),
    ("__builtin__", "__import__"),
}


@dataclass(frozen=True)
class PickledShapes:
    """Tensors by name with their shapes, number types, and what is odd about the file."""

    shapes: Mapping[str, tuple[int, ...]]
    types: Mapping[str, int]
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class _Tensor:
    dtype: str
    shape: tuple[int, ...]


class _Anything:
    """Stands for whatever a pickle names; made of anything, it does nothing."""

    def __new__(cls, *given: Any, **named: Any) -> "_Anything":
        return super().__new__(cls)

    def __init__(self, *given: Any, **named: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, value: Any) -> None:
        """Take a list's item and forget it."""

    def extend(self, values: Any) -> None:
        """Take a list's items and forget them."""


def read_pickle_shapes(path: Path) -> PickledShapes:
    """The tensors that a pickle of torch describes.

    Raises:
        BrokenFile: if it is damaged, too large, or describes none.
    """
    reader = _Reader(io.BytesIO(_instructions(path)))
    try:
        content = reader.load()
        # Files from before 2020 open with a number, a version and a table; the content is the fourth pickle.
        if isinstance(content, int):
            reader.load()
            reader.load()
            content = reader.load()
    except (
        pickle.UnpicklingError,
        EOFError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        UnicodeError,
        OverflowError,
        MemoryError,
        RecursionError,
        ImportError,
    ) as error:
        raise BrokenFile(path, f"it cannot be read as a file of weights ({error})"[:300]) from error
    tensors = dict(_named(_top(content)))
    if not tensors:
        raise BrokenFile(path, "it holds no tensors by name" + _asks(reader.asked))
    counts: dict[str, int] = {}
    for tensor in tensors.values():
        numbers = 1
        for size in tensor.shape:
            numbers *= size
        counts[tensor.dtype] = counts.get(tensor.dtype, 0) + numbers
    remarks = (f"it{_asks(reader.asked)[4:]}",) if reader.asked else ()
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    return PickledShapes(shapes, dict(sorted(counts.items(), key=lambda item: -item[1])), remarks)


def _instructions(path: Path) -> bytes:
    """The pickle inside a file, without the weights beside it."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                found = [info for info in archive.infolist() if info.filename.endswith("data.pkl")]
                if not found:
                    raise BrokenFile(path, "it is a zip archive without weights of torch in it")
                if found[0].file_size > _LARGEST_PICKLE:
                    raise BrokenFile(path, f"its table claims {found[0].file_size} bytes")
                return archive.read(found[0])
    except _DAMAGED as error:
        raise BrokenFile(path, f"its archive is damaged ({error})"[:300]) from error
    with path.open("rb") as file:
        return file.read(_LARGEST_PICKLE)


class _Reader(pickle.Unpickler):
    """Reads instructions; `asked` gathers names that no file of weights needs."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.asked: list[str] = []

    def find_class(self, module: str, name: str) -> Any:
        """What stands for a name: a maker of shapes, a table, or nothing at all."""
        if module == "collections" and name == "OrderedDict":
            return collections.OrderedDict
        if module == "torch._utils" and name in ("_rebuild_tensor_v2", "_rebuild_tensor"):
            return _rebuilt
        if module == "torch._utils" and name == "_rebuild_parameter":
            return _rebuilt_parameter
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        if module.partition(".")[0] not in _HARMLESS or (module, name) in _DANGEROUS:
            self.asked.append(f"{module}.{name}"[:100])
        return _Anything

    def persistent_load(self, pid: Any) -> Any:
        """A storage beside the pickle: its number type."""
        if isinstance(pid, tuple) and len(pid) > 1 and isinstance(pid[1], str):
            return pid[1]
        return "unknown"


def _rebuilt(storage: Any, offset: Any, size: Any, *rest: Any) -> Any:
    if isinstance(size, tuple) and all(isinstance(count, int) and count >= 0 for count in size):
        return _Tensor(storage if isinstance(storage, str) else "unknown", size)
    return _Anything()


def _rebuilt_parameter(data: Any, *rest: Any) -> Any:
    return data


def _top(content: Any) -> Any:
    """Where training programs put weights: under `state_dict`, in the only table of them, or at the top."""
    if isinstance(content, dict):
        inner = content.get("state_dict")
        if isinstance(inner, dict):
            return inner
        if len(content) == 1 and isinstance(only := next(iter(content.values())), dict):
            return only
        tables = [value for value in content.values() if _has_tensors(value)]
        if len(tables) == 1 and not _has_tensors(content):
            return tables[0]
    return content


def _has_tensors(table: Any) -> bool:
    return isinstance(table, dict) and any(isinstance(value, _Tensor) for value in table.values())


def _named(content: Any) -> Iterator[tuple[str, _Tensor]]:
    """Tensors in nested tables by their dotted names."""
    waiting = [("", content, 0)]
    for _ in range(_MOST_PLACES):
        if not waiting:
            return
        prefix, value, depth = waiting.pop()
        if isinstance(value, _Tensor):
            yield prefix.rstrip("."), value
        elif isinstance(value, dict) and depth <= _DEEPEST:
            waiting += [(f"{prefix}{key}.", inner, depth + 1) for key, inner in reversed(value.items())]


def _asks(names: list[str]) -> str:
    if not names:
        return ""
    shown = ", ".join(sorted(set(names))[:_SHOWN_NAMES])
    return f"; it asks to run {shown}, which is refused when it is opened; nothing in it was run"

"""Answers which tensors a weight file holds and reads them one by one, never running anything in it."""

import importlib
import pickle
import re
import struct
import warnings
import zipfile
import zlib
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from loaders.bulk_read import Passing, Span, read_spans
from loaders.errors import BrokenFile
from loaders.headers_alone import headers_alone, is_left_out
from loaders.identify.gguf_header import MAGIC, read_gguf
from loaders.safetensors_header import TensorEntry, looks_like_safetensors, read_header
from loaders.wrapped import unwrapped
from models.packed.gguf import BLOCK_TYPES, Gguf
from models.packed.tensor import Packed

DTYPES: Mapping[str, torch.dtype] = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "F8_E8M0": torch.float8_e8m0fnu,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U64": torch.uint64,
    "U32": torch.uint32,
    "U16": torch.uint16,
    "U8": torch.uint8,
    "BOOL": torch.bool,
    "C64": torch.complex64,
}

SAFETENSORS = frozenset({".safetensors", ".sft"})

Shape = tuple[int, ...]
# Whether whoever reads a tensor of some number type copies it before asking for the next.
Copies = Callable[[torch.dtype], bool]


def copies_nothing(dtype: torch.dtype) -> bool:
    """For readers that keep tensors as they come."""
    return False


class Weights(Mapping[str, Shape]):
    """The tensors of a file: name -> shape as a mapping, each read when asked for.

    Attributes:
        path: the file.
        metadata: texts that came with it (safetensors only).
        taken: names of the tensors that were read so far.
    """

    def __init__(self, path: Path, metadata: Mapping[str, str]) -> None:
        self.path = path
        self.metadata = metadata
        self.taken: set[str] = set()

    def read(self, name: str) -> Tensor:
        """A tensor in memory of its own, on the CPU, as the file has it."""
        with headers_alone(False):
            return next(self.read_many([name]))[1]

    @abstractmethod
    def read_many(
        self, names: Iterable[str], copies: Copies = copies_nothing
    ) -> Iterator[tuple[str, Tensor]]:
        """Tensors with their names, in the order that is quickest to read.

        Args:
            names: which ones.
            copies: where it says so, a tensor is only valid until the next one is asked for.
        """


class StoredWeights(Weights):
    """A file whose header tells where each tensor lies; only the header is held.

    What stands in blocks comes packed, for float32; everything else as the numbers it is stored as.
    """

    def __init__(self, path: Path, metadata: Mapping[str, str], entries: Mapping[str, TensorEntry]) -> None:
        """What the header says: of the whole, and by name the type, the shape and the place of tensors."""
        super().__init__(path, metadata)
        self._entries = unwrapped(entries)

    def __getitem__(self, name: str) -> Shape:
        return self._entries[name].shape

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def read_many(
        self, names: Iterable[str], copies: Copies = copies_nothing
    ) -> Iterator[tuple[str, Tensor]]:
        """Tensors with their names, in file order.

        Those that are kept as they come share one block of memory; those that are copied anyway are looked
        at in passing, because fresh memory costs more than the reading.

        Raises:
            BrokenFile: for a tensor of a type that cannot be opened, before any is read.
        """
        wanted = sorted(names, key=lambda name: self._entries[name].begin)
        spans = {name: Span(self._entries[name].begin, self._entries[name].end) for name in wanted}
        kept = [name for name in wanted if (dtype := self._plain(name)) is None or not copies(dtype)]
        blocks = dict(zip(kept, read_spans(self.path, [spans[name] for name in kept]), strict=True))
        passing = Passing(self.path, sum(spans[name].size for name in wanted if name not in blocks))
        for name in wanted:
            entry, dtype = self._entries[name], self._plain(name)
            buffer = blocks.pop(name) if name in blocks else passing.read(spans[name])
            self.taken.add(name)
            if dtype is not None:
                yield name, _typed(buffer, dtype).reshape(entry.shape)
            else:
                parts = {"blocks": buffer.view(-1, BLOCK_TYPES[entry.dtype].size_bytes)}
                yield name, Packed(parts, Gguf(entry.dtype), entry.shape, torch.float32)

    def _plain(self, name: str) -> torch.dtype | None:
        """The type of a tensor that is stored as plain numbers, None for one in blocks."""
        kind = self._entries[name].dtype
        if kind not in DTYPES and kind not in BLOCK_TYPES:
            known = ", ".join(BLOCK_TYPES)
            raise BrokenFile(
                self.path, f"{name} is stored as {kind}, which cannot be opened; those that can are {known}"
            )
        return DTYPES.get(kind)


class SafetensorsWeights(StoredWeights):
    """A safetensors file."""

    def __init__(self, path: Path) -> None:
        header = read_header(path)
        super().__init__(path, header.metadata, header.entries)


class GgufWeights(StoredWeights):
    """A GGUF file."""

    def __init__(self, path: Path) -> None:
        header = read_gguf(path)
        super().__init__(path, header.metadata, header.entries)


class PickledWeights(Weights):
    """The tensors of a restricted pickle; where the file allows it they stay in it until they are read."""

    def __init__(self, path: Path, tensors: Mapping[str, Tensor]) -> None:
        super().__init__(path, {})
        self._tensors = tensors

    def __getitem__(self, name: str) -> Shape:
        return tuple(self._tensors[name].shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)

    def read_many(
        self, names: Iterable[str], copies: Copies = copies_nothing
    ) -> Iterator[tuple[str, Tensor]]:
        """Tensors with their names, in the order asked for."""
        for name in names:
            self.taken.add(name)
            tensor = self._tensors[name].detach()
            if is_left_out(tensor.nbytes):
                yield name, torch.empty_like(tensor, device="meta")
                continue
            yield (
                name,
                tensor if copies(tensor.dtype) else tensor.clone(memory_format=torch.contiguous_format),
            )


def open_file(path: Path) -> Weights:
    """Open one weight file: safetensors, GGUF, or a pickle read in torch's restricted way.

    Raises:
        BrokenFile: for a damaged file, or a pickle that asks to run anything.
    """
    if _starts_as_gguf(path):
        return GgufWeights(path)
    if path.suffix.lower() in SAFETENSORS or _looks_like_safetensors(path):
        return SafetensorsWeights(path)
    content = read_pickle(path)
    tensors = {name: value for name, value in _state_dict(content).items() if isinstance(value, Tensor)}
    if not tensors:
        raise BrokenFile(path, "it holds no tensors by name")
    return PickledWeights(path, unwrapped(tensors))


def read_pickle(path: Path) -> Any:
    """The content of a pickle of tensors and plain values; one that names any other function is refused.

    Raises:
        BrokenFile: if it is damaged or asks to run something.
    """
    try:
        with torch.serialization.safe_globals(_harmless_globals()), warnings.catch_warnings():
            # Old files use storage types that torch only warns about.
            warnings.simplefilter("ignore")
            mapped = zipfile.is_zipfile(path)
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        raise BrokenFile(path, _refusal(str(error))) from error
    except (
        RuntimeError,
        AssertionError,
        EOFError,
        OSError,
        ValueError,
        KeyError,
        IndexError,
        TypeError,
        AttributeError,
        struct.error,
        zipfile.BadZipFile,
        UnicodeError,
        OverflowError,
        MemoryError,
        zlib.error,
    ) as error:
        first_line = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise BrokenFile(path, f"it cannot be read as a file of weights ({first_line})") from error


def _typed(buffer: Tensor, dtype: torch.dtype) -> Tensor:
    """Bytes (size,) as numbers; those that do not lie where numbers of the type may are copied first."""
    return (buffer if buffer.data_ptr() % dtype.itemsize == 0 else buffer.clone()).view(dtype)


def _looks_like_safetensors(path: Path) -> bool:
    with path.open("rb") as file:
        return looks_like_safetensors(file.read(9), path.stat().st_size)


def _starts_as_gguf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def _state_dict(content: Any) -> Mapping[str, Any]:
    """Where training programs put weights: under `state_dict`, in the only table of them, or at the top.

    Several tables become one, with the name of each before a dot.
    """
    if isinstance(content, Tensor):
        return {"": content}
    if not isinstance(content, dict):
        return {}
    inner = content.get("state_dict")
    if isinstance(inner, dict):
        return inner
    if len(content) == 1 and isinstance(only := next(iter(content.values())), dict):
        return only
    tables = {name: value for name, value in content.items() if _has_tensors(value)}
    if len(tables) == 1 and not _has_tensors(content):
        return next(iter(tables.values()))
    joined = {f"{name}.{key}": value for name, table in tables.items() for key, value in table.items()}
    return content | joined


def _has_tensors(table: Any) -> bool:
    return isinstance(table, dict) and any(isinstance(value, Tensor) for value in table.values())


def _refusal(message: str) -> str:
    found = re.search(r"GLOBAL ([\w.]+)|([\w.]+) was not an allowed global", message)
    name = (found[1] or found[2]) if found else ""
    if name:
        return (
            f"it is a pickle that asks to run {name[:100]}, which is refused; nothing in it was run. "
            "Ask its maker for a safetensors file"
        )
    return "it is not a plain pickle of weights, or is damaged; nothing in it was run"


def _harmless_globals() -> list[Any]:
    """What training programs leave in checkpoints beside tensors, and which does nothing when called."""
    arrays = importlib.import_module("numpy._core.multiarray")
    numpy = importlib.import_module("numpy")
    codecs = importlib.import_module("_codecs")
    return [
        (_Bystander, "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint"),
        (_Bystander, "argparse.Namespace"),
        (arrays.scalar, "numpy.core.multiarray.scalar"),
        (arrays.scalar, "numpy._core.multiarray.scalar"),
        numpy.dtype,
        numpy.dtypes.Float64DType,
        (codecs.encode, "_codecs.encode"),
    ]


class _Bystander:
    """Stands for a class that some checkpoints name and nobody needs."""

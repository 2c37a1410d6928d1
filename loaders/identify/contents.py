"""Answers what tensors a file of any format holds, from its header: no weights are read, nothing is run."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from loaders.errors import BrokenFile
from loaders.identify.gguf_header import MAGIC, read_gguf
from loaders.identify.pickle_header import read_pickle_shapes
from loaders.identify.quantised import seen
from loaders.safetensors_header import looks_like_safetensors, read_header
from loaders.wrapped import unwrapped

Shape = tuple[int, ...]

GGUF = "gguf"
_LARGEST_INDEX = 50_000_000


@dataclass(frozen=True)
class Contents:
    """What a header says.

    Attributes:
        container: the format ("safetensors", "pickle", "gguf", "sharded safetensors").
        size_bytes: of the file, or of all shards.
        shapes: tensor name -> shape.
        types: number type -> how many numbers are of it, most first.
        metadata: texts that came with it.
        remarks: what is odd about it, in words.
    """

    container: str
    size_bytes: int
    shapes: Mapping[str, Shape]
    types: Mapping[str, int] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def read_contents(path: Path) -> Contents:
    """The contents of a file by its header.

    Raises:
        BrokenFile: if it is damaged, or holds no tensors at all; then it says what it is instead.
    """
    if not path.is_file() and path.exists():
        raise BrokenFile(path, "it is neither a file nor a folder")
    with path.open("rb") as file:
        start = file.read(512)
    if path.suffix == ".json" and ".index." in path.name:
        return _sharded(path)
    if start[:4] == MAGIC:
        header = read_gguf(path)
        tensors = {name: entry.shape for name, entry in unwrapped(header.entries).items()}
        return Contents(GGUF, path.stat().st_size, tensors, header.types, header.metadata)
    if looks_like_safetensors(start, path.stat().st_size):
        return _safetensors(path)
    if start[:2] == b"PK" or start[:1] == b"\x80" or _is_old_tar(start):
        pickled = read_pickle_shapes(path)
        shapes = unwrapped(pickled.shapes)
        return Contents("pickle", path.stat().st_size, shapes, pickled.types, remarks=pickled.remarks)
    if _known_start(start) is None and path.suffix.lower() in {".safetensors", ".sft"}:
        return _safetensors(path)
    raise BrokenFile(path, _other(start))


def _safetensors(path: Path) -> Contents:
    header = read_header(path)
    counts: dict[str, int] = {}
    for entry in header.entries.values():
        numbers = 1
        for size in entry.shape:
            numbers *= size
        counts[entry.dtype] = counts.get(entry.dtype, 0) + numbers
    shapes, remarks = seen(path, unwrapped(header.entries), header.metadata)
    counted = _most_first(counts)
    return Contents("safetensors", path.stat().st_size, shapes, counted, header.metadata, remarks)


def _sharded(path: Path) -> Contents:
    """All the shards that an index names, taken together."""
    if path.stat().st_size > _LARGEST_INDEX:
        raise BrokenFile(path, f"an index of more than {_LARGEST_INDEX} bytes is not read")
    try:
        table = json.loads(path.read_text(encoding="utf-8"))["weight_map"]
        names = sorted({str(name) for name in table.values()})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BrokenFile(path, "it is no index of shards: it has no weight_map") from error
    size, counts = 0, dict[str, int]()
    shapes: dict[str, Shape] = {}
    remarks: list[str] = []
    for name in names:
        shard = path.parent / name
        if Path(name).name != name or not shard.is_file():
            raise BrokenFile(path, f"it names the shard {name!r}, which is not there")
        part = read_contents(shard)
        size += part.size_bytes
        shapes.update(part.shapes)
        remarks += [f"{name}: {remark}" for remark in part.remarks]
        for kind, numbers in part.types.items():
            counts[kind] = counts.get(kind, 0) + numbers
    return Contents("sharded safetensors", size, shapes, _most_first(counts), remarks=tuple(remarks))


def _most_first(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def _is_old_tar(start: bytes) -> bool:
    return start[257:262] == b"ustar"


_STARTS = (
    (
        b"version https://git-lfs",
        "it is a git-lfs pointer, not the file itself: fetch it with `git lfs pull`",
    ),
    (b"\x89PNG", "it is a PNG picture"),
    (b"\xff\xd8\xff", "it is a JPEG picture"),
    (b"RIFF", "it is a RIFF file (WebP picture, sound or film)"),
    (b"GIF8", "it is a GIF picture"),
    (b"\x1f\x8b", "it is compressed with gzip: unpack it first"),
    (b"7z\xbc\xaf", "it is a 7z archive: unpack it first"),
    (b"Rar!", "it is a RAR archive: unpack it first"),
    (b"\x7fELF", "it is a program"),
)


def _known_start(start: bytes) -> str | None:
    """What a file is that begins like one of another format."""
    if start.lstrip()[:64].lower().startswith((b"<!doctype", b"<html")):
        return "it is a web page, perhaps an error page that was saved in the place of the file"
    return next((sentence for magic, sentence in _STARTS if start.startswith(magic)), None)


def _other(start: bytes) -> str:
    """What a file that holds no tensors is instead."""
    if not start:
        return "it is empty"
    if (known := _known_start(start)) is not None:
        return known
    text = start.lstrip()[:64]
    if text.startswith((b"{", b"[")):
        return "it is JSON text, not weights"
    if all(byte in b"\t\n\r" or 0x20 <= byte < 0x7F for byte in start[:64]):
        shown = start[:40].decode("latin-1").splitlines()[0]
        return f"it is text, not weights: it starts with {shown!r}"
    return "it is of no format that weights come in (safetensors, pickle, GGUF)"

"""Answers how tensors of a file come into memory quickest: mapped if in memory already, else read at once.

Fresh memory costs as much as reading. A file that the system holds in its cache anyway is therefore mapped,
copy-on-write: nothing is read and nothing taken. That is for processors only; a graphics card fetches mapped
memory slowly. A file that is cut short while it is mapped ends the process that uses it, which for a worker
means one job.
"""

import ctypes
import mmap
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from loaders.errors import BrokenFile

ALIGNMENT = 64
PIECE_BYTES = 1 << 24
READERS = 4
# Smaller tensors are read: a mapping costs more than they do.
SMALLEST_MAPPING = 1 << 26
# So much of a file must be in the cache for mapping to be the quicker way.
CACHED_SHARE = 0.98


@dataclass(frozen=True)
class Span:
    """Bytes of a file, from `begin` up to `end`."""

    begin: int
    end: int

    @property
    def size(self) -> int:
        """How many."""
        return self.end - self.begin


def read_spans(path: Path, spans: Sequence[Span]) -> list[Tensor]:
    """The bytes of spans of a file, (size,) uint8 each.

    They share one block of memory, which lives as long as any of them.

    Raises:
        BrokenFile: if the file ends before a span does.
    """
    if sum(span.size for span in spans) >= SMALLEST_MAPPING and not torch.cuda.is_available():
        mapped = _mapped(path)
        if mapped is not None and len(mapped) >= max(span.end for span in spans):
            return [mapped[span.begin : span.end] for span in spans]
    places, total = [], 0
    for span in spans:
        places.append(total)
        total += -(-span.size // ALIGNMENT) * ALIGNMENT
    block = torch.empty(total, dtype=torch.uint8)
    pieces = [
        (span.begin + start, place + start, min(PIECE_BYTES, span.size - start))
        for span, place in zip(spans, places, strict=True)
        for start in range(0, span.size, PIECE_BYTES)
    ]
    _read(path, memoryview(cast(Any, block.numpy())), pieces)
    return [block[place : place + span.size] for span, place in zip(spans, places, strict=True)]


def _mapped(path: Path) -> Tensor | None:
    """The file (size,) uint8 as a private mapping, or None where it is not in the system's cache."""
    try:
        with path.open("rb") as file:
            mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    except (OSError, ValueError):
        return None
    content = torch.frombuffer(mapping, dtype=torch.uint8)
    return content if _cached_share(content) >= CACHED_SHARE else None


def _cached_share(content: Tensor) -> float:
    """Which part of a mapping (size,) is in memory; 0 where the system does not tell."""
    pages = -(-len(content) // mmap.PAGESIZE)
    found = torch.empty(pages, dtype=torch.uint8)
    try:
        ask = ctypes.CDLL(None, use_errno=True).mincore
    except (OSError, AttributeError):
        return 0.0
    arguments = ctypes.c_void_p(content.data_ptr()), ctypes.c_size_t(len(content))
    if ask(*arguments, ctypes.c_void_p(found.data_ptr())) != 0:
        return 0.0
    return float((found & 1).float().mean())


def _read(path: Path, view: memoryview, pieces: Sequence[tuple[int, int, int]]) -> None:
    """Read pieces (place in the file, place in the memory, size) with a few threads at once."""
    waiting = iter(pieces)
    taking = threading.Lock()
    problems: list[Exception] = []

    def work(descriptor: int) -> None:
        while not problems:
            with taking:
                piece = next(waiting, None)
            if piece is None:
                return
            try:
                _fill(path, descriptor, view, *piece)
            except (OSError, BrokenFile) as problem:
                problems.append(problem)

    with path.open("rb", buffering=0) as file:
        count = min(READERS, os.cpu_count() or 1, max(1, len(pieces)))
        helpers = [threading.Thread(target=work, args=(file.fileno(),)) for _ in range(count - 1)]
        for helper in helpers:
            helper.start()
        work(file.fileno())
        for helper in helpers:
            helper.join()
    if problems:
        raise problems[0]


def _fill(path: Path, descriptor: int, view: memoryview, begin: int, place: int, size: int) -> None:
    done = 0
    while done < size:
        count = os.preadv(descriptor, [view[place + done : place + size]], begin + done)
        if not count:
            raise BrokenFile(path, "it became shorter while it was read")
        done += count

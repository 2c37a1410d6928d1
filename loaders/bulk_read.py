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
from loaders.headers_alone import bare, is_left_out
from loaders.room import stays_in_file
from models.packed.mapped import mark_mapped

ALIGNMENT = 64
PIECE_BYTES = 1 << 24
READERS = 4
# Smaller tensors are read: a mapping costs more than they do.
SMALLEST_MAPPING = 1 << 26
# So much of a file must be in the cache for mapping to be the quicker way.
CACHED_SHARE = 0.98
# A large file is asked about in so many places, so many pages each: to ask about each page takes long.
SAMPLES, SAMPLED_PAGES = 256, 16


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
    if any(is_left_out(span.size) for span in spans):
        return [bare(span.size) if is_left_out(span.size) else read_spans(path, [span])[0] for span in spans]
    pays = sum(span.size for span in spans) >= SMALLEST_MAPPING and not torch.cuda.is_available()
    if spans and (stays_in_file() or pays):
        mapping = _cached(path, 0.0 if stays_in_file() else CACHED_SHARE)
        if mapping is not None and len(mapping) >= max(span.end for span in spans):
            mapped = torch.frombuffer(mapping, dtype=torch.uint8)
            mark_mapped(mapped)
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


class Passing:
    """The bytes of a file for a reader who copies each span before asking for the next, in file order.

    A file in the system's cache is looked at where it is, and let go of behind the reader.
    """

    def __init__(self, path: Path, total: int) -> None:
        """total: how many bytes will be asked for."""
        self._path = path
        self._content = torch.empty(0, dtype=torch.uint8)
        self._let_go = 0
        self._mapping = _cached(path, CACHED_SHARE) if total >= SMALLEST_MAPPING else None
        if self._mapping is not None:
            self._content = torch.frombuffer(self._mapping, dtype=torch.uint8)

    def read(self, span: Span) -> Tensor:
        """The bytes (size,) uint8 of a span, valid until the next one is asked for.

        Raises:
            BrokenFile: if the file ends before the span does.
        """
        if is_left_out(span.size):
            return bare(span.size)
        if self._mapping is not None and span.end <= len(self._content):
            behind = span.begin // PIECE_BYTES * PIECE_BYTES
            if behind > self._let_go and hasattr(mmap, "MADV_DONTNEED"):
                self._mapping.madvise(mmap.MADV_DONTNEED, self._let_go, behind - self._let_go)
                self._let_go = behind
            return self._content[span.begin : span.end]
        if self._mapping is not None or len(self._content) < span.size:
            self._mapping, self._content = None, torch.empty(span.size, dtype=torch.uint8)
        buffer = self._content[: span.size]
        with self._path.open("rb", buffering=0) as file:
            _fill(self._path, file.fileno(), memoryview(cast(Any, buffer.numpy())), span.begin, 0, span.size)
        return buffer


def _cached(path: Path, least: float) -> mmap.mmap | None:
    """A file as a private mapping, or None where less than a share of it is in the system's cache."""
    try:
        with path.open("rb") as file:
            mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    except (OSError, ValueError):
        return None
    share = _cached_share(torch.frombuffer(mapping, dtype=torch.uint8)) if least else 1.0
    return mapping if share >= least else None


def _cached_share(content: Tensor) -> float:
    """Which part of a mapping (size,) is in memory, by samples of it; 0 where the system does not tell."""
    pages = -(-len(content) // mmap.PAGESIZE)
    window = pages if pages <= SAMPLES * SAMPLED_PAGES else SAMPLED_PAGES
    found = torch.empty(window, dtype=torch.uint8)
    try:
        ask = ctypes.CDLL(None, use_errno=True).mincore
    except (OSError, AttributeError):
        return 0.0
    counted = present = 0
    for sample in range(SAMPLES if window < pages else 1):
        begin = (pages - window) * sample // max(1, SAMPLES - 1) * mmap.PAGESIZE
        size = min(window * mmap.PAGESIZE, len(content) - begin)
        place = ctypes.c_void_p(content.data_ptr() + begin)
        if ask(place, ctypes.c_size_t(size), ctypes.c_void_p(found.data_ptr())) != 0:
            return 0.0
        counted += window
        present += int((found & 1).sum())
    return present / counted


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

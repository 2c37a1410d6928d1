"""Do spans of a file come into memory whole, whichever way they are fetched?"""

import mmap
import os
from pathlib import Path

import pytest
import torch

from loaders import bulk_read
from loaders.bulk_read import Passing, Span, read_spans
from loaders.errors import BrokenFile


@pytest.fixture
def content(tmp_path: Path) -> tuple[Path, bytes]:
    data = os.urandom(300_001)
    path = tmp_path / "file"
    path.write_bytes(data)
    return path, data


SPANS = [Span(5, 70_000), Span(70_000, 70_000), Span(100_001, 300_001)]


@pytest.mark.parametrize("mapped", [False, True])
def test_spans_are_the_bytes_of_the_file(
    content: tuple[Path, bytes], mapped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, data = content
    monkeypatch.setattr(bulk_read, "PIECE_BYTES", 1_000)
    monkeypatch.setattr(bulk_read, "SMALLEST_MAPPING", 1 if mapped else 1 << 40)
    monkeypatch.setattr(bulk_read, "CACHED_SHARE", 0.0)
    found = read_spans(path, SPANS)
    assert [bytes(one.tolist()) for one in found] == [data[span.begin : span.end] for span in SPANS]
    assert (found[0].untyped_storage().nbytes() == len(data)) is mapped


def test_writing_into_what_was_mapped_leaves_the_file_alone(
    content: tuple[Path, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, data = content
    monkeypatch.setattr(bulk_read, "SMALLEST_MAPPING", 1)
    monkeypatch.setattr(bulk_read, "CACHED_SHARE", 0.0)
    read_spans(path, SPANS)[0].zero_()
    assert path.read_bytes() == data


def test_a_file_that_is_not_in_the_cache_is_read(
    content: tuple[Path, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, data = content
    monkeypatch.setattr(bulk_read, "SMALLEST_MAPPING", 1)
    monkeypatch.setattr(bulk_read, "_cached_share", lambda mapped: 0.5)
    found = read_spans(path, SPANS)
    assert bytes(found[2].tolist()) == data[100_001:]
    assert found[0].untyped_storage().nbytes() != len(data)


@pytest.mark.parametrize("mapped", [False, True])
def test_spans_in_passing_are_the_bytes_of_the_file(
    content: tuple[Path, bytes], mapped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, data = content
    monkeypatch.setattr(bulk_read, "PIECE_BYTES", 1 << 16)
    monkeypatch.setattr(bulk_read, "CACHED_SHARE", 0.0)
    monkeypatch.setattr(bulk_read, "SMALLEST_MAPPING", 1 if mapped else 1 << 40)
    passing = Passing(path, len(data))
    for span in SPANS:
        assert bytes(passing.read(span).tolist()) == data[span.begin : span.end]
    with pytest.raises(BrokenFile, match="shorter"):
        passing.read(Span(300_000, 300_002))


def test_the_share_in_the_cache_is_told_by_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_read, "SAMPLES", 4)
    monkeypatch.setattr(bulk_read, "SAMPLED_PAGES", 2)
    mapping = mmap.mmap(-1, 64 * mmap.PAGESIZE)
    for page in range(32):
        mapping[page * mmap.PAGESIZE] = 1
    share = bulk_read._cached_share(torch.frombuffer(mapping, dtype=torch.uint8))
    assert share == 0.5


def test_a_file_that_is_too_short_is_refused(content: tuple[Path, bytes]) -> None:
    path, _ = content
    with pytest.raises(BrokenFile, match="shorter"):
        read_spans(path, [Span(0, 300_002)])


def test_what_is_in_the_cache_is_known() -> None:
    content = torch.zeros(1 << 20, dtype=torch.uint8)
    page = 4096
    start = -content.data_ptr() % page
    assert bulk_read._cached_share(content[start : start + 100 * page]) == 1.0

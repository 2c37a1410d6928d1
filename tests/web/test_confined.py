"""Names, links and races that must not lead out of a folder."""

# ruff: noqa: PT011 - which OSError it is depends on the system

import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.confined import (
    UnsafePathError,
    delete_file,
    list_files,
    new_path_parts,
    open_file,
    path_parts,
    write_file,
)


@given(st.text(alphabet="ab./\\\0~: \n%", max_size=12))
def test_no_name_leads_out(name: str) -> None:
    try:
        parts = path_parts(name)
    except UnsafePathError:
        return
    root = Path("/data/place")
    assert Path(os.path.normpath(root.joinpath(*parts))).is_relative_to(root)


@pytest.mark.parametrize("name", ["a/b.png", "ü.png", "a b.png", "...x", "~x", "a%2e"])
def test_ordinary_names_are_kept(name: str) -> None:
    assert new_path_parts(name) == tuple(name.split("/"))


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    class Breaks(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                raise OSError("the line broke")
            return super().read(4)

    (tmp_path / "x").write_bytes(b"before")
    for overwrite in (True, False):
        with pytest.raises(OSError, match="the line broke"):
            write_file(tmp_path, ("x",), Breaks(b"12345678"), overwrite=overwrite)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_bytes() == b"before"
    with pytest.raises(FileExistsError):
        write_file(tmp_path, ("x",), io.BytesIO(b"after"), overwrite=False)
    write_file(tmp_path, ("x",), io.BytesIO(b"after"), overwrite=True)
    assert (tmp_path / "x").read_bytes() == b"after"


def test_links_are_not_followed(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    (root / "folder").symlink_to(outside)
    (root / "file").symlink_to(outside / "secret")
    for parts in (("file",), ("folder", "secret")):
        with pytest.raises(OSError):
            open_file(root, parts)
    with pytest.raises(OSError):
        write_file(root, ("folder", "new"), io.BytesIO(b"x"), overwrite=True)
    with pytest.raises(OSError):
        delete_file(root, ("folder", "secret"))
    assert (outside / "secret").read_bytes() == b"secret"
    assert list(list_files(root, (), recurse=True)) == []


def test_what_is_no_ordinary_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for parts in (("pipe",), ("folder",), ("nothing",), ()):
        with pytest.raises(OSError):
            open_file(tmp_path, parts)


def test_the_root_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "root").symlink_to(tmp_path / "real")
    write_file(tmp_path / "root", ("a", "b"), io.BytesIO(b"x"), overwrite=False)
    with open_file(tmp_path / "root", ("a", "b")).file as file:
        assert file.read() == b"x"

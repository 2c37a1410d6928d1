"""Opens and makes files below a root so that no name, link or race can lead out of it."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

MAX_NAME_BYTES = 255
MAX_PARTS = 64
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_FOLDER = getattr(os, "O_DIRECTORY", 0) | _NOFOLLOW | getattr(os, "O_CLOEXEC", 0)
_FILE = _NOFOLLOW | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(10))}
)


class UnsafePathError(ValueError):
    """A name that could lead out of its root, or that some system could not store."""


def path_parts(name: str) -> tuple[str, ...]:
    """The components of a relative path with `/`, for reading; raises UnsafePathError if it leads away.

    Refused: absolute paths, `..`, backslashes, control characters and components too long to exist.
    """
    parts = tuple(part for part in name.split("/") if part not in {"", "."})
    if name.startswith("/") or len(parts) > MAX_PARTS:
        raise UnsafePathError("the path is absolute or too deep")
    for part in parts:
        if part == "..":
            raise UnsafePathError("the path leads upwards")
        if any(letter == "\\" or letter < " " or letter == "\x7f" for letter in part):
            raise UnsafePathError("a name holds a character that names may not have")
        if len(part.encode("utf-8", "surrogatepass")) > MAX_NAME_BYTES:
            raise UnsafePathError("a name is too long")
    return parts


def new_path_parts(name: str) -> tuple[str, ...]:
    """The components of a relative path to be written: what `path_parts` allows and every system can store.

    Refused besides: drives and streams (`:`), names ending in a dot or a space, devices, half surrogates.
    """
    parts = path_parts(name)
    for part in parts:
        is_device = part.split(".")[0].rstrip().lower() in _RESERVED
        is_text = not any("\ud800" <= letter <= "\udfff" for letter in part)
        if ":" in part or part.endswith((".", " ")) or is_device or not is_text:
            raise UnsafePathError("the name is one that some systems cannot store")
    return parts


@dataclass
class OpenedFile:
    """A regular file that is open for reading, and what the system says about it."""

    file: BinaryIO
    name: str
    size: int
    modified_ns: int

    @property
    def etag(self) -> str:
        """A validator that changes with the file."""
        return f'"{self.modified_ns:x}-{self.size:x}"'


@contextmanager
def _folder(root: Path, parts: tuple[str, ...], create: bool = False) -> Iterator[int]:
    """A descriptor of the folder `parts` below `root`; no component may be a link (the root itself may)."""
    if create:
        root.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(root, os.O_RDONLY | _FOLDER & ~_NOFOLLOW)
    try:
        for part in parts:
            if create:
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=descriptor)
            following = os.open(part, os.O_RDONLY | _FOLDER, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = following
        yield descriptor
    finally:
        os.close(descriptor)


def open_file(root: Path, parts: tuple[str, ...]) -> OpenedFile:
    """The regular file `parts` below `root`, open for reading; raises OSError where there is none."""
    if not parts:
        raise FileNotFoundError(root)
    with _folder(root, parts[:-1]) as folder:
        descriptor = os.open(parts[-1], os.O_RDONLY | _FILE, dir_fd=folder)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise FileNotFoundError(parts[-1])
    file = os.fdopen(descriptor, "rb")
    return OpenedFile(file, parts[-1], status.st_size, status.st_mtime_ns)


def write_file(root: Path, parts: tuple[str, ...], source: BinaryIO, *, overwrite: bool) -> None:
    """Write `source` as `parts` below `root`, whole or not at all; folders are made.

    Raises:
        FileExistsError: if the name is taken and `overwrite` is False.
    """
    with _folder(root, parts[:-1], create=True) as folder:
        temporary = f".{secrets.token_hex(8)}.part"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FILE
        try:
            with os.fdopen(os.open(temporary, flags, 0o666, dir_fd=folder), "wb") as target:
                while block := source.read(2**20):
                    target.write(block)
                target.flush()
                os.fsync(target.fileno())
            if overwrite:
                os.replace(temporary, parts[-1], src_dir_fd=folder, dst_dir_fd=folder)
            else:
                os.link(temporary, parts[-1], src_dir_fd=folder, dst_dir_fd=folder)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=folder)


def keep_file(root: Path, source: tuple[str, ...], target: tuple[str, ...]) -> None:
    """Give the file `source` a second name, which keeps its content when `source` is replaced or deleted.

    Takes no room where the file system has hard links; elsewhere the file is copied. Folders are made.

    Raises:
        FileExistsError: if the second name is taken.
    """
    with _folder(root, source[:-1]) as here, _folder(root, target[:-1], create=True) as there:
        try:
            os.link(source[-1], target[-1], src_dir_fd=here, dst_dir_fd=there, follow_symlinks=False)
        except FileExistsError:
            raise
        except OSError:
            with open_file(root, source).file as file:
                write_file(root, target, file, overwrite=False)


def delete_file(root: Path, parts: tuple[str, ...]) -> None:
    """Delete the file `parts` below `root`; raises OSError where there is none."""
    if not parts:
        raise FileNotFoundError(root)
    with _folder(root, parts[:-1]) as folder:
        os.unlink(parts[-1], dir_fd=folder)


def list_files(root: Path, parts: tuple[str, ...], *, recurse: bool) -> Iterator[tuple[str, os.stat_result]]:
    """Relative names (with `/`) and states of the regular files in a folder, without hidden ones and links.

    Folders come too, with a trailing `/`.
    """
    folder = root.joinpath(*parts)
    with _folder(root, parts):
        pass
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        with os.scandir(folder / prefix) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        for entry in found:
            if entry.name.startswith(".") or entry.is_symlink():
                continue
            name = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                yield f"{name}/", entry.stat(follow_symlinks=False)
                if recurse:
                    waiting.append(f"{name}/")
            elif entry.is_file(follow_symlinks=False):
                yield name, entry.stat(follow_symlinks=False)

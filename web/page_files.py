"""The page's own files under addresses that change with their content, so that browsers keep them."""

from __future__ import annotations

import hashlib
import re
import time
from functools import lru_cache
from pathlib import Path

FOREVER = "public, max-age=31536000, immutable"

# A page asks for a hundred files at once; looking for changes once is enough for all of them.
FRESH_SECONDS = 1.0
_FOLDERS = ("js", "styles", "languages", "legacy")
_LINKS = re.compile(rb'(href|src)="(js/|styles/|favicon)')
_MARKED = re.compile(r"v-([0-9a-f]{16})/(.+)", re.DOTALL)

_recent: dict[Path, tuple[float, str]] = {}


def content_mark(root: Path) -> str:
    """What stands for the content of all scripts and styles: 16 letters that change when any of them does."""
    found = []
    folders = [root / folder for folder in _FOLDERS]
    for path in [*root.glob("favicon.*"), *(path for folder in folders for path in folder.rglob("*.*"))]:
        status = path.stat()
        found.append((path.relative_to(root).as_posix(), status.st_size, status.st_mtime_ns))
    mark = _digest(root, tuple(sorted(found)))
    _recent[root] = (time.monotonic(), mark)
    return mark


def recent_mark(root: Path) -> str:
    """The mark as it is, or was a moment ago."""
    known = _recent.get(root)
    return known[1] if known and time.monotonic() - known[0] < FRESH_SECONDS else content_mark(root)


@lru_cache(maxsize=4)
def _digest(root: Path, files: tuple[tuple[str, int, int], ...]) -> str:
    digest = hashlib.sha256()
    for name, _, _ in files:
        content = (root / name).read_bytes()
        digest.update(f"{name}\n{len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def marked_page(root: Path) -> bytes:
    """The page, its links to scripts and styles led through the mark of their content."""
    mark = content_mark(root)
    return _LINKS.sub(rb'\1="v-%s/\2' % mark.encode(), (root / "index.html").read_bytes())


def split_mark(path: str) -> tuple[str | None, str]:
    """The mark in a path, if there is one, and the path without it."""
    found = _MARKED.fullmatch(path)
    return (found[1], found[2]) if found else (None, path)

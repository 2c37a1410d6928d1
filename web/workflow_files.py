"""Saved workflows of a user: each with a revision, a digest of its bytes, and the versions before it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from web.confined import delete_file, keep_file, list_files, open_file, write_file
from web.user_files import SETTINGS_FILE, read_object

FOLDER = "workflows"
SUFFIX = ".json"
VERSIONS_FOLDER = ".versions"
VERSIONS_SETTING = "workflows.versions"
VERSIONS_KEPT = 20
MOST_VERSIONS = 1000
_REVISION_LETTERS = 16

Parts = tuple[str, ...]


@dataclass(frozen=True)
class Version:
    """One state of a workflow that was; `id` names it among the versions, `modified` is in seconds."""

    id: str
    revision: str
    modified: float
    size: int


class RevisionConflictError(Exception):
    """The file is not the one that the writer had seen; `revision` is what it is now, None if it is gone."""

    def __init__(self, revision: str | None) -> None:
        super().__init__("the workflow has changed")
        self.revision = revision


def is_workflow(parts: Parts) -> bool:
    """Whether a path below the user's folder is that of a saved workflow."""
    return len(parts) > 1 and parts[0] == FOLDER and parts[-1].endswith(SUFFIX)


def revision_of(content: bytes) -> str:
    """The revision of some bytes: equal bytes, equal revision."""
    return hashlib.sha256(content).hexdigest()[:_REVISION_LETTERS]


def read_workflow(root: Path, parts: Parts) -> tuple[bytes, str]:
    """The bytes of a workflow and their revision; raises OSError where there is none."""
    with open_file(root, parts).file as file:
        content = file.read()
    return content, revision_of(content)


def versions_kept(root: Path) -> int:
    """How many versions before the present one this user keeps of each workflow."""
    chosen = read_object(root, SETTINGS_FILE).get(VERSIONS_SETTING)
    if isinstance(chosen, bool) or not isinstance(chosen, int | float) or chosen != chosen:
        return VERSIONS_KEPT
    return int(max(0, min(MOST_VERSIONS, chosen)))


def write_workflow(root: Path, parts: Parts, content: bytes, expected: str | None) -> str:
    """Store a workflow if the present one has the revision `expected`; None means that there must be none.

    Returns:
        The new revision. What was there before is kept as a version.

    Raises:
        RevisionConflictError: if somebody else has written meanwhile.
    """
    try:
        present: str | None = read_workflow(root, parts)[1]
    except OSError:
        present = None
    revision = revision_of(content)
    if present == revision:
        return revision
    if present != expected:
        raise RevisionConflictError(present)
    keep_version(root, parts)
    write_file(root, parts, io.BytesIO(content), overwrite=True)
    return revision


def keep_version(root: Path, parts: Parts) -> None:
    """Keep the present state of a workflow as a version, if there is one, and let the oldest versions go."""
    try:
        opened = open_file(root, parts)
    except OSError:
        return
    with opened.file as file:
        name = f"{opened.modified_ns // 10**6:013d}-{revision_of(file.read())}{SUFFIX}"
    most = versions_kept(root)
    if most > 0:
        with suppress(FileExistsError):
            keep_file(root, parts, (VERSIONS_FOLDER, *parts, name))
    for version in versions(root, parts)[most:]:
        delete_file(root, (VERSIONS_FOLDER, *parts, version.id + SUFFIX))


def versions(root: Path, parts: Parts) -> list[Version]:
    """The versions of a workflow before the present one, newest first; also those of one that was deleted."""
    return sorted(_versions(root, parts), key=lambda version: version.id, reverse=True)


def _versions(root: Path, parts: Parts) -> Iterator[Version]:
    try:
        found = list(list_files(root, (VERSIONS_FOLDER, *parts), recurse=False))
    except OSError:
        return
    for name, status in found:
        milliseconds, _, revision = name.removesuffix(SUFFIX).partition("-")
        if name.endswith(SUFFIX) and milliseconds.isdecimal() and revision:
            yield Version(name.removesuffix(SUFFIX), revision, int(milliseconds) / 1000, status.st_size)


def read_version(root: Path, parts: Parts, version_id: str) -> bytes:
    """The bytes of one version; raises OSError where there is none."""
    with open_file(root, (VERSIONS_FOLDER, *parts, version_id + SUFFIX)).file as file:
        return file.read()


def move_versions(root: Path, source: Parts, target: Parts) -> None:
    """Let the versions of a workflow follow it to another name."""
    for version in versions(root, source):
        name = version.id + SUFFIX
        with suppress(FileExistsError):
            keep_file(root, (VERSIONS_FOLDER, *source, name), (VERSIONS_FOLDER, *target, name))
        delete_file(root, (VERSIONS_FOLDER, *source, name))

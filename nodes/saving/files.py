"""Writes whole files: those reserved for a node are complete, or they are not there."""

import json
import os
from collections.abc import Callable, Mapping
from typing import BinaryIO

from nodes.api.context import Context, SavedFile
from nodes.api.errors import NodeError


def write_file(saved: SavedFile, data: bytes) -> None:
    """Write a reserved file in one go; raises NodeError where it cannot be written."""
    write_whole(saved, lambda file: file.write(data))


def write_whole(saved: SavedFile, write: Callable[[BinaryIO], object]) -> None:
    """Write a reserved file by handing an open one to `write`.

    Raises:
        NodeError: the disk is full or cannot be written to; the reserved file is gone then.
    """
    partial = saved.path.with_name(f".{saved.filename}.part")
    try:
        with partial.open("wb") as file:
            write(file)
        os.replace(partial, saved.path)  # noqa: PTH105 - replaces the reserved, empty file
    except BaseException as error:
        partial.unlink(missing_ok=True)
        saved.path.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.strerror:
            raise NodeError(f"cannot save {saved.path}: {error.strerror}") from error
        raise


def metadata_texts(ctx: Context) -> Mapping[str, str]:
    """Return the graph and what the page sent along as JSON by name: "prompt", "workflow", ..."""
    entries = {} if ctx.prompt is None else {"prompt": ctx.prompt}
    return {key: json.dumps(value) for key, value in {**entries, **(ctx.extra_pnginfo or {})}.items()}

"""`/view` and `/view_metadata`: pictures and other results, sent so that nothing in them can run."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from aiohttp import web

from nodes.api.errors import NodeError
from web.confined import UnsafePathError, open_file, path_parts
from web.file_answer import SANDBOX, disposition, passive_headers, send_file
from web.keys import DECODERS, FOLDERS
from web.pictures import UnreadablePictureError, channel_bytes, preview_bytes, preview_options
from web.refusal import RefusedError
from web.wire_json import json_response

routes = web.RouteTableDef()

PLACES = frozenset({"input", "output", "temp"})
MAX_HEADER_BYTES = 2**20


def place_root(request: web.Request, kind: str) -> Path:
    """The folder of files of a type; refuses (400) a type that there is not."""
    if kind not in PLACES:
        raise RefusedError(400, "unknown_type", f"type must be input, output or temp, not {kind[:80]!r}")
    return request.app[FOLDERS].place(kind)


def view_target(request: web.Request) -> tuple[Path, tuple[str, ...]]:
    """The root and the path below it that a `/view` query means, checked in the order clients know."""
    filename = request.query.get("filename")
    if filename is None:
        raise RefusedError(404, "not_found", "The query names no filename")
    filename, kind = request.app[FOLDERS].annotated(filename, request.query.get("type", "output"))
    if not filename:
        raise RefusedError(400, "invalid_filename", "The filename is empty")
    if filename.startswith("/") or ".." in filename:
        raise RefusedError(400, "invalid_filename", "The filename must not be absolute or lead upwards")
    root = place_root(request, kind)
    try:
        folder = path_parts(request.query.get("subfolder", ""))
    except UnsafePathError as error:
        raise RefusedError(403, "forbidden_subfolder", f"The subfolder is not allowed: {error}") from None
    try:
        name = path_parts(PurePosixPath(filename).name)
    except UnsafePathError as error:
        raise RefusedError(400, "invalid_filename", f"The filename is not allowed: {error}") from None
    if not name:
        raise RefusedError(400, "invalid_filename", f"The filename {filename[:80]!r} names no file")
    return root, (*folder, *name)


@routes.get("/view")
async def view(request: web.Request) -> web.StreamResponse:
    """A file of the input, output or temp folder; with `preview` or `channel` a picture made from it."""
    root, parts = view_target(request)
    channel = request.query.get("channel", "")
    if "preview" in request.query:
        kind, quality = preview_options(request.query["preview"], channel)
        return await made_picture(
            request, root, parts, f"image/{kind}", lambda f: preview_bytes(f, kind, quality, channel)
        )
    if channel in {"rgb", "a"}:
        return await made_picture(request, root, parts, "image/png", lambda f: channel_bytes(f, channel))
    try:
        return await send_file(request, root, parts, passive_headers(parts[-1], request))
    except OSError:
        raise _no_file() from None


def _no_file() -> RefusedError:
    return RefusedError(404, "not_found", "There is no such file")


async def made_picture(
    request: web.Request,
    root: Path,
    parts: tuple[str, ...],
    content_type: str,
    make: Callable[[BinaryIO], bytes],
) -> web.Response:
    """What `make` draws from the picture at a path; refuses what is not there (404) and no picture (400)."""

    def work() -> bytes:
        with open_file(root, parts).file as file:
            return make(file)

    try:
        async with request.app[DECODERS]:
            body = await asyncio.to_thread(work)
    except UnreadablePictureError as error:
        raise RefusedError(400, "unreadable_picture", str(error)) from None
    except OSError:
        raise _no_file() from None
    headers = {"Content-Disposition": disposition(parts[-1]), "Content-Security-Policy": SANDBOX}
    return web.Response(body=body, content_type=content_type, headers=headers)


@routes.get("/view_metadata/{folder}")
async def view_metadata(request: web.Request) -> web.Response:
    """The metadata in the header of a safetensors file of a model folder."""
    name = request.query.get("filename", "")
    folders, folder = request.app[FOLDERS], request.match_info["folder"]
    if folder not in folders or not name.endswith(".safetensors"):
        raise _no_file()

    def read() -> Any:
        return safetensors_metadata(folders.find(folder, name))

    try:
        metadata = await asyncio.to_thread(read)
    except (NodeError, OSError, ValueError, RecursionError):
        raise _no_file() from None
    return json_response(metadata)


def safetensors_metadata(path: Path) -> dict[str, Any]:
    """The `__metadata__` of a safetensors file; raises ValueError where there is none."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= MAX_HEADER_BYTES:
            raise ValueError(f"a header of {length} bytes")
        header = json.loads(file.read(length))
    metadata = header.get("__metadata__") if isinstance(header, dict) else None
    if not isinstance(metadata, dict):
        raise ValueError("no metadata")
    return metadata

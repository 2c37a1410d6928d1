"""`/api/assets`: the files that were made or brought in, for a gallery."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from executor.queue.jobs import FINAL
from web.confined import UnsafePathError, delete_file, list_files, path_parts
from web.job_shapes import output_items
from web.keys import SERVICE
from web.pictures import small_bytes
from web.refusal import RefusedError
from web.routes.files import made_picture, place_root
from web.routes.users import user_root
from web.wire_json import json_response, read_object

if TYPE_CHECKING:
    from executor.queue.rows import JobRow

routes = web.RouteTableDef()

MOST_FILES = 50_000
SIZES = (128, 256, 512)
SLACK = 2.0  # Seconds: file systems round the times of files.


@routes.get("/api/assets")
async def assets(request: web.Request) -> web.Response:
    """The files of the input, output or temp folder and the folders in it, newest first.

    With `runs` each says how many `seconds` the run took that wrote it, where that run is remembered.
    """
    place = request.query.get("type", "output")
    root = place_root(request, place)

    def listed() -> list[dict[str, Any]]:
        try:
            found: list[dict[str, Any]] = [
                {"name": name, "size": status.st_size, "modified": round(status.st_mtime * 1000)}
                for name, status in list_files(root, (), recurse=True)
                if not name.endswith("/")
            ]
        except OSError:
            return []
        found.sort(key=lambda file: file["modified"], reverse=True)
        return found[:MOST_FILES]

    files = await asyncio.to_thread(listed)
    if request.query.get("runs"):
        rows, _ = await request.app[SERVICE].history_page(FINAL, "created", "asc")
        await asyncio.to_thread(_tell_seconds, files, place, rows)
    return json_response({"files": files})


def _tell_seconds(files: list[dict[str, Any]], place: str, rows: Iterable[JobRow]) -> None:
    """Add the duration of its run to each file that was written while a run lasted that put it out.

    A name alone would not do: results that are still known are put out by later, shorter runs too.
    So the first run counts, and the file must be of its time.
    """
    by_name = {file["name"]: file for file in files}
    for row in rows:
        if row.started is None or row.finished is None:
            continue
        for _, _, item in output_items(row.outputs):
            name = "/".join(part for part in (item.get("subfolder"), item.get("filename")) if part)
            file = by_name.get(name) if item.get("type") == place else None
            if file and row.started - SLACK <= file["modified"] / 1000 <= row.finished + SLACK:
                file.setdefault("seconds", round(row.finished - row.started, 3))


@routes.get("/api/assets/small")
async def small(request: web.Request) -> web.Response:
    """A picture as WebP, at most as wide and as high as one of a few sizes."""
    root = place_root(request, request.query.get("type", "output"))
    parts = _parts(request.query.get("name", ""))
    wanted = request.query.get("size", "256")
    if wanted not in {str(size) for size in SIZES}:
        raise RefusedError(400, "invalid_size", f"size must be one of {', '.join(map(str, SIZES))}")

    response = await made_picture(request, root, parts, "image/webp", lambda f: small_bytes(f, int(wanted)))
    response.headers["Cache-Control"] = "private, max-age=86400"
    return response


@routes.post("/api/assets/delete")
async def delete(request: web.Request) -> web.Response:
    """Delete files by name, for a user that this server knows; says which could not be."""
    user_root(request)
    body = await read_object(request)
    root = place_root(request, str(body.get("type", "output")))
    names = body.get("names")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise RefusedError(400, "invalid_names", "names must be a list of file names")
    targets = [(name, _parts(name)) for name in names]

    def work() -> list[str]:
        kept = []
        for name, parts in targets:
            try:
                delete_file(root, parts)
            except OSError:
                kept.append(name)
        return kept

    return json_response({"kept": await asyncio.to_thread(work)})


def _parts(name: str) -> tuple[str, ...]:
    try:
        parts = path_parts(name)
    except UnsafePathError as error:
        raise RefusedError(400, "invalid_name", f"The name is not allowed: {error}") from None
    if not parts:
        raise RefusedError(400, "invalid_name", "The name is empty")
    return parts

"""`/api/assets`: the files that were made or brought in, for a gallery."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from web.confined import UnsafePathError, delete_file, list_files, path_parts
from web.pictures import small_bytes
from web.refusal import RefusedError
from web.routes.files import made_picture, place_root
from web.routes.users import user_root
from web.wire_json import json_response, read_object

routes = web.RouteTableDef()

MOST_FILES = 50_000
SIZES = (128, 256, 512)


@routes.get("/api/assets")
async def assets(request: web.Request) -> web.Response:
    """The files of the input, output or temp folder and the folders in it, newest first."""
    root = place_root(request, request.query.get("type", "output"))

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

    return json_response({"files": await asyncio.to_thread(listed)})


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

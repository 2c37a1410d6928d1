"""`/api/assets`: the files that were made or brought in, for a gallery; what a model file is; templates."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path
from typing import Any

from aiohttp import web

from loaders.identify.verdict import identify_path
from nodes.api.errors import NodeError
from web.confined import UnsafePathError, delete_file, list_files, open_file, path_parts
from web.file_answer import SANDBOX, passive_headers, send_file
from web.keys import DECODERS, FOLDERS
from web.pictures import UnreadablePictureError, open_picture
from web.refusal import RefusedError
from web.routes.files import place_root
from web.routes.users import user_root
from web.wire_json import json_response, read_object

routes = web.RouteTableDef()

MOST_FILES = 50_000
SIZES = (128, 256, 512)
TEMPLATES = Path(__file__).resolve().parents[2] / "assets" / "templates"


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

    def work() -> bytes:
        with open_file(root, parts).file as file:
            picture = open_picture(file)
        if picture.mode not in {"RGB", "RGBA"}:
            picture = picture.convert("RGBA" if "A" in picture.getbands() else "RGB")
        picture.thumbnail((int(wanted), int(wanted)))
        buffer = io.BytesIO()
        picture.save(buffer, format="webp", quality=82)
        return buffer.getvalue()

    try:
        async with request.app[DECODERS]:
            body = await asyncio.to_thread(work)
    except UnreadablePictureError as error:
        raise RefusedError(400, "unreadable_picture", str(error)) from None
    except OSError:
        raise RefusedError(404, "not_found", "There is no such file") from None
    headers = {"Content-Security-Policy": SANDBOX, "Cache-Control": "private, max-age=86400"}
    return web.Response(body=body, content_type="image/webp", headers=headers)


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


@routes.get("/api/identify")
async def identify(request: web.Request) -> web.Response:
    """What a model file is, by looking at its tensors."""
    folder, name = request.query.get("folder", ""), request.query.get("name", "")
    try:
        path = request.app[FOLDERS].find(folder, name)
    except (NodeError, OSError, ValueError):
        raise RefusedError(404, "not_found", "There is no such model") from None
    verdict = await asyncio.to_thread(identify_path, path)
    return json_response(verdict.to_json())


@routes.get("/api/templates")
async def templates(_request: web.Request) -> web.Response:
    """The workflows to begin with, in the order in which they are shown."""

    def read() -> Any:
        return json.loads((TEMPLATES / "index.json").read_bytes())

    return json_response(await asyncio.to_thread(read))


@routes.get("/api/templates/{file}")
async def template(request: web.Request) -> web.StreamResponse:
    """A workflow to begin with (`name.json`), or its picture (`name.webp`)."""
    parts = _parts(request.match_info["file"])
    try:
        return await send_file(request, TEMPLATES, parts, passive_headers(parts[-1], request))
    except OSError:
        raise RefusedError(404, "not_found", "There is no such template") from None

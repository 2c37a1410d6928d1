"""`/models` and `/experiment/models`: which model files there are."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aiohttp import web

from loaders.folders import ALIASES
from nodes.api.errors import NodeError
from web.confined import UnsafePathError, path_parts
from web.keys import FOLDERS
from web.pictures import UnreadablePictureError, preview_bytes
from web.refusal import RefusedError
from web.routes.files import safetensors_metadata
from web.wire_json import json_response

routes = web.RouteTableDef()

PREVIEW_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif")
HIDDEN_KEYS = frozenset({"configs", "custom_nodes"})


def known_folder(request: web.Request, folder: str) -> str:
    """The key of a model folder, for a key or one of its aliases; refuses (404) what there is not."""
    key = ALIASES.get(folder, folder)
    if key not in request.app[FOLDERS]:
        raise RefusedError(404, "not_found", "There is no such model folder")
    return key


@routes.get("/models")
async def model_folders(request: web.Request) -> web.Response:
    """The keys of the model folders."""
    return json_response(request.app[FOLDERS].keys())


@routes.get("/models/{folder}")
async def model_names(request: web.Request) -> web.Response:
    """The files of a model folder, relative and sorted."""
    folder = known_folder(request, request.match_info["folder"])
    return json_response(await asyncio.to_thread(request.app[FOLDERS].names, folder))


@routes.get("/experiment/models")
async def model_places(request: web.Request) -> web.Response:
    """The model folders with the directories they stand for."""
    folders = request.app[FOLDERS]
    return json_response(
        [
            {"name": key, "folders": [str(root) for root in folders.roots(key)]}
            for key in folders
            if key not in HIDDEN_KEYS
        ]
    )


@routes.get("/experiment/models/{folder}")
async def model_files(request: web.Request) -> web.Response:
    """The files of a model folder with their sizes and times."""
    key, folders = known_folder(request, request.match_info["folder"]), request.app[FOLDERS]

    def describe() -> list[dict[str, Any]]:
        roots = folders.roots(key)
        found = []
        for name in folders.names(key):
            if any(part.startswith(".") for part in name.split("/")):
                continue
            index = next((i for i, root in enumerate(roots) if (root / name).is_file()), None)
            if index is None:
                continue
            status = (roots[index] / name).stat()
            found.append(
                {
                    "name": name,
                    "pathIndex": index,
                    "modified": status.st_mtime,
                    "created": status.st_ctime,
                    "size": status.st_size,
                }
            )
        return found

    return json_response(await asyncio.to_thread(describe))


@routes.get("/experiment/models/preview/{folder}/{path_index}/{filename:.*}")
async def model_preview(request: web.Request) -> web.Response:
    """The picture that lies beside a model or inside it, as WebP."""
    key, folders = known_folder(request, request.match_info["folder"]), request.app[FOLDERS]
    index = request.match_info["path_index"]
    try:
        parts = path_parts(request.match_info["filename"])
        root = folders.roots(key)[int(index) if index.isascii() and index.isdigit() else -1]
    except (UnsafePathError, IndexError, NodeError):
        raise _no_preview() from None
    if not index.isdigit() or not parts:
        raise _no_preview()
    body = await asyncio.to_thread(_preview, root.joinpath(*parts), root)
    if body is None:
        raise _no_preview()
    return web.Response(body=body, content_type="image/webp")


def _no_preview() -> RefusedError:
    return RefusedError(404, "not_found", "There is no preview of this model")


def _preview(model: Path, root: Path) -> bytes | None:
    import io

    for picture in _sidecars(model):
        if picture.is_file() and picture.resolve().is_relative_to(root.resolve()):
            try:
                with picture.open("rb") as file:
                    return preview_bytes(file, "webp", 90, "")
            except (OSError, UnreadablePictureError):
                continue
    try:
        covers = json.loads(safetensors_metadata(model).get("ssmd_cover_images", "[]"))
        picture_bytes = base64.b64decode(covers[0])
        return preview_bytes(io.BytesIO(picture_bytes), "webp", 90, "")
    except (OSError, ValueError, TypeError, LookupError, RecursionError, binascii.Error):
        return None


def _sidecars(model: Path) -> Iterator[Path]:
    for middle in ("", ".preview"):
        for suffix in PREVIEW_SUFFIXES:
            yield model.with_name(f"{model.stem}{middle}{suffix}")

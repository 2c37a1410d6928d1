"""`/api/drafts`: what is being edited and not saved, kept here too in case the browser loses it."""

from __future__ import annotations

import asyncio
import io
import json
import re
from pathlib import Path
from typing import Any

from aiohttp import web

from web.confined import delete_file, list_files, open_file, write_file
from web.keys import SETTINGS
from web.refusal import RefusedError
from web.routes.uploads import cannot_store
from web.routes.users import user_root
from web.wire_json import json_response, parse_json, read_body

routes = web.RouteTableDef()

FOLDER = ".drafts"
SUFFIX = ".json"
MOST_DRAFTS = 200
_ID = re.compile(r"[A-Za-z0-9-]{1,80}")


def _parts(request: web.Request) -> tuple[str, str]:
    draft_id = request.match_info["id"]
    if not _ID.fullmatch(draft_id):
        raise RefusedError(400, "invalid_id", "The id of a draft is up to 80 letters, digits and hyphens")
    return FOLDER, draft_id + SUFFIX


def _files(root: Path) -> list[tuple[str, float]]:
    try:
        found = [(name, status.st_mtime) for name, status in list_files(root, (FOLDER,), recurse=False)]
    except OSError:
        return []
    return sorted(found, key=lambda entry: entry[1], reverse=True)


def _read(root: Path, name: str) -> dict[str, Any]:
    try:
        with open_file(root, (FOLDER, name)).file as file:
            draft = json.load(file)
    except (OSError, ValueError, RecursionError):
        return {}
    return draft if isinstance(draft, dict) else {}


@routes.get("/api/drafts")
async def drafts(request: web.Request) -> web.Response:
    """The drafts without their workflows, latest first."""
    root = user_root(request)

    def listed() -> list[dict[str, Any]]:
        found = []
        for name, modified in _files(root):
            about = {key: value for key, value in _read(root, name).items() if key != "workflow"}
            found.append({**about, "id": name.removesuffix(SUFFIX), "modified": int(modified * 1000)})
        return found

    return json_response({"drafts": await asyncio.to_thread(listed)})


@routes.get("/api/drafts/{id}")
async def draft(request: web.Request) -> web.Response:
    """One draft, as it was kept."""
    root, (_, name) = user_root(request), _parts(request)
    found = await asyncio.to_thread(_read, root, name)
    if not found:
        raise RefusedError(404, "not_found", "There is no such draft")
    return json_response(found)


@routes.put("/api/drafts/{id}")
async def keep_draft(request: web.Request) -> web.Response:
    """Keep a draft: a JSON object with a `workflow` and what describes it. The oldest beyond 200 go."""
    root, parts = user_root(request), _parts(request)
    body = await read_body(request, request.app[SETTINGS].max_json_bytes)
    value = await asyncio.to_thread(parse_json, body)
    if not isinstance(value, dict) or not isinstance(value.get("workflow"), dict):
        raise RefusedError(400, "invalid_body", "A draft must be a JSON object with a workflow")

    def write() -> None:
        write_file(root, parts, io.BytesIO(body), overwrite=True)
        for name, _ in _files(root)[MOST_DRAFTS:]:
            delete_file(root, (FOLDER, name))

    try:
        await asyncio.to_thread(write)
    except OSError as error:
        raise cannot_store(error) from None
    return web.Response(status=204)


@routes.delete("/api/drafts/{id}")
async def forget_draft(request: web.Request) -> web.Response:
    """Forget a draft; one that is not there is no error."""
    root, parts = user_root(request), _parts(request)
    try:
        await asyncio.to_thread(delete_file, root, parts)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise cannot_store(error) from None
    return web.Response(status=204)

"""`/api/workflows`: saved workflows with their versions, written only over what the writer has seen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web

from web.confined import UnsafePathError, list_files, new_path_parts
from web.keys import SETTINGS, WORKFLOWS_LOCK
from web.refusal import RefusedError
from web.routes.uploads import cannot_store
from web.routes.users import user_root
from web.wire_json import json_response, parse_json, read_body, type_name
from web.workflow_files import (
    FOLDER,
    SUFFIX,
    Parts,
    RevisionConflictError,
    read_version,
    read_workflow,
    versions,
    write_workflow,
)

routes = web.RouteTableDef()

Result = TypeVar("Result")

ANY_REVISION = "*"
_JSON = {"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-cache"}


def _parts(request: web.Request) -> Parts:
    name = request.match_info["name"]
    try:
        parts = new_path_parts(f"{FOLDER}/{name}{SUFFIX}")
    except UnsafePathError as error:
        raise RefusedError(403, "forbidden_path", f"A workflow cannot be called {name!r}: {error}") from None
    if len(parts) < 2 or parts[-1] == SUFFIX or name.startswith("/"):
        raise RefusedError(400, "invalid_path", "The address names no workflow")
    return parts


async def _read(read: Callable[[], Result]) -> Result:
    try:
        return await asyncio.to_thread(read)
    except (OSError, UnsafePathError):
        raise RefusedError(404, "not_found", "There is no such workflow") from None


def _tag(revision: str) -> dict[str, str]:
    return {"ETag": f'"{revision}"'}


@routes.get("/api/workflows")
async def workflows(request: web.Request) -> web.Response:
    """The saved workflows: names without their ending, sizes in bytes, times in milliseconds."""
    found = await asyncio.to_thread(_listed, user_root(request))
    return json_response({"workflows": found})


def _listed(root: Path) -> list[dict[str, Any]]:
    try:
        files = list(list_files(root, (FOLDER,), recurse=True))
    except OSError:
        return []
    return [
        {"name": name.removesuffix(SUFFIX), "size": status.st_size, "modified": int(status.st_mtime * 1000)}
        for name, status in files
        if name.endswith(SUFFIX)
    ]


@routes.get("/api/workflows/{name}")
async def workflow(request: web.Request) -> web.Response:
    """One workflow as it was saved; its revision is the `ETag`."""
    root, parts = user_root(request), _parts(request)
    content, revision = await _read(lambda: read_workflow(root, parts))
    return web.Response(body=content, headers=_JSON | _tag(revision))


@routes.put("/api/workflows/{name}")
async def save(request: web.Request) -> web.Response:
    """Save a workflow over the revision that `If-Match` names; without it, only where there is none.

    Answers 409 with the present `revision` if that is another one. What was there is kept as a version.
    """
    root, parts = user_root(request), _parts(request)
    body = await read_body(request, request.app[SETTINGS].max_json_bytes)
    value = await asyncio.to_thread(parse_json, body)
    if not isinstance(value, dict):
        raise RefusedError(400, "invalid_body", f"A workflow must be a JSON object, not {type_name(value)}")
    header = request.headers.get("If-Match", "").strip().strip('"')
    expected = header or None

    def write() -> str:
        try:
            return write_workflow(root, parts, body, expected)
        except RevisionConflictError as conflict:
            if expected != ANY_REVISION:
                raise
            return write_workflow(root, parts, body, conflict.revision)

    try:
        async with request.app[WORKFLOWS_LOCK]:
            revision = await asyncio.to_thread(write)
    except RevisionConflictError as conflict:
        text = "Somebody has saved this workflow meanwhile" if expected else "There is one of that name"
        raise RefusedError(409, "revision_conflict", text, revision=conflict.revision) from None
    except OSError as error:
        raise cannot_store(error) from None
    return json_response({"name": request.match_info["name"], "revision": revision}, headers=_tag(revision))


@routes.get("/api/workflows/{name}/versions")
async def workflow_versions(request: web.Request) -> web.Response:
    """What a workflow was before, newest first; also of one that was deleted."""
    root, parts = user_root(request), _parts(request)
    found = await asyncio.to_thread(versions, root, parts)
    entries = [
        {"id": one.id, "revision": one.revision, "modified": int(one.modified * 1000), "size": one.size}
        for one in found
    ]
    return json_response({"versions": entries})


@routes.get("/api/workflows/{name}/versions/{version}")
async def workflow_version(request: web.Request) -> web.Response:
    """One version, as it was saved."""
    root, parts, version = user_root(request), _parts(request), request.match_info["version"]
    if "/" in version:
        raise RefusedError(404, "not_found", "There is no such version")
    return web.Response(body=await _read(lambda: read_version(root, parts, version)), headers=_JSON)

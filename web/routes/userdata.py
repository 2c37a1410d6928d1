"""`/userdata`: the files that a page keeps for its user; of workflows the versions before are kept too."""

from __future__ import annotations

import asyncio
import io
import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from web.confined import (
    UnsafePathError,
    delete_file,
    list_files,
    new_path_parts,
    open_file,
    path_parts,
    write_file,
)
from web.file_answer import passive_headers, send_file
from web.keys import SETTINGS, WORKFLOWS_LOCK
from web.refusal import RefusedError
from web.routes.uploads import cannot_store
from web.routes.users import user_root
from web.wire_json import is_true, json_response, read_body
from web.workflow_files import is_workflow, keep_version, move_versions

routes = web.RouteTableDef()

MAX_FILES_LISTED = 100_000


def _text(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text)


def _about(name: str, status: os.stat_result) -> dict[str, Any]:
    return {
        "path": name,
        "size": status.st_size,
        "modified": int(status.st_mtime * 1000),
        "created": int(status.st_ctime * 1000),
    }


@routes.get("/userdata")
async def list_userdata(request: web.Request) -> web.Response:
    """The files of one folder; with `recurse` those below it too, with `full_info` their sizes and times.

    A folder that is not there is an error, but with `optional` one without files.
    """
    query = request.query
    folder = query.get("dir", "")
    if not folder:
        return _text(400, "Directory not provided")
    try:
        parts = path_parts(folder)
    except UnsafePathError:
        return _text(403, "Invalid directory")
    root = user_root(request)
    recurse = is_true(query.get("recurse"))
    try:
        found = await asyncio.to_thread(_listed, root, parts, recurse)
    except OSError:
        if parts and not is_true(query.get("optional")):
            return _text(404, "Directory not found")
        found = []  # nothing was ever written for this user
    files = [(name, status) for name, status in found if not name.endswith("/")]
    if is_true(query.get("full_info")):
        return json_response([_about(name, status) for name, status in files])
    if is_true(query.get("split")):
        return json_response([[name, *name.split("/")] for name, _ in files])
    return json_response([name for name, _ in files])


def _listed(root: Path, parts: tuple[str, ...], recurse: bool) -> list[tuple[str, os.stat_result]]:
    found = []
    for entry in list_files(root, parts, recurse=recurse):
        found.append(entry)
        if len(found) >= MAX_FILES_LISTED:
            break
    return found


@routes.get("/v2/userdata")
async def list_userdata_v2(request: web.Request) -> web.Response:
    """Everything below a folder, folders first, with paths relative to the user's folder."""
    path = request.query.get("path", "")
    root = user_root(request)
    try:
        parts = path_parts(path)
        found = await asyncio.to_thread(_listed, root, parts, True)
    except UnsafePathError:
        return _text(403, "Invalid path")
    except OSError:
        return json_response([]) if not root.is_dir() or not path else _text(404, "Directory not found")
    entries = [_entry("/".join(parts), name, status) for name, status in found]
    return json_response(sorted(entries, key=lambda entry: (entry["type"] == "file", entry["name"].lower())))


def _entry(folder: str, name: str, status: os.stat_result) -> dict[str, Any]:
    bare = name.rstrip("/")
    path = f"{folder}/{bare}" if folder else bare
    entry = {"name": bare.rsplit("/", 1)[-1], "path": path}
    if name.endswith("/"):
        return {**entry, "type": "directory"}
    return {**entry, "type": "file", "size": status.st_size, "modified": int(status.st_mtime * 1000)}


def _file_parts(request: web.Request, key: str = "file", *, is_new: bool = False) -> tuple[str, ...]:
    """The path that the address names; `%2F` separates folders, a `%` that is left is decoded again."""
    name = request.match_info[key]
    if "%" in name:
        name = unquote(name)
    try:
        parts = new_path_parts(name) if is_new else path_parts(name)
    except UnsafePathError as error:
        raise RefusedError(403, "forbidden_path", f"The path is not allowed: {error}") from None
    if not parts:
        raise RefusedError(400, "invalid_path", "The address names no file")
    return parts


def _missing() -> RefusedError:
    return RefusedError(404, "not_found", "There is no such file")


@routes.get("/userdata/{file}")
async def read_userdata(request: web.Request) -> web.StreamResponse:
    """One file, as it is."""
    root, parts = user_root(request), _file_parts(request)
    try:
        headers = {"Cache-Control": "no-cache", **passive_headers(parts[-1], request)}
        return await send_file(request, root, parts, headers)
    except OSError:
        raise _missing() from None


async def _described(request: web.Request, root: Path, parts: tuple[str, ...]) -> web.Response:
    name = "/".join(parts)
    if not is_true(request.query.get("full_info")):
        return json_response(name)
    status = await asyncio.to_thread(root.joinpath(*parts).stat)
    return json_response(_about(name, status))


def _may_overwrite(request: web.Request) -> bool:
    return request.query.get("overwrite", "true").lower() != "false"


@routes.post("/userdata/{file}")
async def write_userdata(request: web.Request) -> web.Response:
    """Store the body as a file, whole or not at all."""
    root, parts = user_root(request), _file_parts(request, is_new=True)
    body = await read_body(request, request.app[SETTINGS].max_upload_bytes)
    overwrite = _may_overwrite(request)

    def write() -> None:
        if overwrite and is_workflow(parts):
            keep_version(root, parts)
        write_file(root, parts, io.BytesIO(body), overwrite=overwrite)

    try:
        async with request.app[WORKFLOWS_LOCK]:
            await asyncio.to_thread(write)
    except FileExistsError:
        return _text(409, "File already exists")
    except OSError as error:
        raise cannot_store(error) from None
    return await _described(request, root, parts)


@routes.delete("/userdata/{file}")
async def delete_userdata(request: web.Request) -> web.Response:
    """Delete one file."""
    root, parts = user_root(request), _file_parts(request)

    def delete() -> None:
        if is_workflow(parts):
            keep_version(root, parts)
        delete_file(root, parts)

    try:
        async with request.app[WORKFLOWS_LOCK]:
            await asyncio.to_thread(delete)
    except OSError:
        raise _missing() from None
    return web.Response(status=204)


@routes.post("/userdata/{file}/move/{dest}")
async def move_userdata(request: web.Request) -> web.Response:
    """Give a file another name or folder."""
    root, source = user_root(request), _file_parts(request)
    target, overwrite = _file_parts(request, "dest", is_new=True), _may_overwrite(request)

    def move() -> None:
        with open_file(root, source).file as file:
            if source == target:
                return
            if overwrite and is_workflow(target):
                keep_version(root, target)
            write_file(root, target, file, overwrite=overwrite)
        delete_file(root, source)
        if is_workflow(source) and is_workflow(target):
            move_versions(root, source, target)

    try:
        async with request.app[WORKFLOWS_LOCK]:
            await asyncio.to_thread(move)
    except FileExistsError:
        return _text(409, "File already exists")
    except OSError:
        raise _missing() from None
    return await _described(request, root, target)

"""`/users` and `/settings`: who uses the page, and what they chose."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from aiohttp import web

from web.keys import SETTINGS, SETTINGS_LOCK
from web.refusal import RefusedError
from web.user_files import (
    DEFAULT_USER,
    SETTINGS_FILE,
    RefusedNameError,
    UnknownUserError,
    Users,
    read_object,
    write_object,
)
from web.wire_json import json_response, plain, read_json, type_name
from web.wire_json import read_object as read_body_object

routes = web.RouteTableDef()

USER_HEADER = "comfy-user"


def users_of(request: web.Request) -> Users:
    """The users of this server."""
    settings = request.app[SETTINGS]
    return Users(settings.user_directory, settings.multi_user)


def user_root(request: web.Request, status: int = 403) -> Path:
    """The folder of the user who asks; refuses with `status` an id that is unknown."""
    try:
        return users_of(request).root(request.headers.get(USER_HEADER))
    except UnknownUserError:
        raise RefusedError(status, "unknown_user", "There is no such user") from None


@routes.get("/users")
async def users(request: web.Request) -> web.Response:
    """Where user files are stored, and who there is."""
    known = users_of(request)
    if known.multi_user:
        return json_response({"storage": "server", "users": await asyncio.to_thread(known.all)})
    return json_response({"storage": "server", "migrated": (known.directory / DEFAULT_USER).is_dir()})


@routes.post("/users")
async def add_user(request: web.Request) -> web.Response:
    """Add a user; answers with the new id."""
    body = await read_body_object(request)
    name = body.get("username")
    if name is not None and not isinstance(name, str):
        return json_response({"error": "username must be a string"}, 400)
    async with request.app[SETTINGS_LOCK]:
        try:
            return json_response(await asyncio.to_thread(users_of(request).add, name or ""))
        except RefusedNameError as error:
            return json_response({"error": str(error)}, 400)


@routes.get("/settings")
async def all_settings(request: web.Request) -> web.Response:
    """Everything a user chose."""
    return json_response(await asyncio.to_thread(read_object, user_root(request, 401), SETTINGS_FILE))


@routes.get("/settings/{id}")
async def one_setting(request: web.Request) -> web.Response:
    """One choice, or null."""
    settings = await asyncio.to_thread(read_object, user_root(request, 401), SETTINGS_FILE)
    return json_response(settings.get(request.match_info["id"]))


async def _merge(request: web.Request, changes: dict[str, Any]) -> web.Response:
    root = user_root(request, 401)

    def write() -> None:
        write_object(root, SETTINGS_FILE, {**read_object(root, SETTINGS_FILE), **plain(changes)})

    async with request.app[SETTINGS_LOCK]:
        await asyncio.to_thread(write)
    return web.Response()


@routes.post("/settings")
async def change_settings(request: web.Request) -> web.Response:
    """Merge an object of choices into what is stored."""
    body = await read_json(request)
    if not isinstance(body, dict):
        raise RefusedError(400, "invalid_body", f"Settings must be a JSON object, not {type_name(body)}")
    return await _merge(request, body)


@routes.post("/settings/{id}")
async def change_setting(request: web.Request) -> web.Response:
    """Store one choice: any JSON value."""
    return await _merge(request, {request.match_info["id"]: await read_json(request)})

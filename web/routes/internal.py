"""`/internal`: what the page asks for and programs should not build on."""

from __future__ import annotations

import asyncio

from aiohttp import web

from web.confined import list_files
from web.keys import FOLDERS, LOG_RING
from web.routes.files import PLACES
from web.wire_json import json_response, read_object

routes = web.RouteTableDef()


@routes.get("/internal/logs")
async def logs(request: web.Request) -> web.Response:
    """The last lines of the log as one string."""
    return json_response("".join(f"{line['t']} - {line['m']}" for line in request.app[LOG_RING].entries()))


@routes.get("/internal/logs/raw")
async def raw_logs(request: web.Request) -> web.Response:
    """The last lines of the log with their times."""
    return json_response({"entries": request.app[LOG_RING].entries(), "size": {"cols": 120, "rows": 40}})


@routes.patch("/internal/logs/subscribe")
async def subscribe(request: web.Request) -> web.Response:
    """Let a socket hear each new line of the log, or no more."""
    body = await read_object(request)
    client_id, enabled = body.get("clientId"), body.get("enabled")
    if isinstance(client_id, str):
        request.app[LOG_RING].subscribe(client_id, is_on=bool(enabled))
    return web.Response()


@routes.get("/internal/folder_paths")
async def folder_paths(request: web.Request) -> web.Response:
    """The directories of every model folder."""
    folders = request.app[FOLDERS]
    roots = {key: [str(root) for root in folders.roots(key)] for key in folders}
    return json_response(roots)


@routes.get("/internal/files/{kind}")
async def files(request: web.Request) -> web.Response:
    """The files at the top of the input, output or temp folder, newest first."""
    kind = request.match_info["kind"]
    if kind not in PLACES:
        return json_response({"error": "Invalid directory type"}, 400)
    root = request.app[FOLDERS].place(kind)

    def newest() -> list[str]:
        try:
            found = [(status.st_mtime, name) for name, status in list_files(root, (), recurse=False)]
        except OSError:
            return []
        return [name for _, name in sorted(found, reverse=True) if not name.endswith("/")]

    return json_response(await asyncio.to_thread(newest))

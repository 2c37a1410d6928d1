"""`/workers`, `/packs` and `/queue/pause`: who does what, what was loaded, and whether jobs are started."""

from __future__ import annotations

from dataclasses import asdict

from aiohttp import web

from web.keys import SERVICE
from web.pack_reports import served
from web.wire_json import json_response

routes = web.RouteTableDef()


@routes.get("/api/workers")
async def workers(request: web.Request) -> web.Response:
    """Each worker with its device, its job and the models it holds; and whether jobs are started."""
    service = request.app[SERVICE]
    found = [asdict(worker) for worker in service.workers()]
    return json_response({"paused": service.paused, "workers": found})


@routes.get("/api/packs")
async def packs(request: web.Request) -> web.Response:
    """The packs in the custom node folders: what they brought, or why they could not be loaded.

    Not `is_complete` until a worker has told of them.
    """
    service = request.app[SERVICE]
    told = [served(report) for report in service.packs]
    return json_response({"packs": told, "is_complete": service.doors.is_told})


@routes.post("/api/queue/pause")
async def pause(request: web.Request) -> web.Response:
    """Start no more jobs; those that run go on."""
    request.app[SERVICE].pause()
    return json_response({"paused": True})


@routes.post("/api/queue/resume")
async def resume(request: web.Request) -> web.Response:
    """Start jobs again."""
    request.app[SERVICE].resume()
    return json_response({"paused": False})

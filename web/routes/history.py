"""`/history`: what has finished, with its outputs."""

from __future__ import annotations

from aiohttp import web

from web.keys import SERVICE
from web.routes.queue import id_list
from web.wire_json import json_response, read_object, text_response, whole_number

routes = web.RouteTableDef()


@routes.get("/history")
async def history(request: web.Request) -> web.Response:
    """Finished jobs by id, oldest first; `max_items` alone keeps the last ones, `offset` skips the oldest."""
    max_items = whole_number(request.query.get("max_items"), "max_items")
    offset = whole_number(request.query.get("offset"), "offset")
    if offset is not None and offset < 0:
        offset = None
    if max_items is not None and max_items < 0:
        max_items = None
    if max_items == 0:
        return json_response({})
    return text_response(await request.app[SERVICE].history_text(max_items, offset))


@routes.get("/history/{prompt_id}")
async def history_entry(request: web.Request) -> web.Response:
    """One finished job under its id, or an empty object."""
    entry = await request.app[SERVICE].history_entry(request.match_info["prompt_id"])
    return json_response({entry.job_id: entry.wire()} if entry else {})


@routes.post("/history")
async def change_history(request: web.Request) -> web.Response:
    """Clear the history or delete some entries."""
    service = request.app[SERVICE]
    body = await read_object(request)
    ids = id_list(body, "delete")
    if body.get("clear"):
        await service.clear_history()
    if ids:
        await service.delete_history(ids)
    return web.Response()

"""`/api/openapi.json`: the whole API, described for programs."""

from __future__ import annotations

from aiohttp import web

from web.openapi import document
from web.wire_json import json_response

routes = web.RouteTableDef()


@routes.get("/api/openapi.json")
async def openapi(request: web.Request) -> web.Response:
    """The description that you read."""
    return json_response(document(request.app))

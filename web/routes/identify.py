"""`/api/identify`: what a model file is."""

from __future__ import annotations

import asyncio

from aiohttp import web

from loaders.identify.verdict import identify_path
from nodes.api.errors import NodeError
from web.keys import FOLDERS
from web.refusal import RefusedError
from web.wire_json import json_response

routes = web.RouteTableDef()


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

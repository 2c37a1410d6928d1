"""`/object_info`: what nodes there are, with the files their drop-downs offer right now."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterable
from functools import lru_cache

from aiohttp import web

from nodes.api.catalogue import object_info
from nodes.api.spec import NodeSpec
from web.keys import FOLDERS, SERVICE
from web.routes.prompt import known_specs
from web.wire_json import plain

routes = web.RouteTableDef()

# Packs are looked at again for so long; if it takes longer, or a job computes, the last known is told.
LOOK_SECONDS = 0.25


@routes.get("/object_info")
async def all_nodes(request: web.Request) -> web.Response:
    """Every node by class id; revalidated by ETag, since a page asks for it at each start.

    Packs are asked anew what they offer, for the lists of files in their drop-downs.
    """
    await request.app[SERVICE].doors.look_again(LOOK_SECONDS)
    specs = await known_specs(request)
    return await _answer(request, specs.values())


@routes.get("/object_info/{class_id}")
async def one_node(request: web.Request) -> web.Response:
    """One node under its class id, or an empty object."""
    await request.app[SERVICE].doors.look_again(LOOK_SECONDS)
    specs = await known_specs(request)
    spec = specs.get(request.match_info["class_id"])
    return await _answer(request, [spec] if spec else [])


async def _answer(request: web.Request, specs: Iterable[NodeSpec]) -> web.Response:
    folders = request.app[FOLDERS]

    def write() -> bytes:
        names = lru_cache(maxsize=None)(folders.names)
        info = {spec.id: object_info(spec, names) for spec in specs}
        return json.dumps(plain(info), allow_nan=False).encode()

    body = await asyncio.to_thread(write)
    tag = hashlib.sha256(body).hexdigest()[:32]
    headers = {"ETag": f'"{tag}"', "Cache-Control": "no-cache"}
    if any(known.value == tag for known in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type="application/json", charset="utf-8", headers=headers)

"""`/api/plan`: how much memory a graph takes, what sits where and why, before it runs."""

from __future__ import annotations

from aiohttp import web

from web.keys import SERVICE
from web.refusal import RefusedError
from web.wire_json import json_response, read_object

routes = web.RouteTableDef()


@routes.post("/api/plan")
async def plan(request: web.Request) -> web.Response:
    """The memory that a graph takes: `{"prompt": ...}` as for `/prompt`; nothing is loaded."""
    body = await read_object(request)
    prompt = body.get("prompt")
    if not isinstance(prompt, dict) or not prompt:
        raise RefusedError(400, "no_prompt", "The body must hold a graph under 'prompt'")
    answer = await request.app[SERVICE].plan(prompt)
    if answer is None:
        raise RefusedError(503, "no_worker", "No worker is up that could plan the graph; try again soon")
    if answer.problem:
        raise RefusedError(400, "cannot_plan", answer.problem)
    return json_response(dict(answer.plan))

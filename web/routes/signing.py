"""`/sign`: addresses that can be handed on, for a short time and for reading only."""

from __future__ import annotations

from aiohttp import web

from web.keys import SETTINGS
from web.refusal import RefusedError
from web.tokens import LONGEST_SIGNED_SECONDS, signed
from web.wire_json import json_response, read_object

routes = web.RouteTableDef()

USUAL_SECONDS = 300
# What is signed shows one file or one job, never a list that names others.
SIGNABLE = ("/view", "/api/view", "/api/jobs/", "/history/", "/api/history/")


@routes.post("/sign")
async def sign(request: web.Request) -> web.Response:
    """A short-lived address for `{"path", "seconds"}` that works without the token."""
    body = await read_object(request)
    path, seconds = body.get("path"), body.get("seconds", USUAL_SECONDS)
    if not isinstance(path, str) or not path.startswith(SIGNABLE) or len(path) > 4000:
        raise RefusedError(400, "invalid_body", f"path must begin with one of {', '.join(SIGNABLE)}")
    if (
        not isinstance(seconds, int)
        or isinstance(seconds, bool)
        or not 1 <= seconds <= LONGEST_SIGNED_SECONDS
    ):
        raise RefusedError(400, "invalid_body", f"seconds must be 1 to {LONGEST_SIGNED_SECONDS}")
    token = request.app[SETTINGS].token
    if token is None:
        return json_response({"url": path, "seconds": seconds})
    return json_response({"url": signed(path, token, seconds), "seconds": seconds})

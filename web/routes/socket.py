"""`/ws`: the socket on which a client hears of its jobs."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

from aiohttp import WSMsgType, web

from web.hub import EVENT_IDS, Connection, Message
from web.keys import HUB, RELAY, SERVICE
from web.refusal import RefusedError
from web.replay import replay, wanted
from web.routes.info import feature_flags
from web.wire_messages import status

routes = web.RouteTableDef()

MAX_MESSAGE_BYTES = 4 * 2**20
MAX_SOCKETS = 1000
CLOSE_SECONDS = 2.0
MAX_SID_LENGTH = 200


@routes.get("/ws")
async def socket(request: web.Request) -> web.WebSocketResponse:
    """Serve one client until it goes. The first message names its id, the queue's length comes with it.

    With `resume=NUMBER:JOB` (or several) it hears what it missed of that job since the event of that number.
    """
    if "Cookie" in request.headers and "Origin" not in request.headers:
        raise RefusedError(403, "unproved_origin", "A socket opened with cookies must carry its Origin")
    hub = request.app[HUB]
    if len(hub) >= MAX_SOCKETS:
        raise RefusedError(503, "too_many_sockets", f"{MAX_SOCKETS} sockets are open already")
    sid = request.query.get("clientId") or uuid.uuid4().hex
    if len(sid) > MAX_SID_LENGTH:
        raise RefusedError(400, "invalid_query", "clientId must have at most 200 letters")
    resumed = wanted(request)
    response = web.WebSocketResponse(max_msg_size=MAX_MESSAGE_BYTES, compress=False, timeout=CLOSE_SECONDS)
    if not response.can_prepare(request):
        raise RefusedError(400, "not_a_websocket", "This address speaks the websocket protocol only")
    await response.prepare(request)
    transport = request.transport
    connection = Connection(sid, response, transport.abort if transport else lambda: None)
    _greet(request, connection)
    if resumed:
        connection.flags = {EVENT_IDS: True}
        connection.hold()
    hub.add(connection)
    writer = asyncio.create_task(connection.write())
    try:
        if resumed:
            await replay(request, connection, resumed)
        await _listen(request, connection)
    finally:
        hub.remove(connection)
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
    return response


def _greet(request: web.Request, connection: Connection) -> None:
    first = status(request.app[SERVICE].queue_remaining(), connection.sid)
    connection.put(first.text())
    node_id = request.app[RELAY].running_node(connection.sid)
    if node_id is not None:
        connection.put(Message("executing", {"node": node_id}).text())


async def _listen(request: web.Request, connection: Connection) -> None:
    """Read until the client goes; only its first JSON message can mean something: its feature flags."""
    is_first = True
    async for message in connection.socket:
        if message.type is not WSMsgType.TEXT or not is_first:
            continue
        try:
            said: Any = json.loads(message.data)
        except (ValueError, RecursionError):
            continue
        is_first = False
        if isinstance(said, dict) and said.get("type") == "feature_flags":
            data = said.get("data")
            connection.flags |= data if isinstance(data, dict) else {}
            connection.put(Message("feature_flags", feature_flags(request)).text())

"""Reaches the routes that packs serve in a worker: bodies stream both ways, and the app's own routes win."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

import aiohttp
from aiohttp import WSMsgType, web
from yarl import URL

from web.access import check_no_link
from web.forwarding import answer_headers, query_of, request_headers
from web.keys import PACK_PROXY
from web.packs import find_packs
from web.refusal import RefusedError
from web.routes import pages
from web.settings import WebSettings

if TYPE_CHECKING:
    from executor.worker.doors import Door
    from executor.worker.service import Service

MOST_REQUESTS = 256
CONNECT_SECONDS = 5.0
# How often it is looked whether the client still waits.
LOOK_SECONDS = 2.0
MAX_MESSAGE_BYTES = 16 * 2**20
CLOSE_SECONDS = 2.0
# They say that no code came, and never travel (RFC 6455, section 7.4.1).
UNSENT_CODES = frozenset({1005, 1006})
OWN_HEADERS = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
RETRY = {"Retry-After": "5"}

T = TypeVar("T")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def pack_routes(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Hands on what no route and no file of the server's own answers."""
    unmatched = request.match_info.http_exception
    if unmatched is None:
        if request.match_info.handler is not pages.static:
            return await handler(request)
        try:
            return await handler(request)
        except RefusedError as refused:
            if refused.status != HTTPStatus.NOT_FOUND:
                raise
    elif unmatched.status == HTTPStatus.METHOD_NOT_ALLOWED and await _is_own(request):
        return await handler(request)
    proxy = request.app[PACK_PROXY]
    door = proxy.door(request)
    if door is not None:
        return await proxy.answer(request, door)
    if unmatched is not None:
        return await handler(request)
    raise RefusedError(404, "not_found", "There is nothing at this address")


async def _is_own(request: web.Request) -> bool:
    """Whether the server knows the address, if by another method; the page's files do not count."""
    for resource in request.app.router.resources():
        if resource.canonical != "/{path}" and (await resource.resolve(request))[1]:
            return True
    return False


class PackProxy:
    """The server's client towards its workers; used on the event loop."""

    def __init__(self, service: Service, settings: WebSettings) -> None:
        self._service = service
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None
        self._open = 0

    def start(self) -> None:
        """Get ready."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
        )

    async def close(self) -> None:
        """Let go of all connections."""
        if self._session is not None:
            await self._session.close()

    def door(self, request: web.Request) -> Door | None:
        """Where packs answer this address; None if they do not. Refuses (503) what nobody can answer yet."""
        doors = self._service.doors
        door = doors.find(request.rel_url.raw_path)
        is_early = not doors.is_told and bool(find_packs(self._settings.custom_nodes))
        if is_early or (door is not None and not door.address):
            message = "The worker that answers for packs is not up; try again in a moment"
            raise RefusedError(503, "packs_not_ready", message, headers=RETRY)
        return door

    async def answer(self, request: web.Request, door: Door) -> web.StreamResponse:
        """The answer of a pack, passed on as it comes."""
        check_no_link(request, self._settings)
        if self._open >= MOST_REQUESTS:
            message = f"{MOST_REQUESTS} requests to packs are open already"
            raise RefusedError(503, "too_many_requests", message, headers=RETRY)
        query = query_of(request, self._settings)
        address = door.address + request.rel_url.raw_path + (f"?{query}" if query else "")
        url = URL(address, encoded=True)
        self._open += 1
        try:
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await self._join(request, url, door)
            return await self._pass_on(request, url, door)
        finally:
            self._open -= 1

    async def _pass_on(self, request: web.Request, url: URL, door: Door) -> web.StreamResponse:
        assert self._session is not None
        body = _Body(request, self._settings)
        asked = self._session.request(
            request.method,
            url,
            headers=request_headers(request, self._settings, door.secret),
            data=body.blocks() if request.can_read_body else None,
            allow_redirects=False,
            skip_auto_headers=OWN_HEADERS,
        )
        try:
            given = await _attended(request, asked)
        except (aiohttp.ClientError, TimeoutError):
            raise body.refused or _gone() from None
        response = web.StreamResponse(
            status=given.status,
            reason=given.reason,
            headers=answer_headers(given.headers, given.headers.items()),
        )
        async with given:
            await response.prepare(request)
            try:
                while block := await _attended(request, given.content.readany()):
                    await response.write(block)
            except aiohttp.ClientError:
                # Its beginning is out already: only a cut connection says that the rest is missing.
                if request.transport is not None:
                    request.transport.abort()
                raise ConnectionResetError("the worker went away while it answered") from None
            await response.write_eof()
        return response

    async def _join(self, request: web.Request, url: URL, door: Door) -> web.StreamResponse:
        assert self._session is not None
        if "Cookie" in request.headers and "Origin" not in request.headers:
            raise RefusedError(403, "unproved_origin", "A socket opened with cookies must carry its Origin")
        offered = request.headers.get("Sec-WebSocket-Protocol", "")
        try:
            theirs = await self._session.ws_connect(
                url,
                headers=request_headers(request, self._settings, door.secret),
                protocols=[name.strip() for name in offered.split(",") if name.strip()],
                max_msg_size=MAX_MESSAGE_BYTES,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS),
            )
        except aiohttp.WSServerHandshakeError as error:
            raise RefusedError(
                error.status, "no_socket", "The pack opens no socket at this address"
            ) from None
        except aiohttp.ClientError:
            raise _gone() from None
        ours = web.WebSocketResponse(
            protocols=(theirs.protocol,) if theirs.protocol else (),
            max_msg_size=MAX_MESSAGE_BYTES,
            compress=False,
            timeout=CLOSE_SECONDS,
        )
        async with theirs:
            await ours.prepare(request)
            pumps = {asyncio.create_task(_pump(theirs, ours)), asyncio.create_task(_pump(ours, theirs))}
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            code = theirs.close_code if theirs.close_code not in UNSENT_CODES else None
            await ours.close(code=code or aiohttp.WSCloseCode.GOING_AWAY)
        return ours


class _Body:
    """The body of a request as it comes in, within the limits for uploads."""

    def __init__(self, request: web.Request, settings: WebSettings) -> None:
        self._request = request
        self._settings = settings
        self.refused: RefusedError | None = None
        if (request.content_length or 0) > settings.max_upload_bytes:
            raise self._too_large()

    async def blocks(self) -> AsyncIterator[bytes]:
        """Its blocks; what must not go on is left in `refused`."""
        length = 0
        try:
            while block := await self._next():
                length += len(block)
                if length > self._settings.max_upload_bytes:
                    raise self._too_large()
                yield block
        except RefusedError as refused:
            self.refused = refused
            raise

    async def _next(self) -> bytes:
        try:
            return await asyncio.wait_for(self._request.content.readany(), self._settings.body_seconds)
        except TimeoutError:
            close = {"Connection": "close"}
            raise RefusedError(408, "body_too_slow", "The body came too slowly", headers=close) from None

    def _too_large(self) -> RefusedError:
        limit = self._settings.max_upload_bytes
        return RefusedError(413, "body_too_large", f"The body is larger than {limit} bytes")


async def _attended(request: web.Request, work: Awaitable[T]) -> T:
    """What work gives, given up if the client goes away meanwhile."""

    async def wait() -> T:
        return await work

    task = asyncio.create_task(wait())
    try:
        while not (await asyncio.wait({task}, timeout=LOOK_SECONDS))[0]:
            if request.transport is None or request.transport.is_closing():
                raise ConnectionResetError("the client went away")
        return task.result()
    finally:
        task.cancel()


async def _pump(
    source: aiohttp.ClientWebSocketResponse | web.WebSocketResponse,
    target: aiohttp.ClientWebSocketResponse | web.WebSocketResponse,
) -> None:
    async for message in source:
        if message.type is WSMsgType.TEXT:
            await target.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await target.send_bytes(message.data)


def _gone() -> RefusedError:
    message = "The worker that answers for packs went away; try again in a moment"
    return RefusedError(503, "packs_not_ready", message, headers=RETRY)

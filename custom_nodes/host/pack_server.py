"""Serves the routes that packs declare: an application on a thread of its own, for this app's server alone.

It listens on loopback and answers only who shows a secret, so that no page and no other user of the computer
gets past the checks of the server in front.
"""

import asyncio
import hmac
import logging
import secrets
import threading
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

logger = logging.getLogger(__name__)

SECRET_HEADER = "X-Sfumato-Door"
CLIENT_HEADER = "X-Sfumato-Client"
API_PREFIX = "/api"
STOP_SECONDS = 1.0

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Hook = Callable[[web.Application], Awaitable[object]]


@dataclass(frozen=True)
class Served:
    """Where routes are served ("" if there are none), what opens them, their paths; `*` is any end of one."""

    address: str = ""
    secret: str = ""
    paths: tuple[str, ...] = ()


class PackServer:
    """One event loop on a thread, made when first needed; routes and background work of packs run on it.

    Args:
        patience_seconds: how long routes may take to end when they are served no more.
    """

    def __init__(self, patience_seconds: float = 10.0) -> None:
        self.patience_seconds = patience_seconds
        self._loop: asyncio.AbstractEventLoop | None = None
        self._starting = threading.Lock()
        self._runner: web.AppRunner | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that routes run on."""
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="pack-server", daemon=True).start()
        return self._loop

    def serve(self, app: web.Application, routes: web.RouteTableDef) -> Served:
        """Serve an application with further routes, in place of what was served before."""
        self.close()
        add_routes(app, routes)
        paths = tuple(sorted(set(paths_of(app))))
        if not paths:
            return Served()
        secret = secrets.token_urlsafe(32)
        app.middlewares.insert(0, gate(secret))
        for index, hook in enumerate(app.on_startup):
            app.on_startup[index] = guarded(hook)
        starting = asyncio.run_coroutine_threadsafe(self._start(app), self.loop)
        return Served(starting.result(), secret, paths)

    def close(self) -> None:
        """Serve nothing any more."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        work = asyncio.run_coroutine_threadsafe(runner.cleanup(), self.loop)
        try:
            work.result(self.patience_seconds)
        except TimeoutError:
            logger.warning("a route of a pack does not end; what it runs on is left to it")
            with self._starting:
                self._loop = None

    async def _start(self, app: web.Application) -> str:
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_SECONDS)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"


def add_routes(app: web.Application, routes: web.RouteTableDef) -> None:
    """Add a table of routes, those with a method under `/api` too; of two for one address the first stays."""
    for route in routes:
        twin = None
        if isinstance(route, web.RouteDef):
            options = {name: value for name, value in route.kwargs.items() if name != "name"}
            twin = web.RouteDef(route.method, API_PREFIX + route.path, route.handler, options)
        for entry in (route, twin):
            if entry is None:
                continue
            try:
                entry.register(app.router)
            except (RuntimeError, ValueError) as problem:
                logger.warning("a pack's route is left out: %s: %s", entry, problem)


def paths_of(app: web.Application) -> Iterable[str]:
    """The addresses that an application answers, as far as they are fixed; `*` stands for any end."""
    for resource in app.router.resources():
        info = resource.get_info()
        if "path" in info:
            yield info["path"]
        elif "formatter" in info:
            yield info["formatter"].partition("{")[0] + "*"
        else:
            yield info.get("prefix", "") + "*"


def gate(secret: str) -> Any:
    """What every request of the server passes: the secret is checked, the client's own address restored."""

    @web.middleware
    async def enter(request: web.Request, handler: Handler) -> web.StreamResponse:
        shown = request.headers.get(SECRET_HEADER, "")
        if not hmac.compare_digest(shown.encode("utf-8", "replace"), secret.encode()):
            return refusal(403, "forbidden", "These routes are reached through the server only")
        if isinstance(request.match_info.http_exception, web.HTTPNotFound):
            return refusal(404, "not_found", "There is nothing at this address")
        headers = request.headers.copy()
        headers.popall(SECRET_HEADER)
        client = headers.popall(CLIENT_HEADER, [request.remote or ""])[0]
        try:
            return await handler(request.clone(headers=headers, remote=client))
        except (web.HTTPException, ConnectionError):
            raise
        except Exception:
            logger.exception("a pack's route failed: %s %s", request.method, request.path)
            return refusal(500, "pack_error", "The pack failed to answer; the log says why")

    return enter


def refusal(status: int, kind: str, message: str) -> web.Response:
    """An answer that says no in the form of the server's own."""
    error = {"type": kind, "message": message, "details": "", "extra_info": {}}
    return web.json_response({"error": error}, status=status)


def guarded(hook: Hook) -> Hook:
    """What a pack wants done when serving starts; if it fails, its routes are served all the same."""

    async def run(app: web.Application) -> None:
        try:
            await hook(app)
        except Exception:
            logger.exception("what a pack does when serving starts failed")

    return run

"""Builds the web application: routes with their `/api` twins, middleware, the socket hub and the page."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from aiohttp import web

from executor.worker.notices import CatalogueChanged
from web import keys
from web.downloads import Downloads
from web.hub import Hub, Message
from web.log_ring import LogLine, LogRing
from web.measures import Measures
from web.middleware import finish, security, structured_errors
from web.pack_proxy import PackProxy, pack_routes
from web.relay import Relay
from web.routes import (
    assets,
    catalogue,
    description,
    downloads,
    drafts,
    files,
    health,
    history,
    identify,
    info,
    internal,
    job_events,
    jobs,
    models,
    pages,
    plan,
    prompt,
    queue,
    signing,
    socket,
    templates,
    uploads,
    userdata,
    users,
    workers,
    workflows,
)
from web.settings import WebSettings
from web.tokens import Guesses
from web.webhooks import Webhooks

if TYPE_CHECKING:
    from executor.worker.notices import ServiceEvent
    from executor.worker.service import Service
    from loaders.folders import Folders

TWINNED = (
    prompt,
    queue,
    history,
    socket,
    catalogue,
    files,
    uploads,
    info,
    models,
    users,
    userdata,
    pages,
    health,
    signing,
)
UNTWINNED = (
    assets,
    identify,
    templates,
    downloads,
    jobs,
    job_events,
    workers,
    workflows,
    drafts,
    plan,
    description,
    internal,
)
API_PREFIX = "/api"
MOST_DECODERS = 2


def build(service: Service, folders: Folders, settings: WebSettings) -> web.Application:
    """The application over a service that its owner starts and stops."""
    app = web.Application(
        middlewares=[structured_errors, security, pack_routes], client_max_size=settings.max_upload_bytes
    )
    hub, ring = Hub(), LogRing()
    app[keys.SERVICE], app[keys.FOLDERS], app[keys.SETTINGS] = service, folders, settings
    app[keys.HUB], app[keys.LOG_RING] = hub, ring
    app[keys.RELAY] = Relay(service, hub)
    app[keys.PACK_PROXY] = PackProxy(service, settings)
    app[keys.MEASURES], app[keys.GUESSES] = Measures(), Guesses()
    app[keys.SETTINGS_LOCK], app[keys.DECODERS] = asyncio.Lock(), asyncio.Semaphore(MOST_DECODERS)
    app[keys.WORKFLOWS_LOCK] = asyncio.Lock()
    app[keys.DOWNLOADS] = Downloads()
    app[keys.STREAMS] = asyncio.Semaphore(job_events.MOST_STREAMS)
    _add_routes(app)
    app.on_response_prepare.append(finish)
    app.cleanup_ctx.append(_running)
    app.on_shutdown.append(_close_sockets)
    return app


def _add_routes(app: web.Application) -> None:
    for module in TWINNED:
        for route in module.routes:
            if isinstance(route, web.RouteDef):
                app.router.add_route(route.method, API_PREFIX + route.path, route.handler)
        app.add_routes(module.routes)
    for module in UNTWINNED:
        app.add_routes(module.routes)
    app.add_routes(reversed(list(pages.page_routes)))


async def _running(app: web.Application) -> AsyncIterator[None]:
    """What lives as long as the server: the relay and the log ring."""
    ring, hub, loop = app[keys.LOG_RING], app[keys.HUB], asyncio.get_running_loop()

    def publish(line: LogLine, client_ids: frozenset[str]) -> None:
        message = Message("logs", {"entries": [line], "size": None})
        for client_id in client_ids:
            loop.call_soon_threadsafe(hub.send, message, client_id)

    ring.publish = publish
    logging.getLogger().addHandler(ring)
    app[keys.RELAY].start()
    app[keys.PACK_PROXY].start()

    def adopt(told: ServiceEvent) -> None:
        if isinstance(told.event, CatalogueChanged):
            for key, folder in app[keys.SERVICE].doors.model_folders.items():
                app[keys.FOLDERS].adopt(key, **folder)

    forget = app[keys.SERVICE].listen(adopt)
    deaf = app[keys.SERVICE].listen(app[keys.MEASURES].hear)
    watching = asyncio.create_task(app[keys.MEASURES].watch_loop())
    webhooks = Webhooks(app[keys.SERVICE], app[keys.SETTINGS].webhook_hosts)
    silent = app[keys.SERVICE].listen(webhooks.hear)
    await webhooks.resume()
    yield
    forget()
    await app[keys.PACK_PROXY].close()
    silent()
    await webhooks.close()
    await app[keys.DOWNLOADS].close()
    watching.cancel()
    deaf()
    app[keys.RELAY].stop()
    logging.getLogger().removeHandler(ring)


async def _close_sockets(app: web.Application) -> None:
    await app[keys.HUB].close()

"""The typed keys under which the application keeps its parts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from web.settings import WebSettings

if TYPE_CHECKING:
    from executor.worker.service import Service
    from loaders.folders import Folders
    from web.downloads import Downloads
    from web.hub import Hub
    from web.log_ring import LogRing
    from web.measures import Measures
    from web.pack_proxy import PackProxy
    from web.relay import Relay
    from web.tokens import Guesses

SERVICE: web.AppKey[Service] = web.AppKey("service")
FOLDERS: web.AppKey[Folders] = web.AppKey("folders")
SETTINGS: web.AppKey[WebSettings] = web.AppKey("settings")
HUB: web.AppKey[Hub] = web.AppKey("hub")
PACK_PROXY: web.AppKey[PackProxy] = web.AppKey("pack_proxy")
RELAY: web.AppKey[Relay] = web.AppKey("relay")
LOG_RING: web.AppKey[LogRing] = web.AppKey("log_ring")
DECODERS: web.AppKey[asyncio.Semaphore] = web.AppKey("decoders")
SETTINGS_LOCK: web.AppKey[asyncio.Lock] = web.AppKey("settings_lock")
WORKFLOWS_LOCK: web.AppKey[asyncio.Lock] = web.AppKey("workflows_lock")
DOWNLOADS: web.AppKey[Downloads] = web.AppKey("downloads")
MEASURES: web.AppKey[Measures] = web.AppKey("measures")
GUESSES: web.AppKey[Guesses] = web.AppKey("guesses")
STREAMS: web.AppKey[asyncio.Semaphore] = web.AppKey("streams")

"""A server in the process of the test: real sockets, queue and routes, the toys' catalogue, and no worker."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from executor.worker import catalogue_file
from executor.worker.service import Service
from loaders.folders import Folders
from nodes.api.catalogue import collect
from tests.web import toy_nodes
from web.app import build
from web.serving import runner
from web.settings import WebSettings

# It says nothing, so jobs wait for ever, and ends at the first word it hears, which is to stop.
SILENT_WORKER = ("bash", "-c", "read -rn1 -u ${1#fd:}")


@dataclass(frozen=True)
class QuickServer:
    """Where a server in this process listens, and its parts."""

    port: int
    base: Path
    service: Service
    app: web.Application

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def running(base: Path, **settings: Any) -> AsyncIterator[QuickServer]:
    base.mkdir(parents=True, exist_ok=True)
    specs = [node.spec.to_json() for node in collect([toy_nodes]).values()]
    catalogue_file.save(base / "catalogue.json", specs)
    folders = Folders(base)
    folders.create()
    service = Service(base / "sfumato.db", SILENT_WORKER, base / "catalogue.json")
    await service.start()
    given = {"user_directory": base / "users", **settings}
    app = build(service, folders, WebSettings(**given))
    serving = runner(app)
    try:
        await serving.setup()
        await web.TCPSite(serving, "127.0.0.1", 0).start()
        yield QuickServer(serving.addresses[0][1], base, service, app)
    finally:
        await serving.cleanup()
        await service.stop()

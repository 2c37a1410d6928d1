"""A real server over real sockets with a real worker, whose nodes are toys; others without a worker."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.web import quick
from tests.web.client import READY_SECONDS, Client, Server, running_server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("server") / "base") as running:
        yield running


@pytest.fixture
async def start_server(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[quick.QuickServer]]]:
    """Start a server in this process, with settings of its own and a worker that never answers."""
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> quick.QuickServer:
            base = tmp_path / f"base-{os.urandom(4).hex()}"
            return await stack.enter_async_context(quick.running(base, **settings))

        yield start


@pytest.fixture
async def http(server: Server) -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=READY_SECONDS)
    async with aiohttp.ClientSession(server.url, timeout=timeout) as session:
        yield session


@pytest.fixture
async def connect(http: aiohttp.ClientSession) -> AsyncIterator[Callable[..., Any]]:
    async with AsyncExitStack() as stack:

        async def open_socket(sid: str, flags: dict[str, Any] | None = None) -> Client:
            socket = await stack.enter_async_context(http.ws_connect(f"/ws?clientId={sid}"))
            client = Client(http, socket, sid)
            first = await client.next()
            assert isinstance(first, dict)
            assert first["type"] == "status"
            if flags is not None:
                await socket.send_json({"type": "feature_flags", "data": flags})
                await client.until("feature_flags")
            return client

        yield open_socket

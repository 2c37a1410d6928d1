"""What do packs ask of the server? Routes are collected, messages passed on (`server` to packs)."""

import logging
from collections.abc import Callable
from enum import IntEnum
from types import SimpleNamespace
from typing import Any, ClassVar

from aiohttp import web

from custom_nodes.host.state import get_context, get_host

logger = logging.getLogger(__name__)


class BinaryEventTypes(IntEnum):
    """The kinds of binary messages to pages."""

    PREVIEW_IMAGE = 1
    UNENCODED_PREVIEW_IMAGE = 2
    TEXT = 3
    PREVIEW_IMAGE_WITH_METADATA = 4


class PromptServer:
    """The server as packs see it from a worker; `PromptServer.instance` is the only one.

    routes: what packs declare here is served by the worker, behind the server.
    on_prompt_handlers: functions that may change a prompt before it runs.
    """

    instance: ClassVar["PromptServer"]

    def __init__(self) -> None:
        self.supports = ["custom_nodes_from_web"]
        self.number = 0
        self.reset()

    def reset(self) -> None:
        """Forget what packs declared."""
        self.routes = web.RouteTableDef()
        self.on_prompt_handlers: list[Callable[[Any], Any]] = []

    @property
    def app(self) -> Any:
        """What takes routes in the way of an application; they join `routes`."""
        return SimpleNamespace(router=_Router(self.routes), add_routes=self.add_routes)

    def add_routes(self, routes: Any) -> None:
        """Take further routes."""
        self.routes._items.extend(routes)

    @property
    def client_id(self) -> str | None:
        """The page whose job runs, or None."""
        return getattr(get_context(), "client_id", None)

    @property
    def last_node_id(self) -> str | None:
        """The node that runs, or None."""
        return getattr(get_context(), "node_id", None)

    @property
    def last_prompt_id(self) -> str | None:
        """The job that runs, or None."""
        return getattr(get_context(), "job_id", None)

    @property
    def address(self) -> str:
        """Where the server listens."""
        return str(get_host().options.get("listen") or "127.0.0.1")

    @property
    def port(self) -> int:
        """The port the server listens on."""
        return int(get_host().options.get("port") or 8188)

    def send_sync(self, event: str, data: Any, sid: str | None = None) -> None:
        """Send a message to a page, or to all; may be called on any thread."""
        if isinstance(event, int):
            self._send_binary(event, data)
        else:
            get_host().send(str(event), data, sid)

    async def send(self, event: str, data: Any, sid: str | None = None) -> None:
        """The same for coroutines."""
        self.send_sync(event, data, sid)

    async def send_json(self, event: str, data: Any, sid: str | None = None) -> None:
        """The same for coroutines."""
        self.send_sync(event, data, sid)

    def send_progress_text(self, text: str, node_id: str, sid: str | None = None) -> None:
        """Show a line of text on the node that runs."""
        context = get_context()
        if context is not None:
            context.progress(0, 1, text)

    def add_on_prompt_handler(self, handler: Callable[[Any], Any]) -> None:
        """Have a function change prompts before they run."""
        self.on_prompt_handlers.append(handler)

    def _send_binary(self, event: int, data: Any) -> None:
        context = get_context()
        if context is not None and event == BinaryEventTypes.UNENCODED_PREVIEW_IMAGE:
            context.preview(data[1])
        else:
            logger.debug("a binary message of kind %s is not passed on", event)


class _Router:
    """The part of an application's router that packs use."""

    def __init__(self, routes: web.RouteTableDef) -> None:
        self.routes = routes

    def add_get(self, path: str, handler: Any, **options: Any) -> None:
        """Take a GET route."""
        self.routes.get(path, **options)(handler)

    def add_post(self, path: str, handler: Any, **options: Any) -> None:
        """Take a POST route."""
        self.routes.post(path, **options)(handler)

    def add_static(self, prefix: str, path: Any, **options: Any) -> None:
        """Take a folder of files."""
        self.routes.static(prefix, path, **options)


PromptServer.instance = PromptServer()

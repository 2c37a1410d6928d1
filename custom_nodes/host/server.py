"""What do packs ask of the server? Routes are collected, messages passed on (`server` to packs)."""

import asyncio
import copy
import io
import json
import logging
import struct
from collections.abc import Callable
from enum import IntEnum
from typing import Any, ClassVar

from aiohttp import web

from custom_nodes.host.pack_server import PackServer, Served
from custom_nodes.host.state import get_host, latest

logger = logging.getLogger(__name__)

LARGEST_BODY_BYTES = 2**40
PICTURE_KINDS = {"JPEG": 1, "PNG": 2}


class BinaryEventTypes(IntEnum):
    """The kinds of binary messages to pages."""

    PREVIEW_IMAGE = 1
    UNENCODED_PREVIEW_IMAGE = 2
    TEXT = 3
    PREVIEW_IMAGE_WITH_METADATA = 4


class PromptServer:
    """The server as packs see it from a worker; `PromptServer.instance` is the only one.

    routes: what packs declare here is served by the worker, behind the server, under `/api` too.
    app: takes routes, middlewares and start-up work in the way of aiohttp; they concern packs' routes only.
    on_prompt_handlers: functions that may change what is submitted before it is judged.
    """

    instance: ClassVar["PromptServer"]

    def __init__(self) -> None:
        self.supports = ["custom_nodes_from_web"]
        self.number = 0
        self.pack_server = PackServer()
        self.reset()

    def reset(self) -> None:
        """Forget what packs declared."""
        self.pack_server.close()
        self.routes = web.RouteTableDef()
        # The server in front has limited the body already.
        self.app = web.Application(client_max_size=LARGEST_BODY_BYTES)
        self.on_prompt_handlers: list[Callable[[Any], Any]] = []

    def serve(self) -> Served:
        """Serve what packs have declared by now; once for each `reset`."""
        return self.pack_server.serve(self.app, self.routes)

    def add_routes(self, routes: Any) -> None:
        """Take further routes."""
        self.routes._items.extend(routes)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop that routes of packs run on."""
        return self.pack_server.loop

    @property
    def client_id(self) -> str | None:
        """The page whose job runs, or ran last."""
        return latest().client_id

    @property
    def last_node_id(self) -> str | None:
        """The node of the page that runs, or ran last."""
        return latest().display_id

    @property
    def last_prompt_id(self) -> str | None:
        """The job that runs, or ran last."""
        return latest().job_id

    @property
    def address(self) -> str:
        """Where the server listens."""
        return str(get_host().options.get("listen") or "127.0.0.1")

    @property
    def port(self) -> int:
        """The port the server listens on."""
        return int(get_host().options.get("port") or 8188)

    def send_sync(self, event: str | int, data: Any, sid: str | None = None) -> None:
        """Send a message to a page, or to all; may be called on any thread. Numbers are binary messages."""
        if isinstance(event, int):
            kind, body = binary_message(event, data)
            get_host().send_bytes(kind, body, sid)
        else:
            get_host().send(str(event), data, sid)

    async def send(self, event: str | int, data: Any, sid: str | None = None) -> None:
        """The same for coroutines."""
        self.send_sync(event, data, sid)

    async def send_json(self, event: str, data: Any, sid: str | None = None) -> None:
        """The same for coroutines."""
        self.send_sync(event, data, sid)

    async def send_bytes(self, event: int, data: bytes, sid: str | None = None) -> None:
        """Send a binary message as it is."""
        get_host().send_bytes(int(event), bytes(data), sid)

    def encode_bytes(self, event: int, data: bytes) -> bytes:
        """The frame of a binary message."""
        return struct.pack(">I", int(event)) + bytes(data)

    def send_progress_text(self, text: str | bytes, node_id: str, sid: str | None = None) -> None:
        """Show a line of text on a node."""
        name = str(node_id).encode()
        line = text if isinstance(text, bytes) else text.encode()
        body = struct.pack(">I", len(name)) + name + line
        get_host().send_bytes(int(BinaryEventTypes.TEXT), body, sid or self.client_id)

    def add_on_prompt_handler(self, handler: Callable[[Any], Any]) -> None:
        """Have a function change what is submitted."""
        self.on_prompt_handlers.append(handler)

    def trigger_on_prompt(self, body: dict[str, Any]) -> dict[str, Any]:
        """What the handlers make of a submission; one that fails, or gives no dictionary, changes nothing."""
        for handler in self.on_prompt_handlers:
            try:
                changed = handler(copy.deepcopy(body))
            except Exception:
                logger.exception("a pack's prompt handler failed")
                continue
            if isinstance(changed, dict):
                body = changed
            else:
                logger.warning("a pack's prompt handler gave %s, not the prompt", type(changed).__name__)
        return body


def binary_message(event: int, data: Any) -> tuple[int, bytes]:
    """The kind and the bytes of a binary message; pictures (format, PIL image, largest side) are encoded."""
    if event == BinaryEventTypes.UNENCODED_PREVIEW_IMAGE:
        kind, encoded = encode_picture(*data)
        return int(BinaryEventTypes.PREVIEW_IMAGE), struct.pack(">I", PICTURE_KINDS[kind]) + encoded
    if event == BinaryEventTypes.PREVIEW_IMAGE_WITH_METADATA and isinstance(data, tuple):
        picture, metadata = data
        kind, encoded = encode_picture(*picture)
        head = json.dumps({**metadata, "image_type": f"image/{kind.lower()}"}).encode()
        return event, struct.pack(">I", len(head)) + head + encoded
    return int(event), bytes(data)


def encode_picture(kind: str, picture: Any, largest: int | None = None) -> tuple[str, bytes]:
    """A PIL image as JPEG or PNG, its larger side cut to `largest` pixels."""
    kind = "PNG" if kind == "PNG" else "JPEG"
    if largest is not None and max(picture.size) > largest:
        picture = picture.copy()
        picture.thumbnail((largest, largest))
    buffer = io.BytesIO()
    (picture if kind == "PNG" else picture.convert("RGB")).save(buffer, kind, quality=95, compress_level=1)
    return kind, buffer.getvalue()


PromptServer.instance = PromptServer()

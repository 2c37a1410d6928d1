"""Which sockets are open, and how does one ordered stream of messages reach each of them?"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import WSCloseCode, web

from web.wire_json import to_json

MAX_BACKLOG_BYTES = 32 * 2**20
MAX_BACKLOG_MESSAGES = 50_000
PREVIEW_BACKLOG = 2
PREVIEW_METADATA = "supports_preview_metadata"
EVENT_IDS = "supports_event_ids"
REPLACED = 4001
"""The code with which a socket is closed when a newer one has taken its id."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Message:
    """One thing to send: JSON (`data` given), or bytes in the form for clients with and without metadata.

    Bytes are taken for previews, which may be skipped for a slow client, unless `is_owed`.
    """

    type: str
    data: Mapping[str, Any] | None = None
    legacy_frame: bytes | None = None
    metadata_frame: bytes | None = None
    is_owed: bool = False

    def text(self, event_id: int = 0) -> str:
        """The JSON text frame, with the number of the event that it tells if one is given."""
        text = to_json({"type": self.type, "data": self.data})
        return f'{{"id":{event_id},{text[1:]}' if event_id else text

    def frame(self, has_metadata: bool) -> bytes | None:
        """The binary frame for a client that does (or does not) understand previews with metadata."""
        return self.metadata_frame if has_metadata else self.legacy_frame


class Connection:
    """One open socket with its own bounded backlog; its writer keeps the order of the calls to `put`."""

    def __init__(self, sid: str, socket: web.WebSocketResponse, abort: Callable[[], None]) -> None:
        self.sid = sid
        self.socket = socket
        self._abort = abort
        self.flags: dict[str, Any] = {}
        self.dropped = False
        self._is_replaced = False
        self._held: list[tuple[str | bytes, bool, str, int]] | None = None
        self._backlog: deque[tuple[str | bytes, bool]] = deque()
        self._backlog_bytes = 0
        self._previews = 0
        self._wake = asyncio.Event()

    @property
    def has_metadata(self) -> bool:
        """Whether the client asked for previews that name their node."""
        return self.flags.get(PREVIEW_METADATA) is True

    @property
    def has_ids(self) -> bool:
        """Whether the client asked for the numbers of events."""
        return self.flags.get(EVENT_IDS) is True

    def hold(self) -> None:
        """Keep what comes from now on until `release`; what is replayed comes before it."""
        self._held = []

    def replay(self, messages: Iterable[Message], event_id: int) -> None:
        """Queue what is told again, before all that is held."""
        for message in messages:
            if message.data is not None:
                self._put(message.text(event_id))

    def release(self, known: Mapping[str, int]) -> None:
        """Queue what was held, but for the events up to that number of those jobs, which were replayed."""
        held, self._held = self._held or [], None
        for item, is_preview, job_id, event_id in held:
            if not 0 < event_id <= known.get(job_id, 0):
                self._put(item, is_preview)

    def put(self, item: str | bytes, is_preview: bool = False, job_id: str = "", event_id: int = 0) -> None:
        """Queue a frame. Previews are skipped while older ones wait; a client that never reads is dropped."""
        if self._held is None:
            self._put(item, is_preview)
        else:
            self._held.append((item, is_preview, job_id, event_id))

    def _put(self, item: str | bytes, is_preview: bool = False) -> None:
        if self.dropped:
            return
        if is_preview:
            if self._previews >= PREVIEW_BACKLOG:
                return
            self._previews += 1
        self._backlog.append((item, is_preview))
        self._backlog_bytes += len(item)
        if self._backlog_bytes > MAX_BACKLOG_BYTES or len(self._backlog) > MAX_BACKLOG_MESSAGES:
            logger.warning("A socket does not read its messages and is closed")
            self.drop()
        self._wake.set()

    def drop(self) -> None:
        """Give the client up: nothing more is queued and the connection is cut."""
        self.dropped = True
        self._backlog.clear()
        self._abort()
        self._wake.set()

    def retire(self) -> None:
        """Close the socket after what is queued: a newer one has taken its id."""
        self._is_replaced = True
        self._wake.set()

    async def write(self) -> None:
        """Send what is queued until the socket closes or the client is dropped."""
        try:
            while not self.dropped:
                if not self._backlog:
                    if self._is_replaced:
                        await self.socket.close(code=REPLACED, message=b"another socket has this clientId")
                        return
                    self._wake.clear()
                    await self._wake.wait()
                    continue
                item, is_preview = self._backlog.popleft()
                self._backlog_bytes -= len(item)
                self._previews -= is_preview
                if isinstance(item, str):
                    await self.socket.send_str(item)
                else:
                    await self.socket.send_bytes(item)
        except ConnectionError:
            self.dropped = True


class Hub:
    """All open sockets by client id. Used from the event loop only."""

    def __init__(self) -> None:
        self._connections: dict[str, Connection] = {}

    def __len__(self) -> int:
        return len(self._connections)

    def add(self, connection: Connection) -> None:
        """Let a socket stand for its id from now on; an older one with the same id is closed."""
        if older := self._connections.get(connection.sid):
            older.retire()
        self._connections[connection.sid] = connection

    def remove(self, connection: Connection) -> None:
        """Forget a socket, unless a newer one has taken its id."""
        if self._connections.get(connection.sid) is connection:
            del self._connections[connection.sid]

    def has(self, sid: str) -> bool:
        """Whether somebody listens under this id."""
        return sid in self._connections

    def send(
        self,
        message: Message,
        sid: str | None = None,
        flag: str | None = None,
        job_id: str = "",
        event_id: int = 0,
    ) -> None:
        """Queue a message for one client id or (None) for everybody; with `flag` only for who set it.

        Of a message that tells an event of a job, clients may want to know the number.
        """
        if sid is None:
            targets = list(self._connections.values())
        else:
            found = self._connections.get(sid)
            targets = [found] if found else []
        if flag is not None:
            targets = [connection for connection in targets if connection.flags.get(flag) is True]
        if not targets:
            return
        if message.data is not None:
            text = message.text()
            for connection in targets:
                shown = message.text(event_id) if event_id and connection.has_ids else text
                connection.put(shown, job_id=job_id, event_id=event_id)
            return
        for connection in targets:
            if frame := message.frame(connection.has_metadata):
                connection.put(frame, is_preview=not message.is_owed)

    async def close(self) -> None:
        """Close every socket, for the server is going away."""
        connections = list(self._connections.values())
        self._connections.clear()
        await asyncio.gather(
            *(
                one.socket.close(code=WSCloseCode.GOING_AWAY, message=b"the server stops")
                for one in connections
            ),
            return_exceptions=True,
        )

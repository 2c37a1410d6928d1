"""Keeps the last lines of the server's log for the page to show."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypedDict

LINES = 300


class LogLine(TypedDict):
    """One line: the time (ISO) and the text, ended by a line break."""

    t: str
    m: str


def printable(text: str) -> str:
    """The text without control characters, which could forge lines or colour a terminal."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text)


class LogRing(logging.Handler):
    """A logging handler that remembers the last lines."""

    def __init__(self, lines: int = LINES) -> None:
        super().__init__(level=logging.INFO)
        self._lines: deque[LogLine] = deque(maxlen=lines)
        self._subscribers: frozenset[str] = frozenset()
        self.publish: Callable[[LogLine, frozenset[str]], None] | None = None

    def subscribe(self, client_id: str, *, is_on: bool) -> None:
        """Let a client hear each new line, or no more; `publish` is called with it, on any thread."""
        chosen = {client_id} if is_on else set()
        self._subscribers = frozenset((self._subscribers - {client_id}) | chosen)

    def emit(self, record: logging.LogRecord) -> None:
        """Remember a record's message; tracebacks stay in the real log."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat()
        text = printable(record.getMessage())[:4000]
        line: LogLine = {"t": time, "m": f"{record.levelname} {record.name}: {text}\n"}
        self._lines.append(line)
        if self._subscribers and self.publish is not None:
            self.publish(line, self._subscribers)

    def entries(self) -> list[LogLine]:
        """The lines, oldest first."""
        return list(self._lines)

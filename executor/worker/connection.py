"""The worker's end of the line: sends from any thread, and hears while a node computes."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from executor.run.context import running
from executor.worker import protocol


class Connection:
    """A blocking socket to the server."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._sending = threading.Lock()

    @classmethod
    def open(cls, address: str) -> "Connection":
        """The connection named on the command line: `fd:N` is a socket inherited from the server."""
        kind, _, number = address.partition(":")
        if kind != "fd" or not number.isdecimal():
            raise ValueError(f"--connect takes fd:N, not {address!r}")
        line = socket.socket(fileno=int(number))
        line.set_inheritable(False)
        return cls(line)

    def send(self, message: Any, lease: str = "") -> None:
        """Send a message; returns once it is out of this process, so that a crash cannot lose it."""
        frame = protocol.encode(message, lease)
        try:
            with self._sending:
                self._line.sendall(frame)
        except OSError:
            # The server is gone, and nobody is left to do this work for.
            os._exit(0)

    def beat(self, seconds: float) -> None:
        """Say so often from a thread of its own that this process is alive."""

        def beat() -> None:
            while True:
                self.send(protocol.Beat())
                time.sleep(seconds)

        threading.Thread(target=beat, name="heartbeat", daemon=True).start()

    def listen(self, receive: Callable[[Any], None]) -> None:
        """Call back with every message from a thread of its own; at the end of the line, end the process."""
        threading.Thread(target=self._listen, args=(receive,), name="server-listener", daemon=True).start()

    def _listen(self, receive: Callable[[Any], None]) -> None:
        with self._line.makefile("rb") as stream:
            while not isinstance(message := protocol.read(stream), protocol.Stop | None):
                receive(message)
        os._exit(0)


class ConnectionHandler(logging.Handler):
    """Sends log records to the server, with the job and node they belong to."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record, with its traceback as text."""
        job_id, node_id = running.get() or ("", "")
        self._connection.send(
            protocol.LogRecord(
                level=record.levelno,
                logger=record.name,
                message=self.format(record),
                time=record.created,
                job_id=job_id,
                node_id=node_id,
            )
        )

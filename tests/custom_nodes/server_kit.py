"""Starts the real server with packs of this folder, and talks to it as the ecosystem's programs do."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

PACKS = (Path(__file__).resolve().parent / "served", Path(__file__).resolve().parent.parent / "packs")
MAIN = Path(__file__).resolve().parents[2] / "main.py"
PATIENCE_SECONDS = 90


@dataclass
class Server:
    """A server process and what it was started with."""

    base: Path
    arguments: tuple[str, ...]
    url: str = ""
    process: "subprocess.Popen[str] | None" = field(default=None, repr=False)

    def start(self) -> None:
        """Start it and wait until it listens."""
        start = ("--cpu", "--port", "0", "--base-directory", str(self.base))
        with (self.base / "server.log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(MAIN), *start, *self.arguments],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert "http://" in line, self.log()
        self.url = "http://" + line.split("http://")[1].strip().split("/")[0]

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Stop it."""
        assert self.process is not None
        self.process.send_signal(number)
        try:
            self.process.wait(20)
        finally:
            self.process.kill()
            assert self.process.stdout is not None
            self.process.stdout.close()

    def log(self) -> str:
        """What it wrote so far."""
        return (self.base / "server.log").read_text()


@contextmanager
def running(base: Path, packs: list[str], *arguments: str) -> Iterator[Server]:
    """A server whose packs are copies of these."""
    for name in packs:
        (source,) = (place / name for place in PACKS if (place / name).is_dir())
        target = base / "custom_nodes" / name
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    server = Server(base, arguments)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@dataclass
class Run:
    """What a client hears of one job, and what the history says of it."""

    job_id: str
    messages: list[Any]
    entry: dict[str, Any]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The data of the messages of a kind."""
        return [m["data"] for m in self.messages if isinstance(m, dict) and m["type"] == kind]

    @property
    def ran(self) -> set[str]:
        """The nodes that ran."""
        return {data["node"] for data in self.of("executing") if data["node"] is not None}

    @property
    def cached(self) -> set[str]:
        """The nodes that did not need to."""
        return {node for data in self.of("execution_cached") for node in data["nodes"]}

    def text(self, node: str) -> Any:
        """What a node showed, by the history, and by the socket, which agree."""
        shown = self.entry["outputs"][node]["text"]
        told = [
            data["output"]["text"] for data in self.of("executed") if data["node"] == node and data["output"]
        ]
        assert told[-1:] == [shown], (told, shown)
        return shown

    @property
    def status(self) -> str:
        """How it ended."""
        return str(self.entry["status"]["status_str"])


@dataclass
class Client:
    """One page: a socket and requests."""

    http: aiohttp.ClientSession
    socket: aiohttp.ClientWebSocketResponse
    sid: str

    async def next(self) -> Any:
        """The next message."""
        message = await self.socket.receive(PATIENCE_SECONDS)
        assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), message
        return bytes(message.data) if message.type is aiohttp.WSMsgType.BINARY else json.loads(message.data)

    async def submit(self, graph: dict[str, Any], **more: Any) -> tuple[int, dict[str, Any]]:
        """Submit a graph; the status and the answer."""
        body = {"prompt": graph, "client_id": self.sid, **more}
        async with self.http.post("/prompt", json=body) as response:
            return response.status, await response.json()

    async def run(self, graph: dict[str, Any], **more: Any) -> Run:
        """Run a graph to its end."""
        status, answer = await self.submit(graph, **more)
        assert status == 200, answer
        job_id, messages = answer["prompt_id"], []
        while True:
            messages.append(message := await self.next())
            if isinstance(message, dict) and message["type"] == "executing" and is_end(message, job_id):
                break
        async with self.http.get(f"/history/{job_id}") as response:
            return Run(job_id, messages, (await response.json())[job_id])


def is_end(message: dict[str, Any], job_id: str) -> bool:
    """Whether a message says that a job is over."""
    return message["data"]["node"] is None and message["data"]["prompt_id"] == job_id


@contextmanager
def patience() -> Iterator[Any]:
    """`while waits():` until something is so, but not for ever."""
    until = time.monotonic() + PATIENCE_SECONDS
    yield lambda: time.monotonic() < until


async def ready(http: aiohttp.ClientSession) -> None:
    """Wait until a worker is up."""
    with patience() as waits:
        while waits():
            with suppress(aiohttp.ClientError):
                async with http.get("/health") as response:
                    if response.status == 200 and "ready" in (await response.json())["workers"]:
                        return
    raise AssertionError("no worker came up")


async def open_client(http: aiohttp.ClientSession, sid: str) -> Client:
    """A page with that id."""
    client = Client(http, await http.ws_connect(f"/ws?clientId={sid}"), sid)
    await client.next()
    return client

"""Starts the toy server and talks to it, for the tests beside it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

TOY_SERVER = Path(__file__).parent / "toy_server.py"
READY_SECONDS = 90


@dataclass(frozen=True)
class Server:
    """A server process and its base directory."""

    port: int
    base: Path
    process_id: int
    process: "subprocess.Popen[str]"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def log(self) -> str:
        return (self.base / "server.log").read_text()

    def alive(self) -> bool:
        return self.process.poll() is None


@contextmanager
def running_server(base: Path, **settings: Any) -> Iterator[Server]:
    base.mkdir(parents=True, exist_ok=True)
    with (base / "server.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, str(TOY_SERVER), str(base), json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = process.stdout.readline().split()
        assert line, (base / "server.log").read_text()
        yield Server(int(line[0]), base, int(line[1]), process)
    finally:
        process.stdin.close()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


@dataclass
class Client:
    """A client with a socket of its own, as the ecosystem's programs have one."""

    http: aiohttp.ClientSession
    socket: aiohttp.ClientWebSocketResponse
    sid: str

    async def next(self) -> dict[str, Any] | bytes:
        message = await self.socket.receive(READY_SECONDS)
        if message.type is aiohttp.WSMsgType.BINARY:
            return bytes(message.data)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        received: dict[str, Any] = json.loads(message.data)
        return received

    async def until(self, kind: str) -> list[dict[str, Any] | bytes]:
        """All messages up to the first of a kind."""
        seen = []
        while True:
            seen.append(message := await self.next())
            if isinstance(message, dict) and message["type"] == kind:
                return seen

    async def until_done(self, prompt_id: str) -> list[dict[str, Any] | bytes]:
        """All messages up to the one that says that a job is over."""
        seen = []
        while True:
            seen.append(message := await self.next())
            if isinstance(message, dict) and message["type"] == "executing":
                data = message["data"]
                if data["node"] is None and data["prompt_id"] == prompt_id:
                    return seen

    async def submit(self, prompt: Any, **more: Any) -> str:
        body = {"prompt": prompt, "client_id": self.sid, **more}
        async with self.http.post("/prompt", json=body) as response:
            answer = await response.json()
            assert response.status == 200, answer
            return str(answer["prompt_id"])

    async def run(self, prompt: Any, **more: Any) -> list[dict[str, Any] | bytes]:
        return await self.until_done(await self.submit(prompt, **more))


def kinds(messages: list[dict[str, Any] | bytes]) -> list[str]:
    """The types of messages in order; binary ones by their first number."""
    return [
        f"binary {int.from_bytes(message[:4], 'big')}" if isinstance(message, bytes) else message["type"]
        for message in messages
    ]


def picture_prompt(**inputs: Any) -> dict[str, Any]:
    """A graph that makes and saves a picture."""
    return {
        "1": {"class_type": "ToyPicture", "inputs": {"width": 8, "height": 8, "colour": "red", **inputs}},
        "2": {"class_type": "ToySave", "inputs": {"images": ["1", 0], "filename_prefix": "toy"}},
    }

"""How fast is a large graph told and run, seen by a client of a real server? python -m benchmarks.graphs

Milliseconds from sending the prompt to the message that says how the job ended, while a socket listens, and
the bytes that came over the socket meanwhile.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp

ROOT = Path(__file__).resolve().parent.parent
PORT = 18_201
LARGEST_MESSAGE = 2**27
# The server writes the history of a job after it has told its end.
PAUSE_SECONDS = 0.5
Prompt = dict[str, dict[str, Any]]


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def wide(count: int, word: str, tail: str) -> Prompt:
    """A tree that joins texts, `count` nodes in all, and shows how long the whole is."""
    leaves = range(count // 2 - 1)
    prompt: Prompt = {f"n{index}": node("PrimitiveString", value=f"{word}{index}") for index in leaves}
    row = list(prompt)
    while len(row) > 1:
        left, right, *row = row
        name = f"s{len(prompt)}"
        delimiter = "" if row else tail
        prompt[name] = node("StringConcatenate", string_a=[left, 0], string_b=[right, 0], delimiter=delimiter)
        row.append(name)
    prompt["length"] = node("StringLength", string=[row[0], 0])
    prompt["out"] = node("PreviewAny", source=["length", 0])
    return prompt


def chain(count: int, word: str, tail: str) -> Prompt:
    """Nodes in a row that cut what is not there from a text, `count` nodes in all."""
    prompt: Prompt = {"0": node("PrimitiveString", value=word)}
    for index in range(1, count - 1):
        prompt[str(index)] = node(
            "StringReplace", string=[str(index - 1), 0], find=f"{word}-{index}", replace=""
        )
    prompt["join"] = node("StringConcatenate", string_a=[str(count - 2), 0], string_b="", delimiter=tail)
    prompt["out"] = node("PreviewAny", source=["join", 0])
    return prompt


def outputs(count: int, word: str, tail: str) -> Prompt:
    """Pairs of a text and an output node that shows it, `count` nodes in all."""
    prompt: Prompt = {}
    for index in range(count // 2):
        value = word if index else word + tail
        prompt[f"n{index}"] = node("PrimitiveString", value=f"{value}{index}")
        prompt[f"o{index}"] = node("PreviewAny", source=[f"n{index}", 0])
    return prompt


GRAPHS: dict[str, tuple[Callable[[int, str, str], Prompt], int]] = {
    "wide, 3,000 nodes": (wide, 3000),
    "chain of 3,000": (chain, 3000),
    "1,500 outputs, 3,000 nodes": (outputs, 3000),
    "wide, 12,500 nodes": (wide, 12_500),
    "wide, 25,000 nodes": (wide, 25_000),
    "wide, 50,000 nodes": (wide, 50_000),
}


class Client:
    """One page: a socket, and a count of what comes over it."""

    def __init__(self, http: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.http = http
        self.socket = socket
        self.kinds: Counter[str] = Counter()

    async def run(self, prompt: Prompt) -> tuple[float, int]:
        """Milliseconds and bytes of one job."""
        self.kinds.clear()
        body = json.dumps({"prompt": prompt, "client_id": "bench"}).encode()
        start = time.perf_counter()
        async with self.http.post("/prompt", data=body) as response:
            answer = await response.json()
            assert response.status == 200, answer
        while True:
            message = await self.socket.receive()
            assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), message
            told: dict[str, Any] = {"type": "picture"}
            if message.type == aiohttp.WSMsgType.TEXT:
                told = json.loads(message.data)
            self.kinds[told["type"]] += len(message.data)
            if told["type"] == "execution_success" and told["data"]["prompt_id"] == answer["prompt_id"]:
                return 1000 * (time.perf_counter() - start), sum(self.kinds.values())
            assert told["type"] not in ("execution_error", "execution_interrupted"), told


@contextmanager
def server(*arguments: str) -> Iterator[None]:
    with tempfile.TemporaryDirectory() as base:
        command = [sys.executable, str(ROOT / "main.py"), "serve", "--port", str(PORT), "--cpu", *arguments]
        with subprocess.Popen(
            [*command, "--base-directory", base], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            try:
                yield
            finally:
                process.terminate()


async def ready(http: aiohttp.ClientSession) -> None:
    while True:
        try:
            async with http.get("/health") as response:
                if response.status == 200:
                    return
        except aiohttp.ClientConnectionError:
            pass
        await asyncio.sleep(0.05)


async def measure(options: argparse.Namespace) -> None:
    async with aiohttp.ClientSession(f"http://127.0.0.1:{PORT}") as http:
        await ready(http)
        async with http.ws_connect("/ws?clientId=bench", max_msg_size=LARGEST_MESSAGE) as socket:
            client = Client(http, socket)
            print(f"{'graph':28}{'first run':>22}{'unchanged':>22}{'tail changed':>22}   (median ms, KB)")
            for name, (build, count) in GRAPHS.items():
                if options.only in name:
                    await show(client, name, build, count, options)


async def show(
    client: Client,
    name: str,
    build: Callable[[int, str, str], Prompt],
    count: int,
    options: argparse.Namespace,
) -> None:
    rows: list[list[tuple[float, int]]] = [[], [], []]
    for turn in range(options.rounds):
        word = f"{turn}x"
        for row, tail in zip(rows, ("", "", "changed"), strict=True):
            row.append(await client.run(build(count, word, tail)))
            await asyncio.sleep(PAUSE_SECONDS)
            if options.kinds:
                print(dict(client.kinds))
    cells = [
        f"{statistics.median(ms for ms, _ in row):.0f} ms, "
        f"{statistics.median(size for _, size in row) / 1000:.0f} KB"
        for row in rows
    ]
    print(f"{name:28}" + "".join(f"{cell:>22}" for cell in cells), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="only graphs with this in their name")
    parser.add_argument("--kinds", action="store_true", help="tell the bytes of each kind of message")
    options = parser.parse_args()
    with server():
        asyncio.run(measure(options))


if __name__ == "__main__":
    main()

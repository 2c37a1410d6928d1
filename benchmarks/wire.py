"""How fast does a server take jobs, list them, and tell its nodes? Run it: python benchmarks/wire.py"""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import aiohttp

ROOT = Path(__file__).resolve().parent.parent
PORT = 18_200
JOBS = 1000
AT_ONCE = 16
ROUNDS = 20


def graph(number: int) -> dict[str, object]:
    return {
        "1": {"class_type": "PrimitiveInt", "inputs": {"value": number}},
        "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}},
    }


async def catalogue(http: aiohttp.ClientSession) -> None:
    while True:
        try:
            async with http.get("/object_info/PreviewAny") as response:
                if await response.json():
                    return
        except aiohttp.ClientConnectionError:
            await asyncio.sleep(0.05)


async def submitted_per_second(http: aiohttp.ClientSession) -> float:
    numbers = iter(range(JOBS))

    async def submit() -> None:
        for number in numbers:
            async with http.post("/prompt", json={"prompt": graph(number)}) as response:
                response.raise_for_status()

    start = time.perf_counter()
    await asyncio.gather(*(submit() for _ in range(AT_ONCE)))
    return JOBS / (time.perf_counter() - start)


async def milliseconds(http: aiohttp.ClientSession, path: str) -> tuple[float, int]:
    waits = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        async with http.get(path) as response:
            body = await response.read()
        waits.append(1000 * (time.perf_counter() - start))
    return statistics.median(waits), len(body)


async def measure() -> None:
    async with aiohttp.ClientSession(f"http://127.0.0.1:{PORT}") as http:
        await catalogue(http)
        print(f"POST /prompt, {AT_ONCE} at once: {await submitted_per_second(http):.0f} a second")
        for path in ("/queue", "/prompt", "/object_info", "/history?max_items=20"):
            wait, size = await milliseconds(http, path)
            print(f"GET {path}: {wait:.1f} ms, {size:,} bytes")


def main() -> None:
    with tempfile.TemporaryDirectory() as base:
        command = [sys.executable, str(ROOT / "main.py"), "serve", "--port", str(PORT), "--cpu"]
        with subprocess.Popen(
            [*command, "--base-directory", base], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as server:
            try:
                asyncio.run(measure())
            finally:
                server.terminate()


if __name__ == "__main__":
    main()

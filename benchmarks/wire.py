"""How fast does a server take jobs, list them, and tell its nodes?

Run it with `python -m benchmarks.wire [NODES]`: each job carries a workflow with so many nodes, as
pages send it.
"""

import asyncio
import json
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


def workflow(nodes: int) -> dict[str, object]:
    drawn = [
        {
            "id": n,
            "type": "PreviewAny",
            "pos": [n * 10, 0],
            "size": [210, 88],
            "inputs": [{"name": "source", "type": "*", "link": n}],
            "outputs": [],
            "properties": {},
            "widgets_values": ["", n],
        }
        for n in range(nodes)
    ]
    return {"id": "measured", "nodes": drawn, "links": [], "version": 0.4}


async def catalogue(http: aiohttp.ClientSession) -> None:
    while True:
        try:
            async with http.get("/object_info/PreviewAny") as response:
                if await response.json():
                    return
        except aiohttp.ClientConnectionError:
            await asyncio.sleep(0.05)


async def submitted_per_second(http: aiohttp.ClientSession, nodes: int) -> float:
    extra = {"extra_pnginfo": {"workflow": workflow(nodes)}} if nodes else {}
    bodies = iter([json.dumps({"prompt": graph(n), "extra_data": extra}).encode() for n in range(JOBS)])

    async def submit() -> None:
        for body in bodies:
            async with http.post("/prompt", data=body) as response:
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


def chain(length: int) -> dict[str, object]:
    nodes: dict[str, object] = {"0": {"class_type": "PrimitiveInt", "inputs": {"value": 1}}}
    for index in range(1, length):
        nodes[str(index)] = {"class_type": "PreviewAny", "inputs": {"source": [str(index - 1), 0]}}
    return nodes


def hostile() -> dict[str, dict[str, object]]:
    wrong = {"class_type": "PreviewAny", "inputs": {"source": ["nothing", 0]}}
    turned = chain(10_000) | {"0": {"class_type": "PrimitiveInt", "inputs": {"value": ["9999", 0]}}}
    broken = {"0": {"class_type": "PrimitiveInt", "inputs": {"value": "x"}}}
    return {
        "a chain of 50,000 that begins badly": chain(50_000) | broken,
        "a cycle of 10,000": turned,
        "60,000 bad nodes": {str(index): wrong for index in range(60_000)},
        "100,000 nodes": {str(index): wrong for index in range(100_000)},
    }


async def refused(http: aiohttp.ClientSession, prompt: dict[str, object]) -> tuple[int, float, float]:
    """The status, the seconds to the answer, and the longest that somebody else waited meanwhile."""
    body, waits = json.dumps({"prompt": prompt}).encode(), [0.0]

    async def others() -> None:
        while True:
            start = time.perf_counter()
            async with http.get("/prompt") as response:
                await response.read()
            waits.append(time.perf_counter() - start)
            await asyncio.sleep(0.01)

    asking = asyncio.create_task(others())
    start = time.perf_counter()
    async with http.post("/prompt", data=body) as response:
        await response.read()
    seconds = time.perf_counter() - start
    asking.cancel()
    return response.status, seconds, max(waits)


async def idle(http: aiohttp.ClientSession) -> None:
    while True:
        async with http.get("/prompt") as response:
            if not (await response.json())["exec_info"]["queue_remaining"]:
                return
        await asyncio.sleep(0.1)


async def show(http: aiohttp.ClientSession, *paths: str) -> None:
    for path in paths:
        wait, size = await milliseconds(http, path)
        print(f"GET {path}: {wait:.1f} ms, {size:,} bytes")


async def measure(nodes: int) -> None:
    async with aiohttp.ClientSession(f"http://127.0.0.1:{PORT}") as http:
        await catalogue(http)
        print(f"POST /prompt, {AT_ONCE} at once: {await submitted_per_second(http, nodes):.0f} a second")
        print(f"with {JOBS:,} jobs waiting:")
        await show(http, "/queue", "/prompt", "/api/jobs?limit=20", "/object_info", "/metrics")
        for name, prompt in hostile().items():
            status, seconds, longest = await refused(http, prompt)
            print(f"{name}: {status} in {seconds:.2f} s; others waited {1000 * longest:.0f} ms at most")
        async with http.post("/api/queue/resume") as response:
            response.raise_for_status()
        start = time.perf_counter()
        await idle(http)
        print(f"{JOBS / (time.perf_counter() - start):.0f} jobs a second are run and recorded")
        print(f"with {JOBS:,} jobs done:")
        await show(
            http,
            "/history?max_items=20",
            "/history?max_items=200",
            "/api/jobs?limit=20",
            "/api/jobs?limit=20&offset=900",
        )


def main(nodes: int) -> None:
    with tempfile.TemporaryDirectory() as base:
        command = [sys.executable, str(ROOT / "main.py"), "serve", "--port", str(PORT), "--cpu", "--paused"]
        with subprocess.Popen(
            [*command, "--base-directory", base], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as server:
            try:
                asyncio.run(measure(nodes))
            finally:
                server.terminate()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)

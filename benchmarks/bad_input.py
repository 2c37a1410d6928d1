"""Does the server survive 20,000 bad requests, and how soon does it refuse them?

Run it with `python -m benchmarks.bad_input [COUNT]`; the nodes are the toys of the tests. Half of the
requests are made from the description that the server gives of itself, and its answers are held against that.
"""

import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from pathlib import Path

import aiohttp
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.web.bad_input import REQUESTS, Request, ask
from tests.web.client import Server, running_server
from tests.web.described_input import Description

COUNT = 20_000


def measure(server: Server, count: int) -> int:
    waits: list[float] = []
    answers: Counter[int] = Counter()
    complaints: list[str] = []
    loop = asyncio.new_event_loop()

    async def connect() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(server.url)

    http = loop.run_until_complete(connect())
    with urllib.request.urlopen(f"{server.url}/api/openapi.json") as answer:
        description = Description(json.load(answer))

    @seed(random.randrange(2**32))
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(request=REQUESTS | description.requests)
    def send(request: Request) -> None:
        start = time.perf_counter()
        answer = loop.run_until_complete(ask(http, request))
        waits.append(time.perf_counter() - start)
        answers[answer.status] += 1
        if (problem := description.complaint(request, answer)) is not None:
            complaints.append(f"{problem}: {request}")

    send()
    loop.run_until_complete(http.close())
    loop.close()
    slow = sum(wait > 1 for wait in waits)
    print(f"{len(waits):,} requests, answered with {dict(sorted(answers.items()))}")
    middle, longest = 1000 * statistics.median(waits), 1000 * max(waits)
    print(f"median {middle:.1f} ms, longest {longest:.0f} ms, over 1 s: {slow}")
    print(f"the server is {'alive' if server.alive() else 'dead'}; crashes in its log: {crashes(server)}")
    print("\n".join([f"complaints: {len(complaints)}", *complaints[:20]]))
    return 0 if server.alive() and not complaints and not slow and not crashes(server) else 1


def crashes(server: Server) -> int:
    return server.log().count("A request failed")


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    with tempfile.TemporaryDirectory() as directory, running_server(Path(directory) / "base") as server:
        return measure(server, count)


if __name__ == "__main__":
    sys.exit(main())

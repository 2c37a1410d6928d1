"""What those who watch the server see."""

import asyncio
import re
from typing import Any

import aiohttp

from tests.web.client import picture_prompt
from web.measures import Measures, metric

LINE = re.compile(
    r'^(# (HELP|TYPE) sfumato_\w+ .+|sfumato_\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? -?[\d.e+-]+)$'
)


async def test_a_server_is_ready_only_when_a_worker_is(
    http: aiohttp.ClientSession, start_server: Any
) -> None:
    for _ in range(100):
        async with http.get("/health") as response:
            answer = await response.json()
            if response.status == 200:
                break
            assert answer["status"] == "starting"
        await asyncio.sleep(0.1)
    assert answer["status"] == "ready"
    assert answer["workers"] in (["ready"], ["busy"])
    alone = await start_server(token="secret")
    async with aiohttp.ClientSession(alone.url) as other:
        for path in ("/health", "/api/health"):
            async with other.get(path) as response:
                assert response.status == 503
                assert response.headers["Retry-After"]
                assert (await response.json())["status"] == "starting"
        async with other.get("/metrics") as response:
            assert response.status == 401


async def test_metrics_are_what_prometheus_reads(http: aiohttp.ClientSession, connect: Any) -> None:
    async def read() -> dict[str, float]:
        async with http.get("/metrics") as response:
            assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            text = await response.text()
        assert all(LINE.match(line) for line in text.splitlines()), text
        return {
            line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
            for line in text.splitlines()
            if line[0] != "#"
        }

    before = await read()
    client = await connect("metrics")
    await client.run(picture_prompt(width=61))
    after = await read()
    assert (
        after['sfumato_jobs_total{state="succeeded"}'] == before['sfumato_jobs_total{state="succeeded"}'] + 1
    )
    assert after["sfumato_sockets"] >= 1
    assert after["sfumato_queue_length"] == 0
    assert after['sfumato_workers{state="ready"}'] + after['sfumato_workers{state="busy"}'] == 1
    assert after['sfumato_http_answers_total{status="2xx"}'] > 0


async def test_a_loop_that_is_held_up_is_noticed() -> None:
    measures = Measures()
    watching = asyncio.create_task(measures.watch_loop())
    await asyncio.sleep(0.3)
    import time

    time.sleep(0.5)
    await asyncio.sleep(0.05)
    watching.cancel()
    assert max(measures.lags) > 0.2


def test_labels_cannot_break_a_line() -> None:
    assert (
        metric("x", "gauge", "X.", [({"a": 'b"\n\\'}, 1)]).splitlines()[-1] == 'sfumato_x{a="b\\"\\n\\\\"} 1'
    )


async def test_workers_and_packs_are_told(http: aiohttp.ClientSession) -> None:
    async with http.get("/api/workers") as response:
        answer = await response.json()
    assert answer["paused"] is False
    assert answer["workers"][0]["state"] in {"ready", "busy"}
    async with http.get("/api/packs") as response:
        assert isinstance((await response.json())["packs"], list)

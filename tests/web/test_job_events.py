"""What happened to a job, as a stream of server-sent events that can be taken up again."""

import asyncio
import json
from typing import Any

import aiohttp

from tests.web.client import Client, picture_prompt
from tests.web.test_jobs import slow


def parse(text: str) -> list[dict[str, Any]]:
    events = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            events.append({**fields, "data": json.loads(fields["data"])})
    return events


async def stream(http: aiohttp.ClientSession, job_id: str, after: int | None = None) -> list[dict[str, Any]]:
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    async with http.get(f"/api/jobs/{job_id}/events", headers=headers) as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        return parse(await response.text())


async def test_a_job_tells_its_story_to_its_end(http: aiohttp.ClientSession, connect: Any) -> None:
    client: Client = await connect("story")
    prompt_id = await client.submit(picture_prompt(width=80))
    events = await asyncio.wait_for(stream(http, prompt_id), 30)
    names = [event["event"] for event in events]
    assert names[0] == "job_queued"
    assert names[-2:] == ["job_finished", "end"]
    assert names.index("job_started") < names.index("node_started") < names.index("node_finished")
    ids = [int(event["id"]) for event in events[:-1]]
    assert ids == sorted(set(ids))
    assert {event["data"]["job_id"] for event in events[:-1]} == {prompt_id}
    assert events[-2]["data"]["status"] == "succeeded"
    middle = ids[len(ids) // 2]
    rest = await stream(http, prompt_id, middle)
    assert [event for event in events[:-1] if int(event["id"]) > middle] == rest[:-1]
    assert [event["event"] for event in await stream(http, prompt_id, 10**9)] == ["end"]


async def test_a_reader_that_comes_back_misses_nothing(http: aiohttp.ClientSession, connect: Any) -> None:
    client: Client = await connect("back-again")
    prompt_id = await client.submit(slow(81))
    await client.until("progress")
    seen = b""
    async with http.get(f"/api/jobs/{prompt_id}/events") as response:
        while b"node_progress" not in seen:
            seen += await response.content.readany()
    before = parse(seen.decode().rsplit("\n\n", 1)[0])
    async with http.post(f"/api/jobs/{prompt_id}/cancel") as response:
        assert response.status == 200
    after = await asyncio.wait_for(stream(http, prompt_id, int(before[-1]["id"])), 30)
    assert int(after[0]["id"]) > int(before[-1]["id"])
    assert after[-2]["data"]["status"] == "cancelled"
    await client.until_done(prompt_id)


async def test_a_finished_job_says_what_it_did_about_each_node(
    http: aiohttp.ClientSession, connect: Any
) -> None:
    client: Client = await connect("why")
    plain = picture_prompt(width=82)
    prompt = {"made": plain["1"], "saved": plain["2"], "unused": picture_prompt()["1"]}
    prompt["saved"]["inputs"]["images"] = ["made", 0]
    told = []
    for colour in ("red", "red", "blue"):
        prompt["made"]["inputs"]["colour"] = colour
        prompt_id = await client.submit(prompt)
        await client.until_done(prompt_id)
        async with http.get(f"/api/jobs/{prompt_id}/why") as response:
            told.append((await response.json())["nodes"])
    new = {"did": "ran", "text": "no earlier run of it is known", "reason": []}
    unused = {"did": "skipped", "text": "no output that was asked for needs it", "reason": []}
    assert told[0] == {"made": new, "saved": new, "unused": unused}
    assert told[1]["made"] == {"did": "cached", "text": "its result was there already", "reason": []}
    assert told[2] == {
        "made": {
            "did": "ran",
            "text": "input colour changed: 'red' is 'blue' now",
            "reason": ["changed", "colour", "'red'", "'blue'"],
        },
        "saved": {
            "did": "ran",
            "text": "input images: what it is linked to changed",
            "reason": ["upstream", "images"],
        },
        "unused": unused,
    }
    async with http.get("/api/jobs/nothing/why") as response:
        assert response.status == 404


async def test_a_stream_needs_a_job_and_a_number(http: aiohttp.ClientSession) -> None:
    async with http.get("/api/jobs/nothing/events") as response:
        assert response.status == 404
    async with http.get("/api/jobs/nothing/events", headers={"Last-Event-ID": "x"}) as response:
        assert response.status == 400

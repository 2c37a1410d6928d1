"""The queue, the history and the list of all jobs."""

import json
from typing import Any

import aiohttp
import pytest

from tests.web.client import Client, picture_prompt
from web.job_shapes import summary


async def get(http: aiohttp.ClientSession, path: str) -> Any:
    async with http.get(path) as response:
        assert response.status == 200, await response.text()
        return await response.json()


def slow(width: int) -> dict[str, Any]:
    prompt = picture_prompt(width=width)
    inputs = {"images": ["1", 0], "steps": 1000, "seconds": 60.0, "preview": False}
    prompt["3"] = {"class_type": "ToySteps", "inputs": inputs}
    prompt["2"]["inputs"]["images"] = ["3", 0]
    return prompt


async def test_waiting_jobs_are_listed_in_order_deleted_and_cleared(
    http: aiohttp.ClientSession, connect: Any
) -> None:
    client: Client = await connect("queue")
    await client.submit(slow(40), prompt_id="running")
    await client.until("progress")
    for prompt_id, more in (("b", {}), ("a", {}), ("first", {"front": True}), ("late", {"number": 99999})):
        await client.submit(slow(41), prompt_id=prompt_id, **more)
    queue = await get(http, "/queue")
    assert [item[1] for item in queue["queue_running"]] == ["running"]
    assert [item[1] for item in queue["queue_pending"]] == ["first", "b", "a", "late"]
    number, _, prompt, extra, outputs = queue["queue_pending"][3]
    assert number == 99999
    assert prompt["2"]["class_type"] == "ToySave"
    assert extra["client_id"] == "queue"
    assert outputs == ["2"]
    assert (await get(http, "/prompt"))["exec_info"]["queue_remaining"] == 5
    async with http.post("/queue", json={"delete": ["a", "nothing"]}) as response:
        assert (response.status, await response.read()) == (200, b"")
    jobs = (await get(http, "/api/jobs?status=pending,in_progress&sort_order=asc"))["jobs"]
    assert {job["id"] for job in jobs if job["status"] == "in_progress"} == {"running"}
    assert {job["id"] for job in jobs} == {"running", "first", "b", "late"}
    assert (await get(http, "/api/jobs/b"))["status"] == "pending"
    async with http.post("/interrupt", json={"prompt_id": "b"}) as response:
        assert response.status == 200
    assert len((await get(http, "/queue"))["queue_running"]) == 1
    async with http.post("/queue", json={"clear": True}) as response:
        assert response.status == 200
    assert (await get(http, "/queue"))["queue_pending"] == []
    for bad in (b"", b"[]", b'{"delete": 7}', b'{"delete": [[]]}'):
        for path in ("/queue", "/history"):
            async with http.post(path, data=bad) as response:
                assert response.status == 400
    async with http.post("/interrupt", json={"prompt_id": "running"}) as response:
        assert response.status == 200
    await client.until_done("running")


async def test_the_history_has_windows_and_is_deleted(http: aiohttp.ClientSession, connect: Any) -> None:
    client: Client = await connect("history")
    async with http.post("/history", json={"clear": True}) as response:
        assert (response.status, await response.read()) == (200, b"")
    ids = [f"h{index}" for index in range(5)]
    for index, prompt_id in enumerate(ids):
        await client.until_done(await client.submit(picture_prompt(width=50 + index), prompt_id=prompt_id))
    for query, expected in (
        ("", ids),
        ("?max_items=2", ids[-2:]),
        ("?max_items=2&offset=-1", ids[-2:]),
        ("?max_items=2&offset=0", ids[:2]),
        ("?max_items=2&offset=2", ids[2:4]),
        ("?offset=3", ids[3:]),
        ("?max_items=9&offset=9", []),
        ("?max_items=0", []),
    ):
        assert list(await get(http, f"/history{query}")) == expected, query
    for query in ("max_items=x", "offset=x", "max_items=1.5", "max_items=" + "9" * 5000):
        async with http.get(f"/history?{query}") as response:
            name = query.partition("=")[0]
            assert (response.status, await response.json()) == (400, {"error": f"{name} must be an integer"})
    assert await get(http, "/history/nothing") == {}
    entry = (await get(http, "/history/h0"))["h0"]
    assert set(entry) == {"prompt", "outputs", "status", "meta"}
    assert entry["meta"]["2"] == {
        "node_id": "2",
        "display_node": "2",
        "parent_node": None,
        "real_node_id": "2",
    }
    assert entry["status"]["status_str"] == "success"
    assert [kind for kind, _ in entry["status"]["messages"]][-1] == "execution_success"
    page = await get(http, "/api/jobs?limit=2&offset=1&sort_order=asc")
    assert [job["id"] for job in page["jobs"]] == ids[1:3]
    assert page["pagination"] == {"offset": 1, "limit": 2, "total": 5, "has_more": True}
    [job] = [job for job in page["jobs"] if job["id"] == "h1"]
    assert job["preview_output"]["nodeId"] == "2"
    assert job["preview_output"]["mediaType"] == "images"
    assert job["execution_end_time"] >= job["execution_start_time"] >= job["create_time"]
    assert (await get(http, "/api/jobs/h1"))["outputs"]["2"]["images"]
    async with http.post("/history", json={"delete": ["h0", "nothing"]}) as response:
        assert response.status == 200
    assert list(await get(http, "/history")) == ids[1:]


def test_the_picture_to_show_is_a_saved_one_before_a_temporary_one() -> None:
    outputs = {
        "1": {"images": [{"filename": "t.png", "type": "temp"}], "animated": [{"x": 1}], "text": ["x"]},
        "2": {"3d": [{"filename": "m.GLB", "type": "output"}], "result": ("tuple",)},
        "3": None,
    }
    count, preview = summary(outputs)
    assert count == 2
    assert preview == {"filename": "m.GLB", "type": "output", "nodeId": "2", "mediaType": "3d"}
    assert summary({}) == (0, None)


async def test_numbers_that_json_lacks_are_null_in_every_list(start_server: Any) -> None:
    server = await start_server()
    prompt = json.dumps(picture_prompt())
    body = f'{{"prompt": {prompt}, "prompt_id": "a", "extra_data": {{"odd": [NaN, -Infinity, "NaN"]}}}}'
    async with aiohttp.ClientSession(server.url) as http:
        async with http.post("/prompt", data=body) as response:
            assert response.status == 200, await response.text()

        async def strict(path: str) -> Any:
            async with http.get(path) as response:
                return json.loads(await response.text(), parse_constant=pytest.fail)

        [item] = (await strict("/queue"))["queue_pending"]
        assert item[3]["odd"] == [None, None, "NaN"]
        assert (await strict("/api/jobs/a"))["workflow"]["extra_data"]["odd"] == [None, None, "NaN"]
        async with http.post("/api/jobs/a/cancel") as response:
            assert response.status == 200
        for path in ("/history", "/history/a"):
            assert (await strict(path))["a"]["prompt"][3]["odd"] == [None, None, "NaN"]

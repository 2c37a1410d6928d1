"""Jobs by id: submitted once, cancelled, moved, repeated, held back, and listed page by page."""

from typing import Any

import aiohttp

from tests.web.client import Client, picture_prompt
from tests.web.test_jobs import get, slow


async def post(http: aiohttp.ClientSession, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    async with http.post(path, json=body if body is not None else {}, headers=headers) as response:
        return response.status, await response.json()


async def test_a_job_is_submitted_and_found_at_its_address(http: aiohttp.ClientSession, connect: Any) -> None:
    client: Client = await connect("location")
    body = {"prompt": picture_prompt(width=70), "client_id": "location"}
    async with http.post("/api/jobs", json=body) as response:
        assert response.status == 201
        location, answer = response.headers["Location"], await response.json()
    assert location == f"/api/jobs/{answer['id']}"
    await client.until_done(answer["id"])
    job = await get(http, location)
    assert (job["status"], job["state"], job["attempts"]) == ("completed", "succeeded", 1)
    assert job["workflow"]["prompt"]["1"]["class_type"] == "ToyPicture"
    status, refused = await post(http, "/api/jobs", {"prompt": {}})
    assert (status, refused["error"]["type"]) == (400, "prompt_no_outputs")


async def test_a_repeated_request_makes_one_job(http: aiohttp.ClientSession, connect: Any) -> None:
    client: Client = await connect("once")
    body = {"prompt": picture_prompt(width=71), "client_id": "once"}
    key = {"Idempotency-Key": "one"}
    status, first = await post(http, "/api/jobs", body, **key)
    assert status == 201
    status, again = await post(http, "/api/jobs", body, **key)
    assert (status, again["id"]) == (200, first["id"])
    status, prompt = await post(http, "/prompt", body, **key)
    assert (status, prompt["prompt_id"]) == (200, first["id"])
    status, other = await post(http, "/api/jobs", {"prompt": picture_prompt(width=72)}, **key)
    assert (status, other["error"]["type"]) == (409, "idempotency_conflict")
    status, long = await post(http, "/api/jobs", body, **{"Idempotency-Key": "x" * 300})
    assert (status, long["error"]["type"]) == (400, "invalid_request")
    await client.until_done(first["id"])
    status, late = await post(http, "/api/jobs", body, **key)
    assert (status, late["id"]) == (200, first["id"])


async def test_a_finished_job_is_repeated_as_a_new_one(http: aiohttp.ClientSession, connect: Any) -> None:
    client: Client = await connect("repeat")
    first = await client.submit(picture_prompt(width=73))
    await client.until_done(first)
    status, answer = await post(http, f"/api/jobs/{first}/retry")
    assert (status, answer["retry_of"]) == (201, first)
    assert answer["id"] != first
    await client.until_done(answer["id"])
    assert (await post(http, "/api/jobs/nothing/retry"))[0] == 404


async def test_jobs_are_held_back_moved_and_cancelled(http: aiohttp.ClientSession, connect: Any) -> None:
    client: Client = await connect("line")
    await client.submit(slow(74), prompt_id="line-running")
    await client.until("progress")
    assert await post(http, "/api/queue/pause") == (200, {"paused": True})
    for name in ("line-a", "line-b", "line-c"):
        await client.submit(slow(75), prompt_id=name)
    assert (await post(http, "/api/jobs/line-c/move", {"before": "line-b"}))[0] == 200
    assert (await post(http, "/api/jobs/line-b/move", {"before": None}))[0] == 200
    waiting = [item[1] for item in (await get(http, "/queue"))["queue_pending"]]
    assert waiting == ["line-b", "line-a", "line-c"]
    assert (await get(http, "/api/jobs/line-a"))["position"] == 1
    assert (await get(http, "/api/jobs/line-running"))["worker"] == 0
    assert (await post(http, "/api/jobs/line-running/move", {"before": None}))[0] == 409
    assert (await post(http, "/api/jobs/line-a/move", {"before": "nothing"}))[0] == 409
    assert (await post(http, "/api/jobs/line-a/move", {"before": 7}))[0] == 400
    assert (await post(http, "/api/jobs/line-a/move", []))[0] == 400
    assert (await post(http, "/api/jobs/line-a/retry"))[0] == 409
    for path in ("move", "cancel", "retry"):
        assert (await post(http, f"/api/jobs/nothing/{path}", {"before": None}))[0] == 404
    for name in ("line-a", "line-b", "line-c", "line-running"):
        status, answer = await post(http, f"/api/jobs/{name}/cancel")
        assert (status, answer) == (200, {"id": name, "cancelled": True})
    await client.until_done("line-running")
    assert await post(http, "/api/jobs/line-running/cancel") == (
        200,
        {"id": "line-running", "cancelled": False},
    )
    assert (await get(http, "/api/jobs/line-a"))["state"] == "cancelled"
    assert (await get(http, "/api/workers"))["paused"] is True
    assert await post(http, "/api/queue/resume") == (200, {"paused": False})


async def test_lists_of_jobs_carry_no_graphs(http: aiohttp.ClientSession, connect: Any) -> None:
    client: Client = await connect("lists")
    failing = picture_prompt(width=76)
    failing["3"] = {"class_type": "ToyFail", "inputs": {"images": ["1", 0], "message": "broke"}}
    failing["2"]["inputs"]["images"] = ["3", 0]
    prompt_id = await client.submit(failing)
    await client.until_done(prompt_id)
    page = await get(http, "/api/jobs?status=failed&limit=1")
    [job] = page["jobs"]
    assert job["id"] == prompt_id
    assert "workflow" not in job
    assert job["execution_error"]["node_id"] == "3"
    assert job["execution_error"]["exception_message"].startswith("broke")
    assert page["pagination"]["limit"] == 1
    assert (await get(http, "/api/jobs?limit=99999999999999999999"))["jobs"]
    assert (await get(http, "/api/jobs?offset=-5&limit=1"))["pagination"]["offset"] == 0

"""What clients hear on the socket, in which order, and who hears it."""

import asyncio
import json
from contextlib import suppress
from typing import Any

import aiohttp

from tests.web.client import Client, kinds, picture_prompt

ENDS = {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}


def data_of(messages: list[Any], kind: str) -> list[dict[str, Any]]:
    return [m["data"] for m in messages if isinstance(m, dict) and m["type"] == kind]


def without_status(names: list[str]) -> list[str]:
    return [name for name in names if name != "status"]


async def test_the_first_message_tells_the_id_and_the_queue(http: aiohttp.ClientSession) -> None:
    async with http.ws_connect("/ws?clientId=me") as socket:
        assert await socket.receive_json(timeout=5) == {
            "type": "status",
            "data": {"status": {"exec_info": {"queue_remaining": 0}}, "sid": "me"},
        }
    async with http.ws_connect("/api/ws") as socket:
        first = await socket.receive_json(timeout=5)
        assert len(first["data"]["sid"]) == 32


async def test_a_run_is_told_in_the_order_that_clients_know(connect: Any) -> None:
    client: Client = await connect("order")
    prompt = picture_prompt(colour="green", width=9)
    prompt["3"] = {
        "class_type": "ToySteps",
        "inputs": {"images": ["1", 0], "steps": 2, "seconds": 0.0, "preview": True},
    }
    prompt["2"]["inputs"]["images"] = ["3", 0]
    prompt_id = await client.submit(prompt)
    messages = await client.until_done(prompt_id)
    assert kinds(messages) == [
        "status",
        "status",
        "execution_start",
        "execution_cached",
        "progress_state",
        "executing",
        "progress_state",
        "progress_state",
        "executing",
        "progress_state",
        "progress",
        "binary 1",
        "progress_state",
        "progress",
        "binary 1",
        "progress_state",
        "progress_state",
        "executing",
        "executed",
        "progress_state",
        "execution_success",
        "status",
        "executing",
    ]
    remaining = [d["status"]["exec_info"]["queue_remaining"] for d in data_of(messages, "status")]
    assert remaining == [1, 1, 0]
    assert data_of(messages, "execution_cached")[0]["nodes"] == []
    assert [d["node"] for d in data_of(messages, "executing")] == ["1", "3", "2", None]
    assert data_of(messages, "executing")[0] == {"node": "1", "display_node": "1", "prompt_id": prompt_id}
    assert data_of(messages, "executing")[-1] == {"node": None, "prompt_id": prompt_id}
    assert data_of(messages, "progress") == [
        {"value": step, "max": 2, "prompt_id": prompt_id, "node": "3"} for step in (1, 2)
    ]
    [executed] = data_of(messages, "executed")
    assert executed["node"] == executed["display_node"] == "2"
    assert executed["prompt_id"] == prompt_id
    assert executed["output"]["images"][0]["type"] == "output"
    last = data_of(messages, "progress_state")[-1]
    assert {node: state["state"] for node, state in last["nodes"].items()} == dict.fromkeys("132", "finished")
    assert last["nodes"]["3"] == {
        "value": 2,
        "max": 2,
        "state": "finished",
        "node_id": "3",
        "prompt_id": prompt_id,
        "display_node_id": "3",
        "parent_node_id": None,
        "real_node_id": "3",
    }
    for kind in ("execution_start", "execution_success"):
        [moment] = data_of(messages, kind)
        assert set(moment) == {"prompt_id", "timestamp"}


async def test_an_unchanged_graph_runs_nothing_and_still_shows_its_result(
    connect: Any, http: aiohttp.ClientSession
) -> None:
    client: Client = await connect("again")
    prompt = picture_prompt(colour="blue", width=10)
    first = await client.run(prompt)
    prompt_id = await client.submit(prompt)
    second = await client.until_done(prompt_id)
    assert sorted(data_of(second, "execution_cached")[0]["nodes"]) == ["1", "2"]
    assert [d["node"] for d in data_of(second, "executing")] == [None]
    assert data_of(second, "executed")[0]["output"] == data_of(first, "executed")[0]["output"]
    async with http.get(f"/history/{prompt_id}") as response:
        assert (await response.json())[prompt_id]["outputs"]["2"] == data_of(first, "executed")[0]["output"]


async def test_previews_name_their_node_for_clients_that_asked(connect: Any) -> None:
    client: Client = await connect("flags", {"supports_preview_metadata": True})
    prompt = picture_prompt(width=11)
    prompt["3"] = {
        "class_type": "ToySteps",
        "inputs": {"images": ["1", 0], "steps": 1, "seconds": 0.0, "preview": True},
    }
    prompt["2"]["inputs"]["images"] = ["3", 0]
    prompt_id = await client.submit(prompt)
    [frame] = [m for m in await client.until_done(prompt_id) if isinstance(m, bytes)]
    assert int.from_bytes(frame[:4], "big") == 4
    length = int.from_bytes(frame[4:8], "big")
    assert json.loads(frame[8 : 8 + length]) == {
        "node_id": "3",
        "prompt_id": prompt_id,
        "display_node_id": "3",
        "parent_node_id": None,
        "real_node_id": "3",
        "image_type": "image/jpeg",
    }
    assert frame[8 + length :].startswith(b"\xff\xd8")


async def test_the_plain_preview_frame_carries_its_image_type(connect: Any) -> None:
    client: Client = await connect("plain")
    prompt = picture_prompt(width=12)
    prompt["3"] = {
        "class_type": "ToySteps",
        "inputs": {"images": ["1", 0], "steps": 1, "seconds": 0.0, "preview": True},
    }
    prompt["2"]["inputs"]["images"] = ["3", 0]
    [frame] = [m for m in await client.run(prompt) if isinstance(m, bytes)]
    assert frame[:8] == bytes([0, 0, 0, 1, 0, 0, 0, 1])
    assert frame[8:].startswith(b"\xff\xd8")


async def test_a_node_may_say_what_it_does(connect: Any) -> None:
    client: Client = await connect("text")
    prompt = {
        "1": {"class_type": "ToyText", "inputs": {"text": "grün"}},
        "2": {"class_type": "ToyShowText", "inputs": {"text": ["1", 0]}},
    }
    [frame] = [m for m in await client.run(prompt) if isinstance(m, bytes)]
    assert frame == bytes([0, 0, 0, 3, 0, 0, 0, 1]) + b"1" + "working on grün".encode()


async def test_feature_flags_count_in_the_first_json_message_only(http: aiohttp.ClientSession) -> None:
    async with http.get("/features") as response:
        features = await response.json()
    async with http.ws_connect("/ws?clientId=f") as socket:
        await socket.receive_json(timeout=5)
        await socket.send_str("no json")
        await socket.send_json({"type": "feature_flags", "data": {"supports_preview_metadata": True}})
        assert await socket.receive_json(timeout=5) == {"type": "feature_flags", "data": features}
        await socket.send_json({"type": "feature_flags", "data": {}})
        await socket.send_str("[" * 100_000)
        await socket.send_bytes(b"\0" * 100)
        async with http.post("/queue", json={}) as response:
            assert response.status == 200
        await socket.ping()
    assert features["supports_preview_metadata"] is True


async def test_a_failing_node_is_named_and_the_next_job_is_right(
    connect: Any, http: aiohttp.ClientSession
) -> None:
    client: Client = await connect("fail")
    prompt = picture_prompt(width=13)
    prompt["3"] = {"class_type": "ToyFail", "inputs": {"images": ["1", 0], "message": "boom"}}
    prompt["2"]["inputs"]["images"] = ["3", 0]
    prompt_id = await client.submit(prompt)
    messages = await client.until_done(prompt_id)
    assert without_status(kinds(messages))[-2:] == ["execution_error", "executing"]
    assert kinds(messages)[-2] == "status"
    [error] = data_of(messages, "execution_error")
    assert error["prompt_id"] == prompt_id
    assert error["node_id"] == "3"
    assert error["node_type"] == "ToyFail"
    assert error["exception_type"] == "ValueError"
    assert error["exception_message"].startswith("boom")
    assert error["executed"] == ["1"]
    assert any("toy_fail" in line for line in error["traceback"])
    assert set(error["current_inputs"]) == {"images", "message"}
    assert isinstance(error["timestamp"], int)
    async with http.get(f"/history/{prompt_id}") as response:
        status = (await response.json())[prompt_id]["status"]
    assert status["status_str"] == "error"
    assert status["completed"] is False
    assert [kind for kind, _ in status["messages"]] == [
        "execution_start",
        "execution_cached",
        "execution_error",
    ]
    assert "execution_success" in kinds(await client.run(picture_prompt(width=14)))


async def test_a_worker_that_dies_fails_its_job_only(connect: Any) -> None:
    client: Client = await connect("die")
    prompt = picture_prompt(width=15)
    prompt["3"] = {"class_type": "ToyDie", "inputs": {"images": ["1", 0]}}
    prompt["2"]["inputs"]["images"] = ["3", 0]
    [error] = data_of(await client.run(prompt), "execution_error")
    assert "SIGKILL" in error["exception_message"]
    assert error["node_id"] == "3"
    assert "execution_success" in kinds(await client.run(picture_prompt(width=16)))


def slow_prompt(seconds: float) -> dict[str, Any]:
    prompt = picture_prompt(width=17)
    prompt["3"] = {
        "class_type": "ToySteps",
        "inputs": {"images": ["1", 0], "steps": 1000, "seconds": seconds, "preview": False},
    }
    prompt["2"]["inputs"]["images"] = ["3", 0]
    return prompt


async def test_an_interrupted_job_says_where_it_stopped(connect: Any, http: aiohttp.ClientSession) -> None:
    client: Client = await connect("stop")
    prompt_id = await client.submit(slow_prompt(30))
    await client.until("progress")
    async with http.post("/interrupt", data=b"no json") as response:
        assert response.status == 200
        assert await response.read() == b""
    messages = await client.until_done(prompt_id)
    [stopped] = data_of(messages, "execution_interrupted")
    assert stopped["node_id"] == "3"
    assert stopped["node_type"] == "ToySteps"
    assert stopped["executed"] == ["1"]
    assert "execution_success" not in kinds(messages)
    async with http.get(f"/api/jobs/{prompt_id}") as response:
        job = await response.json()
    assert job["status"] == "failed"
    assert "execution_error" not in job


async def test_a_socket_that_comes_back_hears_the_rest_even_when_the_old_one_closes_late(
    connect: Any, http: aiohttp.ClientSession
) -> None:
    old: Client = await connect("back")
    prompt_id = await old.submit(slow_prompt(2))
    await old.until("progress")
    async with http.ws_connect("/ws?clientId=back") as socket:
        new = Client(http, socket, "back")
        first, second = await new.next(), await new.next()
        assert first["type"] == "status"
        assert second == {"type": "executing", "data": {"node": "3"}}
        await old.socket.close()
        await asyncio.sleep(0.1)
        assert "execution_success" in kinds(await new.until_done(prompt_id))


async def test_a_socket_whose_id_a_newer_one_takes_is_closed_after_what_it_was_told(
    connect: Any, http: aiohttp.ClientSession
) -> None:
    old: Client = await connect("twin")
    for width in (61, 62):
        await old.run(picture_prompt(width=width))
    async with http.ws_connect("/ws?clientId=twin") as socket:
        assert (await socket.receive_json(timeout=5))["type"] == "status"
        while (last := await old.socket.receive(timeout=5)).type is aiohttp.WSMsgType.TEXT:
            pass
        assert (last.type, last.data) == (aiohttp.WSMsgType.CLOSE, 4001)
        assert "execution_success" in kinds(await Client(http, socket, "twin").run(picture_prompt(width=63)))


async def test_others_hear_of_the_queue_only(connect: Any) -> None:
    mine, other = await connect("mine"), await connect("other")
    await mine.run(picture_prompt(width=18))
    heard = [await other.next() for _ in range(3)]
    assert kinds(heard) == ["status"] * 3
    await other.socket.send_json({"type": "feature_flags", "data": {}})
    assert kinds(await other.until("feature_flags")) == ["feature_flags"]


async def test_a_job_without_client_is_told_to_nobody_and_remembered(
    connect: Any, http: aiohttp.ClientSession
) -> None:
    listener: Client = await connect("listener")
    async with http.post("/prompt", json={"prompt": picture_prompt(width=19)}) as response:
        prompt_id = (await response.json())["prompt_id"]
    for _ in range(3):
        assert kinds([await listener.next()]) == ["status"]
    async with http.get(f"/history/{prompt_id}") as response:
        assert (await response.json())[prompt_id]["outputs"]["2"]["images"]


async def test_a_wide_graph_costs_the_wire_little(connect: Any) -> None:
    client: Client = await connect("wide")
    prompt: dict[str, Any] = {}
    for index in range(1000):
        prompt[f"c{index}"] = {"class_type": "ToyCount", "inputs": {"value": index}}
        prompt[f"s{index}"] = {"class_type": "ToyShow", "inputs": {"value": [f"c{index}", 0]}}
    messages = await client.run(prompt)
    size = sum(len(m) if isinstance(m, bytes) else len(json.dumps(m)) for m in messages)
    assert kinds(messages).count("executed") == 1000
    assert kinds(messages).count("progress_state") < 200
    assert size < 1_500_000
    seen: set[str] = set()
    for state in data_of(messages, "progress_state"):
        seen |= {node for node, about in state["nodes"].items() if about["state"] == "finished"}
    assert seen == set(prompt)


async def test_a_message_that_is_too_long_ends_the_socket_and_nothing_else(
    http: aiohttp.ClientSession,
) -> None:
    async with http.ws_connect("/ws") as socket:
        await socket.receive(5)
        with suppress(ConnectionError):
            await socket.send_str("x" * 5 * 2**20)
        assert (await socket.receive(5)).type in ENDS
    async with http.get("/queue") as response:
        assert response.status == 200


async def test_who_asks_hears_of_the_worker(connect: Any, http: aiohttp.ClientSession) -> None:
    client: Client = await connect("worker", {"supports_worker_state": True})
    await client.submit(picture_prompt(width=20))
    assert (await client.until("worker"))[-1] == {"type": "worker", "data": {"state": "busy"}}
    assert (await client.until("worker"))[-1] == {"type": "worker", "data": {"state": "ready"}}


async def test_the_log_is_told_to_who_subscribed(connect: Any, http: aiohttp.ClientSession) -> None:
    client: Client = await connect("log")
    for enabled in (True, False):
        async with http.patch(
            "/internal/logs/subscribe", json={"clientId": "log", "enabled": enabled}
        ) as response:
            assert response.status == 200
        prompt = picture_prompt(width=21 + enabled)
        prompt["3"] = {"class_type": "ToyDie", "inputs": {"images": ["1", 0]}}
        prompt["2"]["inputs"]["images"] = ["3", 0]
        told = data_of(await client.run(prompt), "logs")
        assert any("killed by SIGKILL" in line["m"] for data in told for line in data["entries"]) is enabled


async def test_memory_can_be_given_back(connect: Any, http: aiohttp.ClientSession) -> None:
    client: Client = await connect("free")
    prompt = picture_prompt(width=23)
    await client.run(prompt)
    for body, cached in (({"unload_models": True}, True), ({"free_memory": True}, False), ({}, True)):
        async with http.post("/free", json=body) as response:
            assert (response.status, await response.read()) == (200, b"")
        nodes = data_of(await client.run(prompt), "execution_cached")[0]["nodes"]
        assert bool(nodes) is cached, body
    for bad in (b"", b"[]", b"x"):
        async with http.post("/free", data=bad) as response:
            assert response.status == 400

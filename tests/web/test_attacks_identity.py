"""Attacks under another's name: ids that were used, links that lead out, sockets of others, other origins."""

import asyncio
import os
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.web.client import Server, picture_prompt
from tests.web.test_prompt import post
from tests.web.test_uploads import upload


async def test_check_8_one_id_at_once_makes_one_job(start_server: Any) -> None:
    server = await start_server()
    async with aiohttp.ClientSession(server.url) as http:
        bodies = [{"prompt": picture_prompt(width=n + 1), "prompt_id": "same"} for n in range(12)]
        answers = await asyncio.gather(*(post(http, body) for body in bodies))
        assert sorted(status for status, _ in answers) == [200] + [409] * 11
        async with http.get("/queue") as response:
            assert [item[1] for item in (await response.json())["queue_pending"]] == ["same"]


async def test_check_8_one_idempotency_key_at_once_makes_one_job(start_server: Any) -> None:
    server = await start_server()
    key = {"Idempotency-Key": "k"}
    async with aiohttp.ClientSession(server.url, headers=key) as http:
        bodies = [{"prompt": picture_prompt(), "client_id": f"client-{n}"} for n in range(12)]
        answers = await asyncio.gather(*(post(http, body) for body in bodies))
        assert {status for status, _ in answers} == {200}
        assert len({answer["prompt_id"] for _, answer in answers}) == 1
        async with http.get("/queue") as response:
            [item] = (await response.json())["queue_pending"]
    assert item[3]["client_id"] in {body["client_id"] for body in bodies}


async def test_check_8_an_id_that_is_used_again_takes_nothing_from_the_old_job(
    http: aiohttp.ClientSession, connect: Any
) -> None:
    first, second = await connect("first-owner"), await connect("second-owner")
    await first.run(picture_prompt(width=61), prompt_id="again")
    async with http.get("/history/again") as response:
        [before] = (await response.json())["again"]["outputs"]["2"]["images"]
    await second.run(picture_prompt(width=62), prompt_id="again")
    async with http.get("/history/again") as response:
        entry = (await response.json())["again"]
    assert entry["prompt"][3]["client_id"] == "second-owner"
    assert entry["outputs"]["2"]["images"] != [before]
    async with http.get("/api/jobs/again/events") as response:
        story = await response.text()
    assert story.count("event: job_started") == story.count("event: job_finished") == 1
    async with http.get("/view", params=before) as response:
        assert response.status == 200  # the picture of the first is still there
    await first.socket.send_json({"type": "feature_flags", "data": {}})
    heard = await first.until("feature_flags")
    assert {message["type"] for message in heard} <= {"status", "feature_flags"}


async def test_check_11_a_hard_link_is_replaced_and_never_written_through(
    http: aiohttp.ClientSession, server: Server, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"not yours")
    user = server.base / "users" / "default"
    user.mkdir(parents=True, exist_ok=True)
    names = (server.base / "input" / "hard.png", user / "hard.json")
    for name in names:
        os.link(outside, name)
    assert (await upload(http, b"new", "hard.png", overwrite="true"))[0] == 200
    async with http.post("/userdata/hard.json", data=b"new") as response:
        assert response.status == 200
    assert [name.read_bytes() for name in names] == [b"new", b"new"]
    os.link(outside, server.base / "input" / "taken.png")
    status, answer = await upload(http, b"other", "taken.png")
    assert (status, answer["name"]) == (200, "taken (1).png")
    async with http.delete("/userdata/hard.json") as response:
        assert response.status == 204
    assert outside.read_bytes() == b"not yours"


async def test_check_11_a_result_is_not_saved_through_a_link(
    server: Server, connect: Any, tmp_path: Path
) -> None:
    (server.base / "output" / "way-out").symlink_to(tmp_path)
    client = await connect("way-out")
    prompt = picture_prompt(width=63)
    prompt["2"]["inputs"]["filename_prefix"] = "way-out/x"
    messages = await client.run(prompt)
    kinds = [message["type"] for message in messages if isinstance(message, dict)]
    assert "execution_error" in kinds
    assert list(tmp_path.iterdir()) == []


async def test_check_30_a_socket_that_brings_no_id_gets_one_that_nobody_guesses(
    http: aiohttp.ClientSession,
) -> None:
    seen = set()
    for _ in range(3):
        async with http.ws_connect("/ws") as socket:
            seen.add((await socket.receive_json())["data"]["sid"])
    assert len(seen) == 3
    assert all(len(sid) == 32 and set(sid) <= set("0123456789abcdef") for sid in seen)


async def test_check_30_a_cookie_alone_opens_no_socket(start_server: Any) -> None:
    server = await start_server(token="word")
    headers = {"Cookie": "sfumato_token=word"}
    async with aiohttp.ClientSession(server.url) as http:
        for origin, status in ((None, 403), ("http://evil.com", 403), ("null", 403)):
            given = headers if origin is None else {**headers, "Origin": origin}
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await http.ws_connect("/ws", headers=given)
            assert refused.value.status == status
        async with http.ws_connect("/ws", headers={**headers, "Origin": server.url}) as socket:
            assert (await socket.receive_json())["type"] == "status"


async def test_check_32_other_origins_are_told_nothing_unless_they_are_let_in(server: Server) -> None:
    async with aiohttp.ClientSession(server.url) as http:
        for method in ("PUT", "DELETE", "POST", "PATCH"):
            asked = {"Origin": "http://evil.com", "Access-Control-Request-Method": method}
            for path in ("/userdata/x", "/prompt", "/internal/logs/subscribe"):
                async with http.options(path, headers=asked) as response:
                    assert not [name for name in response.headers if name.startswith("Access-Control-")]
        async with http.get("/queue", headers={"Origin": "http://evil.com"}) as response:
            assert response.status == 403
            assert not [name for name in response.headers if name.startswith("Access-Control-")]

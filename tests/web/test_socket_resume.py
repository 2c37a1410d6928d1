"""A socket that comes back is told what it missed, once and in order."""

import asyncio
from typing import Any

import aiohttp
import pytest

from tests.web.client import Client, kinds, picture_prompt
from tests.web.test_jobs import slow

IDS = {"supports_event_ids": True}


async def come_back(http: aiohttp.ClientSession, sid: str, after: int, job_id: str) -> Client:
    client = Client(http, await http.ws_connect(f"/ws?clientId={sid}&resume={after}:{job_id}"), sid)
    first = await client.next()
    assert isinstance(first, dict)
    assert first["type"] == "status"
    return client


def numbers(messages: list[Any]) -> list[int]:
    return [message["id"] for message in messages if isinstance(message, dict) and "id" in message]


def steady(messages: list[Any]) -> list[Any]:
    """The numbered messages, but for those of which several may become one."""
    changing = ("progress", "progress_state")
    return [
        message
        for message in messages
        if isinstance(message, dict) and "id" in message and message["type"] not in changing
    ]


async def test_a_socket_that_was_away_hears_the_rest_once(http: aiohttp.ClientSession, connect: Any) -> None:
    client: Client = await connect("away", IDS)
    job_id = await client.submit(slow(91))
    before = numbers(await client.until("progress"))
    await client.socket.close()
    await asyncio.sleep(0.3)
    client = await come_back(http, "away", before[-1], job_id)
    async with http.post(f"/api/jobs/{job_id}/cancel") as response:
        assert response.status == 200
    messages = await client.until_done(job_id)
    rest = numbers(messages)
    assert min(rest) > before[-1]
    assert rest == sorted(rest)
    assert kinds(messages).count("execution_interrupted") == 1
    assert "execution_start" not in kinds(messages)
    await client.socket.close()


async def test_a_whole_job_is_told_again_as_it_was(http: aiohttp.ClientSession, connect: Any) -> None:
    client: Client = await connect("again", IDS)
    job_id = await client.submit(picture_prompt(width=92))
    lived = await client.until_done(job_id)
    told = await (again := await come_back(http, "again", 0, job_id)).until_done(job_id)
    await again.socket.close()
    assert steady(told)[:-1] == steady(lived)
    assert steady(told)[-1]["data"] == {"node": None, "prompt_id": job_id}
    assert "progress_state" in kinds(told)


async def test_a_job_of_another_client_is_not_told(http: aiohttp.ClientSession, connect: Any) -> None:
    client: Client = await connect("owner")
    job_id = await client.submit(picture_prompt(width=93))
    assert numbers(await client.until_done(job_id)) == []
    stranger = await come_back(http, "stranger", 0, job_id)
    with pytest.raises(TimeoutError):
        await stranger.socket.receive(0.3)
    await stranger.socket.close()


@pytest.mark.parametrize("text", ["", "7", "x:job", "-1:job", "7:", "%C2%B2:job", "9" * 20 + ":job"])
async def test_what_names_no_event_is_refused(http: aiohttp.ClientSession, text: str) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        await http.ws_connect(f"/ws?clientId=x&resume={text}")
    assert refusal.value.status == 400

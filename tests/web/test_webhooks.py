"""Webhooks: signed, tried again, and never sent where the owner of the server did not allow it (check 33)."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from socket import AF_INET
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.web.client import picture_prompt
from tests.web.quick import running
from web.refusal import RefusedError
from web.webhooks import PublicResolver, check_webhook


@dataclass
class Receiver:
    port: int = 0
    statuses: list[int] = field(default_factory=list)
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.Response:
        self.heard.append((dict(request.headers), await request.read()))
        self.news.set()
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(status=status, headers={"Location": "/elsewhere"})


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.port = runner.addresses[0][1]
    yield receiver
    await runner.cleanup()


async def finished(http: aiohttp.ClientSession, webhook: dict[str, str]) -> str:
    body = {"prompt": picture_prompt(), "extra_data": {"webhook": webhook}}
    async with http.post("/prompt", json=body) as response:
        assert response.status == 200, await response.text()
        prompt_id = str((await response.json())["prompt_id"])
    for path in ("/queue", "/api/jobs", f"/api/jobs/{prompt_id}"):
        async with http.get(path) as response:
            assert "hidden-word" not in await response.text()
    async with http.post(f"/api/jobs/{prompt_id}/cancel") as response:
        assert response.status == 200
    for path in ("/history", f"/history/{prompt_id}", f"/api/jobs/{prompt_id}"):
        async with http.get(path) as response:
            assert "hidden-word" not in await response.text()
    return prompt_id


async def test_a_job_that_is_over_is_told_with_a_signature(start_server: Any, receiver: Receiver) -> None:
    receiver.statuses = [503]
    server = await start_server(webhook_hosts=(f"127.0.0.1:{receiver.port}",))
    async with aiohttp.ClientSession(server.url) as http:
        url = f"http://127.0.0.1:{receiver.port}/hook"
        prompt_id = await finished(http, {"url": url, "secret": "hidden-word"})
    for _ in range(100):
        if len(receiver.heard) == 2:
            break
        await asyncio.sleep(0.05)
    (first, _), (headers, body) = receiver.heard
    assert first["X-Sfumato-Delivery"] == headers["X-Sfumato-Delivery"]
    told = json.loads(body)
    assert (told["event"], told["job"]["id"], told["job"]["state"]) == (
        "job_finished",
        prompt_id,
        "cancelled",
    )
    signed = headers["X-Sfumato-Timestamp"].encode() + b"." + body
    expected = hmac.new(b"hidden-word", signed, hashlib.sha256).hexdigest()
    assert headers["X-Sfumato-Signature"] == f"sha256={expected}"


async def test_what_was_not_delivered_is_delivered_after_a_restart_and_then_no_more(
    receiver: Receiver, tmp_path: Path
) -> None:
    hosts = (f"127.0.0.1:{receiver.port}",)
    url = f"http://127.0.0.1:{receiver.port}/hook"
    receiver.statuses = [503]
    async with running(tmp_path, webhook_hosts=hosts) as server, aiohttp.ClientSession(server.url) as http:
        prompt_id = await finished(http, {"url": url, "secret": "hidden-word"})
        await asyncio.wait_for(receiver.news.wait(), 10)
    receiver.news.clear()
    async with running(tmp_path):  # allowed to tell nobody, it forgets nothing
        await asyncio.sleep(0.05)
    assert len(receiver.heard) == 1
    async with running(tmp_path, webhook_hosts=hosts) as server:
        await asyncio.wait_for(receiver.news.wait(), 10)
        while await server.service.untold(10):
            await asyncio.sleep(0.01)
    (first, before), (second, after) = receiver.heard
    assert json.loads(after)["job"]["id"] == prompt_id
    assert (first["X-Sfumato-Delivery"], before) == (second["X-Sfumato-Delivery"], after)
    async with running(tmp_path, webhook_hosts=hosts):
        await asyncio.sleep(0.05)
    assert len(receiver.heard) == 2


async def test_a_webhook_that_is_no_longer_allowed_is_dropped(receiver: Receiver, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{receiver.port}/hook"
    receiver.statuses = [503]
    hosts = (f"127.0.0.1:{receiver.port}",)
    async with running(tmp_path, webhook_hosts=hosts) as server, aiohttp.ClientSession(server.url) as http:
        await finished(http, {"url": url})
        await asyncio.wait_for(receiver.news.wait(), 10)
    async with running(tmp_path, webhook_hosts=("elsewhere.example.com",)) as server:
        while await server.service.untold(10):
            await asyncio.sleep(0.01)
    assert len(receiver.heard) == 1


async def test_a_redirect_is_not_followed(start_server: Any, receiver: Receiver) -> None:
    receiver.statuses = [302]
    server = await start_server(webhook_hosts=(f"127.0.0.1:{receiver.port}",))
    async with aiohttp.ClientSession(server.url) as http:
        await finished(http, {"url": f"http://127.0.0.1:{receiver.port}/hook"})
    await asyncio.wait_for(receiver.news.wait(), 10)
    await asyncio.sleep(0.1)
    assert len(receiver.heard) == 1
    assert "X-Sfumato-Signature" not in receiver.heard[0][0]


async def test_without_leave_there_are_no_webhooks(http: aiohttp.ClientSession) -> None:
    body = {"prompt": picture_prompt(), "extra_data": {"webhook": {"url": "http://example.com/"}}}
    async with http.post("/prompt", json=body) as response:
        assert response.status == 400
        assert (await response.json())["error"]["type"] == "webhooks_off"


ALLOWED = ("hooks.example.com", "hooks.example.com:8443", "10.0.0.7:9000", "[::1]:80")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.0.0.1:9000/",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]:81/",
        "http://0x0a000007:9000/",
        "http://167772167:9000/",
        "http://10.0.0.7/",
        "http://hooks.example.com:80@127.0.0.1/",
        "http://127.0.0.1\\@hooks.example.com/",
        "http://hooks.example.com.evil.com/",
        "http://hooks.example.com./",
        "http://hooks.example.com:22/",
        "file:///etc/passwd",
        "gopher://hooks.example.com/",
        "//hooks.example.com/",
        "hooks.example.com",
        "http://hooks.example.com/\r\nX: y",
        "http://[hooks.example.com/",
        "http://hooks.example.com:x/",
        "http://hooks.example.com/" + "x" * 3000,
        "",
    ],
)
def test_an_address_inside_is_refused(url: str) -> None:
    with pytest.raises(RefusedError) as refused:
        check_webhook({"webhook": {"url": url}}, ALLOWED)
    assert refused.value.body["error"]["type"] == "webhook_not_allowed"
    assert url not in str(refused.value.body) or len(url) < 2


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com/a?b=c",
        "http://HOOKS.example.com/",
        "https://hooks.example.com:8443/",
        "http://10.0.0.7:9000",
        "http://[::1]/",
    ],
)
def test_an_address_that_is_allowed_is_taken(url: str) -> None:
    check_webhook({"webhook": {"url": url, "secret": "x"}}, ALLOWED)


@pytest.mark.parametrize(
    "webhook", [7, [], {}, {"url": 7}, {"url": "x", "secret": 7}, {"url": "x", "secret": "s" * 999}]
)
def test_a_malformed_webhook_is_refused(webhook: Any) -> None:
    with pytest.raises(RefusedError):
        check_webhook({"webhook": webhook}, ALLOWED)


async def test_a_name_that_leads_inside_is_not_connected_to() -> None:
    with pytest.raises(OSError, match="no public address"):
        await PublicResolver(("hooks.example.com",)).resolve("localhost", 80, AF_INET)
    assert await PublicResolver(("localhost:9000",)).resolve("localhost", 80, AF_INET)

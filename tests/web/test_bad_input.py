"""Generated bad requests: each is refused in words, and the server goes on. A benchmark sends 20,000."""

import time

import aiohttp
from hypothesis import HealthCheck, given, settings

from tests.web.bad_input import REQUESTS, Request, ask, complaint
from tests.web.client import Server


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(request=REQUESTS)
async def test_whatever_is_sent_is_refused_in_words(server: Server, request: Request) -> None:
    async with aiohttp.ClientSession(server.url) as http:
        start = time.perf_counter()
        answer = await ask(http, request)
    assert complaint(request, answer) is None, (request, answer)
    assert time.perf_counter() - start < 20


async def test_after_all_that_the_server_lives(http: aiohttp.ClientSession, server: Server) -> None:
    async with http.post("/queue", json={"clear": True}) as response:
        assert response.status == 200
    assert server.alive()
    assert "A request failed" not in server.log()

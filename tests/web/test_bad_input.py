"""Generated bad requests: each is refused in words, and the server goes on. A benchmark sends 20,000."""

import json
import time
import urllib.request

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.web.bad_input import REQUESTS, Request, ask, complaint
from tests.web.client import Server
from tests.web.described_input import Description


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(request=REQUESTS)
async def test_whatever_is_sent_is_refused_in_words(server: Server, request: Request) -> None:
    async with aiohttp.ClientSession(server.url) as http:
        start = time.perf_counter()
        answer = await ask(http, request)
    assert complaint(request, answer) is None, (request, answer)
    assert time.perf_counter() - start < 20


@pytest.fixture(scope="module")
def description(server: Server) -> Description:
    with urllib.request.urlopen(f"{server.url}/api/openapi.json", timeout=90) as answer:
        return Description(json.load(answer))


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
async def test_whatever_the_description_lets_one_send_is_answered_as_it_says(
    server: Server, description: Description, data: st.DataObject
) -> None:
    request = data.draw(description.requests)
    async with aiohttp.ClientSession(server.url) as http:
        answer = await ask(http, request)
    assert description.complaint(request, answer) is None, (request, answer)


async def test_after_all_that_the_server_lives(http: aiohttp.ClientSession, server: Server) -> None:
    async with http.post("/queue", json={"clear": True}) as response:
        assert response.status == 200
    assert server.alive()
    assert "A request failed" not in server.log()

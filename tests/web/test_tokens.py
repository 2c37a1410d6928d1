"""Where a token is demanded: who holds it, what a signed address opens, and what guessing costs."""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import pytest
from yarl import URL

from web.tokens import (
    GUESS_SECONDS,
    MOST_GUESSES,
    REMEMBERED_CLIENTS,
    Guesses,
    client_of,
    has_token,
    new_token,
    signed,
)

TOKEN = "let me in"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


async def test_a_signed_address_opens_one_thing_for_a_while(start_server: Any) -> None:
    server = await start_server(token=TOKEN)
    (server.base / "output" / "a b.txt").write_text("shown")
    async with aiohttp.ClientSession(server.url) as http:
        body = {"path": "/view?filename=a+b.txt&type=output", "seconds": 60}
        async with http.post("/sign", json=body) as response:
            assert response.status == 401
        async with http.post("/sign", json=body, headers=BEARER) as response:
            url = (await response.json())["url"]
        async with http.get(URL(url, encoded=True)) as response:
            assert (response.status, await response.text()) == (200, "shown")
        past = signed(body["path"], TOKEN, -1)
        others = (
            url.replace("a+b.txt", "c.txt"),
            url.replace("/view", "/api/view"),
            url[:-1] + ("0" if url[-1] != "0" else "1"),
            url.replace("expires=", "expires=9"),
            past,
            "/view?filename=a+b.txt&expires=x&signature=y",
        )
        for other in others:
            async with http.get(URL(other, encoded=True)) as response:
                assert response.status == 401, other
    [expires] = [value for key, value in parse_qsl(urlsplit(url).query) if key == "expires"]
    assert 0 < int(expires) - time.time() <= 60


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"path": 7},
        {"path": "/prompt"},
        {"path": "/ws"},
        {"path": "http://evil.com/view"},
        {"path": "/view", "seconds": 0},
        {"path": "/view", "seconds": 10**9},
        {"path": "/view", "seconds": True},
        {"path": "/view", "seconds": "60"},
        [],
    ],
)
async def test_what_is_not_to_be_handed_on_is_not_signed(http: aiohttp.ClientSession, body: Any) -> None:
    async with http.post("/sign", json=body) as response:
        assert response.status == 400


async def test_a_signature_opens_nothing_that_changes(start_server: Any) -> None:
    server = await start_server(token=TOKEN)
    async with aiohttp.ClientSession(server.url) as http:
        async with http.post(
            URL(signed("/queue", TOKEN, 60), encoded=True), json={"clear": True}
        ) as response:
            assert response.status == 401
        async with http.get("/sign", headers=BEARER) as response:
            assert response.status == 404


async def test_who_guesses_must_wait(start_server: Any) -> None:
    server = await start_server(token=TOKEN)
    async with aiohttp.ClientSession(server.url) as http:
        for _ in range(30):
            async with http.get("/queue") as response:
                assert response.status == 401
        for number in range(MOST_GUESSES):
            async with http.get("/queue", headers={"X-Sfumato-Token": str(number)}) as response:
                assert response.status == 401
        for headers in ({"X-Sfumato-Token": "again"}, BEARER):
            async with http.get("/queue", headers=headers) as response:
                assert response.status == 429
                assert 0 < int(response.headers["Retry-After"]) <= GUESS_SECONDS + 1
        async with http.get("/health") as response:
            assert response.status in {200, 503}


def test_guesses_are_forgotten_in_time_and_bounded() -> None:
    guesses = Guesses()
    for _ in range(MOST_GUESSES):
        guesses.wrong("a", 100.0)
    assert guesses.wait_seconds("a", 101.0) > 0
    assert guesses.wait_seconds("b", 101.0) == 0
    assert guesses.wait_seconds("a", 100.0 + GUESS_SECONDS) == 0
    for number in range(2 * REMEMBERED_CLIENTS):
        guesses.wrong(str(number), 200.0)
    assert len(guesses.clients) == REMEMBERED_CLIENTS


@pytest.mark.parametrize(
    ("remote", "client"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        (None, ""),
    ],
)
def test_a_client_is_an_address_or_a_home(remote: str | None, client: str) -> None:
    assert client_of(SimpleNamespace(remote=remote)) == client


def test_tokens_are_long_and_compared_as_bytes(tmp_path: Path) -> None:
    from web.settings import WebSettings

    assert len(new_token()) >= 40
    assert new_token() != new_token()
    settings = WebSettings(tmp_path, token=TOKEN)
    assert has_token(TOKEN, settings)
    for other in (None, "", "grün", "\ud800", TOKEN + " "):
        assert not has_token(other, settings)
    assert not has_token("", WebSettings(tmp_path))

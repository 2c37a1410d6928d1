"""Downloads of models: asked for, from a confirmed host, whole, checked, and never over what is there."""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from web.downloads import Download, DownloadError, Downloads, check_address

HEADER = json.dumps({"w": {"dtype": "F16", "shape": [2], "data_offsets": [0, 4]}}).encode()
MODEL = len(HEADER).to_bytes(8, "little") + HEADER + b"abcd"
DIGEST = hashlib.sha256(MODEL).hexdigest()


@pytest.fixture
async def host() -> AsyncIterator[str]:
    async def model(_: web.Request) -> web.Response:
        return web.Response(body=MODEL)

    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<html>log in first</html>")

    async def elsewhere(request: web.Request) -> web.Response:
        raise web.HTTPFound(request.query["to"])

    async def loop(_: web.Request) -> web.Response:
        raise web.HTTPFound("/loop")

    async def slow(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(MODEL[:4])
        await asyncio.sleep(60)
        return response

    app = web.Application()
    app.add_routes([web.get("/m.safetensors", model), web.get("/page.safetensors", page)])
    app.add_routes([web.get("/to", elsewhere), web.get("/loop", loop), web.get("/slow", slow)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def fetched(downloads: Downloads, target: Path, url: str, digest: str = "") -> Download:
    download = downloads.begin("loras", target.name, target, url, digest)
    for _ in range(500):
        if download.state != "running":
            break
        await asyncio.sleep(0.01)
    return download


async def test_a_model_arrives_whole_and_is_what_was_named(tmp_path: Path, host: str) -> None:
    downloads, target = Downloads(is_inner=True), tmp_path / "new" / "m.safetensors"
    done = await fetched(downloads, target, f"{host}/to?to=/m.safetensors", DIGEST)
    assert (done.state, done.received, done.total) == ("done", len(MODEL), len(MODEL))
    assert target.read_bytes() == MODEL
    with pytest.raises(DownloadError, match="already"):
        downloads.begin("loras", target.name, target, f"{host}/m.safetensors", "")
    assert [one["state"] for one in (found.facts() for found in downloads.all())] == ["done"]


@pytest.mark.parametrize(
    ("path", "digest", "problem"),
    [
        ("/m.safetensors", "0" * 64, "SHA-256"),
        ("/page.safetensors", "", "no model file"),
        ("/gone", "", "404"),
        ("/loop", "", "one address to the next"),
        ("/to?to=ftp://here/m.safetensors", "", "https"),
    ],
)
async def test_what_is_not_the_model_leaves_nothing(
    tmp_path: Path, host: str, path: str, digest: str, problem: str
) -> None:
    failed = await fetched(Downloads(is_inner=True), tmp_path / "m.safetensors", host + path, digest)
    assert failed.state == "failed"
    assert re.search(problem, failed.problem), failed.problem
    assert list(tmp_path.iterdir()) == []


async def test_a_download_that_is_cancelled_leaves_nothing(tmp_path: Path, host: str) -> None:
    downloads = Downloads(is_inner=True)
    download = downloads.begin("loras", "m.safetensors", tmp_path / "m.safetensors", f"{host}/slow", "")
    with pytest.raises(DownloadError, match="on its way"):
        downloads.begin("loras", "m.safetensors", tmp_path / "m.safetensors", f"{host}/slow", "")
    while download.received == 0:
        await asyncio.sleep(0.01)
    assert downloads.cancel(download.id)
    await downloads.close()
    assert download.state == "cancelled"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/m.safetensors",
        "https://127.0.0.1/m.safetensors",
        "https://[::1]/m.safetensors",
        "https://169.254.169.254/m.safetensors",
        "https://me:secret@example.org/m.safetensors",
        "https://example.org\\@inner/m.safetensors",
        "https:///m.safetensors",
        "file:///etc/passwd",
        "https://example.org:99999/m.safetensors",
    ],
)
def test_addresses_that_lead_inside_or_hide_something_are_refused(url: str) -> None:
    with pytest.raises(DownloadError):
        check_address(url)


async def test_names_that_resolve_to_inner_addresses_are_refused(tmp_path: Path) -> None:
    failed = await fetched(Downloads(), tmp_path / "m.safetensors", "https://localhost/m.safetensors")
    assert failed.state == "failed"
    assert "localhost" in failed.problem


async def test_the_route_refuses_what_was_not_confirmed(start_server: Any) -> None:
    server = await start_server()
    good = {
        "folder": "loras",
        "name": "m.safetensors",
        "url": "https://example.org/m.safetensors",
        "host": "example.org",
    }
    wrong: list[tuple[dict[str, Any], int]] = [
        ({"host": ""}, 400),
        ({"host": "other.org"}, 400),
        ({"folder": "nowhere"}, 404),
        ({"folder": "custom_nodes"}, 404),
        ({"name": "../m.safetensors"}, 400),
        ({"name": ".m.safetensors"}, 400),
        ({"name": "m.ckpt"}, 409),
        ({"url": "http://example.org/m.safetensors"}, 409),
        ({"sha256": "12"}, 400),
        ({"url": 3}, 400),
    ]
    async with aiohttp.ClientSession(server.url) as http:
        for change, status in wrong:
            async with http.post("/api/models/downloads", json={**good, **change}) as response:
                assert response.status == status, change
        async with http.get("/api/models/downloads") as response:
            assert await response.json() == {"downloads": []}
        async with http.delete("/api/models/downloads/none") as response:
            assert response.status == 404

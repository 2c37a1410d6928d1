"""The page: what a browser may keep, what a policy forbids, and where it is loosened."""

import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.web.client import Server
from web.page_files import FOREVER, content_mark, marked_page, split_mark

STRICT = "style-src 'self';"
LOOSE = "style-src 'self' 'unsafe-inline';"


async def page_of(http: aiohttp.ClientSession, path: str = "/") -> tuple[str, str]:
    async with http.get(path) as response:
        return await response.text(), response.headers["Content-Security-Policy"]


async def test_scripts_and_styles_are_kept_for_ever_and_only_the_page_is_asked_for_again(
    http: aiohttp.ClientSession,
) -> None:
    async with http.get("/") as response:
        tag, text = response.headers["ETag"], await response.text()
        assert response.headers["Cache-Control"] == "no-cache"
    async with http.get("/", headers={"If-None-Match": tag}) as response:
        assert (response.status, await response.read()) == (304, b"")
    links = re.findall(r'(?:href|src)="([^"]+\.(?:js|css))"', text)
    assert len(links) > 100
    assert len({link.split("/")[0] for link in links}) == 1
    for link in (links[0], links[-1]):
        async with http.get(f"/{link}") as response:
            assert (response.status, response.headers["Cache-Control"]) == (200, FOREVER)
        other = re.sub(r"v-[0-9a-f]{16}", "v-0123456789abcdef", link)
        async with http.get(f"/{other}") as response:
            assert (response.status, response.headers["Cache-Control"]) == (200, "no-cache")
    async with http.get(f"/{links[0].split('/')[0]}/../../app.py") as response:
        assert response.status == 404


def test_the_mark_changes_with_any_content_and_with_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "js").mkdir()
    (tmp_path / "js" / "a.js").write_text("1")
    (tmp_path / "index.html").write_text('<script src="js/a.js"></script><img src="a.svg">')
    first = content_mark(tmp_path)
    assert marked_page(tmp_path).decode() == f'<script src="v-{first}/js/a.js"></script><img src="a.svg">'
    (tmp_path / "js" / "a.js").write_text("1")
    assert content_mark(tmp_path) == first
    (tmp_path / "js" / "a.js").write_text("2")
    assert content_mark(tmp_path) != first
    assert split_mark(f"v-{first}/js/a.js") == (first, "js/a.js")
    assert split_mark("v-short/js/a.js") == (None, "v-short/js/a.js")


async def test_the_page_runs_nothing_inline_and_asks_nobody_else(http: aiohttp.ClientSession) -> None:
    _, policy = await page_of(http)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert "unsafe" not in policy
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    for name in ("object-src", "base-uri", "frame-ancestors"):
        assert rules[name] == "'none'"


@pytest.mark.parametrize(
    ("script", "is_loose"),
    [
        ('import { app } from "../../scripts/app.js";', True),
        ("const { app } = window.comfyAPI.app;", True),
        ('import { app } from "/scripts/ui.js"', True),
        ('export const api = 1; export default (page) => page.command({ id: "scripts" });', False),
    ],
)
async def test_styles_of_packs_are_allowed_where_scripts_of_the_ecosystem_are(
    start_server: Any, tmp_path: Path, script: str, is_loose: bool
) -> None:
    (tmp_path / "Pack" / "js").mkdir(parents=True)
    (tmp_path / "Pack" / "js" / "a.js").write_text(script)
    server = await start_server(custom_nodes=(tmp_path,))
    async with aiohttp.ClientSession(server.url) as http:
        _, policy = await page_of(http)
        _, safe = await page_of(http, "/?packs=off")
    assert (LOOSE if is_loose else STRICT) in policy
    assert STRICT in safe
    assert "script-src 'self';" in policy


async def test_the_icon_is_found_where_browsers_look(server: Server) -> None:
    async with aiohttp.ClientSession(server.url) as http:
        for name in ("favicon.ico", "favicon.svg"):
            async with http.get(f"/{name}") as response:
                assert (response.status, response.content_type) == (200, "image/svg+xml")

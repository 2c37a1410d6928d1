"""Who may talk to the server: host names, origins, content types, tokens, and how pages are sent."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.web.client import Server
from tests.web.quick import QuickServer
from web.access import is_known_host
from web.middleware import cache_control
from web.packs import web_folders
from web.settings import WebSettings


async def status_of(
    server: Server, method: str, path: str, headers: dict[str, str], body: bytes = b"{}"
) -> int:
    """The status of a request whose headers are sent exactly as given."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    lines = [f"{method} {path} HTTP/1.1", *(f"{key}: {value}" for key, value in headers.items())]
    if method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    writer.write(
        "\r\n".join([*lines, "Connection: close", "", ""]).encode() + (body if method == "POST" else b"")
    )
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return int(answer.split(maxsplit=2)[1])


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("127.0.0.1", True),
        ("127.0.0.1:8188", True),
        ("127.9.9.9:1", True),
        ("localhost:8188", True),
        ("LOCALHOST", True),
        ("[::1]:8188", True),
        ("evil.com", False),
        ("evil.com:8188", False),
        ("localhost.", False),
        ("localhost.evil.com", False),
        ("127.0.0.1.evil.com", False),
        ("127.0.0.1.", False),
        ("2130706433", False),
        ("0x7f000001", False),
        ("0.0.0.0:8188", False),
        ("192.168.0.7", False),
        ("[::]", False),
        ("[::1", False),
        ("::1", False),
        ("127.0.0.1:80:80", False),
        ("127.0.0.1:x", False),
        ("user@127.0.0.1", False),
        ("", False),
    ],
)
def test_only_names_of_this_machine_are_believed(host: str, known: bool, tmp_path: Path) -> None:
    assert is_known_host(host, WebSettings(tmp_path)) is known


def test_addresses_are_believed_where_the_server_is_open_and_names_where_allowed(tmp_path: Path) -> None:
    settings = WebSettings(tmp_path, hosts=("0.0.0.0",), allowed_hosts=("studio.local",))
    assert is_known_host("192.168.0.7:8188", settings)
    assert is_known_host("studio.local:8188", settings)
    assert is_known_host(socket.gethostname(), settings)
    assert not is_known_host("evil.com", settings)
    assert not is_known_host("0.0.0.0.evil.com", settings)


async def test_a_foreign_host_name_is_refused(server: Server) -> None:
    for host in ("evil.com", f"evil.com:{server.port}", "localhost."):
        assert await status_of(server, "GET", "/system_stats", {"Host": host}) == 403
    assert await status_of(server, "GET", "/system_stats", {"Host": "localhost"}) == 200
    forwarded = {"Host": "evil.com", "X-Forwarded-Host": "localhost"}
    assert await status_of(server, "GET", "/system_stats", forwarded) == 403
    assert await status_of(server, "GET", "/system_stats", {}) == 400


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 200),
        ({"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "Python-urllib/3.11"}, 200),
        ({"Content-Type": "text/plain", "User-Agent": "Mozilla/5.0"}, 403),
        ({"Content-Type": "text/plain", "Cookie": "a=b"}, 403),
        ({"Content-Type": "text/plain", "Referer": "http://evil.com/"}, 403),
        ({"Content-Type": "text/plain", "Origin": "http://HOST"}, 200),
        ({"Content-Type": "text/plain", "Sec-Fetch-Site": "same-origin", "User-Agent": "Mozilla/5.0"}, 200),
        ({"Origin": "http://HOST"}, 200),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://evil.com"}, 403),
        ({"Origin": "http://localhost.evil.com"}, 403),
        ({"Origin": "http://127.0.0.1.evil.com"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "http://user@HOST"}, 403),
        ({"Origin": "http://[::1"}, 403),
        ({"Origin": "file://HOST"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 403),
    ],
)
async def test_changes_need_a_proved_origin(server: Server, headers: dict[str, str], status: int) -> None:
    host = f"127.0.0.1:{server.port}"
    given = {key: value.replace("HOST", host) for key, value in headers.items()}
    given = {"Host": host, "Content-Type": "application/json", **given}
    for path in ("/queue", "/api/queue", "/history", "/free", "/interrupt", "/settings"):
        assert await status_of(server, "POST", path, given) == status, path


async def test_another_site_may_link_to_the_page_and_no_more(server: Server) -> None:
    host = {"Host": f"127.0.0.1:{server.port}"}
    link = {
        **host,
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
    }
    assert await status_of(server, "GET", "/system_stats", link) == 200
    embedded = {
        **host,
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "no-cors",
        "Sec-Fetch-Dest": "image",
    }
    assert await status_of(server, "GET", "/view?filename=a.png", embedded) == 403
    framed = {
        **host,
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "iframe",
    }
    assert await status_of(server, "GET", "/", framed) == 403


async def test_a_socket_needs_a_proved_origin(server: Server) -> None:
    upgrade = {
        "Host": f"127.0.0.1:{server.port}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==",
        "Sec-WebSocket-Version": "13",
    }
    for extra in ({"Origin": "http://evil.com"}, {"Origin": "null"}, {"Cookie": "a=b"}, {"Host": "evil.com"}):
        assert await status_of(server, "GET", "/ws", {**upgrade, **extra}) == 403
    assert await status_of(server, "GET", "/ws?clientId=" + "x" * 1000, upgrade) == 400
    plain = {"Host": f"127.0.0.1:{server.port}"}
    assert await status_of(server, "GET", "/ws", plain) == 400


async def test_other_origins_come_in_where_they_are_allowed(start_server: Any) -> None:
    server = await start_server(cors_origin="http://app.local")
    async with aiohttp.ClientSession(server.url) as http:
        async with http.options("/prompt", headers={"Origin": "http://app.local"}) as response:
            assert response.status == 200
            assert response.headers["Access-Control-Allow-Origin"] == "http://app.local"
            assert (
                response.headers["Access-Control-Allow-Methods"] == "POST, GET, DELETE, PUT, OPTIONS, PATCH"
            )
            assert response.headers["Access-Control-Allow-Headers"] == "Content-Type, Authorization"
            assert response.headers["Access-Control-Allow-Credentials"] == "true"
        for origin, status in (("http://app.local", 200), ("http://evil.com", 403)):
            async with http.post("/queue", json={}, headers={"Origin": origin}) as response:
                assert response.status == status


async def test_everybody_comes_in_without_credentials(start_server: Any) -> None:
    server = await start_server(cors_origin="*")
    async with (
        aiohttp.ClientSession(server.url) as http,
        http.get("/queue", headers={"Origin": "http://x.org"}) as response,
    ):
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in response.headers


async def test_a_token_is_demanded_where_one_is_set(start_server: Any) -> None:
    server = await start_server(token="let me in")
    async with aiohttp.ClientSession(server.url) as http:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"X-Sfumato-Token": "wrong"}):
            async with http.get("/queue", headers=headers) as response:
                assert response.status == 401
                assert (await response.json())["error"]["type"] == "token_required"
        for headers in ({"Authorization": "Bearer let me in"}, {"X-Sfumato-Token": "let me in"}):
            async with http.get("/queue", headers=headers) as response:
                assert response.status == 200
        async with http.get("/queue", params={"token": "let me in"}) as response:
            assert response.status == 200
            assert "Set-Cookie" not in response.headers


async def test_a_browser_that_comes_with_the_token_keeps_it(start_server: Any, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<!doctype html>")
    server = await start_server(token="let me in", static_root=tmp_path)
    async with aiohttp.ClientSession(server.url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        async with http.get("/", params={"token": "wrong"}) as response:
            assert response.status == 401
        async with http.get("/", params={"token": "let me in"}) as response:
            assert response.status == 200
            assert "HttpOnly" in response.headers["Set-Cookie"]
            assert "SameSite=Strict" in response.headers["Set-Cookie"]
        async with http.get("/queue") as response:
            assert response.status == 200


async def test_a_full_queue_says_when_to_come_back(start_server: Any) -> None:
    server = await start_server(max_pending=0)
    async with (
        aiohttp.ClientSession(server.url) as http,
        http.post("/prompt", json={"prompt": {"1": {"class_type": "x"}}}) as response,
    ):
        assert response.status == 429
        assert response.headers["Retry-After"]


@pytest.mark.parametrize(
    ("path", "status", "value"),
    [
        ("/a.js", 200, "no-cache"),
        ("/a.css", 404, "no-cache"),
        ("/x/index.abc.json", 200, "no-cache"),
        ("/a.json", 200, None),
        ("/a.PNG", 200, "public, max-age=86400"),
        ("/a.webp", 404, "public, max-age=3600"),
        ("/a.png", 302, "no-cache"),
        ("/a.png", 301, "public, max-age=86400"),
        ("/a.png", 304, None),
        ("/a.png", 500, None),
        ("/view", 200, None),
    ],
)
def test_how_long_answers_may_be_kept(path: str, status: int, value: str | None) -> None:
    assert cache_control(path, status) == value


@pytest.fixture
async def page(start_server: Any, tmp_path: Path) -> QuickServer:
    root = tmp_path / "page"
    (root / "js").mkdir(parents=True)
    (root / "extensions" / "own").mkdir(parents=True)
    (root / "index.html").write_text("<!doctype html>")
    (root / "js" / "main.js").write_text("export {};")
    (root / "extensions" / "own" / "a.js").write_text("")
    (root / "link.js").symlink_to("/etc/passwd")
    pack = tmp_path / "packs" / "Pack One"
    for folder in ("web", "example_workflows", "locales/en", "subgraphs"):
        (pack / folder).mkdir(parents=True)
    (pack / "web" / "p.js").write_text("pack")
    (pack / "example_workflows" / "t.json").write_text("{}")
    (pack / "locales" / "en" / "main.json").write_text('{"a": {"b": 1}}')
    (pack / "locales" / "en" / "nodeDefs.json").write_text("broken")
    (pack / "subgraphs" / "s.json").write_text("text")
    (tmp_path / "packs" / "Off.disabled").mkdir()
    server = await start_server(static_root=root, custom_nodes=(tmp_path / "packs",))
    server.service.doors.note(0, {})  # a worker has said that its packs answer no address
    return server


async def test_the_page_is_revalidated_at_each_use(page: QuickServer) -> None:
    async with aiohttp.ClientSession(page.url) as http:
        for path in ("/", "/index.html"):
            async with http.get(path) as response:
                assert response.content_type == "text/html"
                assert response.headers["Cache-Control"] == "no-cache"
                assert response.headers["Pragma"] == "no-cache"
                assert response.headers["Expires"] == "0"
                tag = response.headers["ETag"]
            async with http.get(path, headers={"If-None-Match": tag}) as response:
                assert response.status == 304
        async with http.get("/js/main.js") as response:
            assert response.headers["Content-Type"] == "text/javascript; charset=utf-8"
            assert response.headers["Cache-Control"] == "no-cache"
        for path in ("/link.js", "/js", "/js/../../secret", "/%2e%2e/%2e%2e/etc/passwd", "/nothing.js"):
            async with http.get(path) as response:
                assert response.status == 404


async def test_what_a_pack_may_answer_is_to_be_asked_again_once_a_worker_is_up(
    start_server: Any, tmp_path: Path
) -> None:
    (tmp_path / "packs" / "one").mkdir(parents=True)
    server = await start_server(custom_nodes=(tmp_path / "packs",))
    async with aiohttp.ClientSession(server.url) as http, http.get("/of-a-pack") as response:
        assert (response.status, response.headers["Retry-After"]) == (503, "5")
        assert (await response.json())["error"]["type"] == "packs_not_ready"


async def test_packs_bring_scripts_templates_translations_and_subgraphs(page: QuickServer) -> None:
    async with aiohttp.ClientSession(page.url) as http:
        async with http.get("/extensions") as response:
            assert await response.json() == ["/extensions/own/a.js", "/extensions/Pack%20One/p.js"]
        for path in ("/extensions/own/a.js", "/extensions/Pack%20One/p.js"):
            async with http.get(path) as response:
                assert response.status == 200
        async with http.get("/workflow_templates") as response:
            assert await response.json() == {"Pack One": ["t"]}
        async with http.get("/api/workflow_templates/Pack%20One/t.json") as response:
            assert await response.text() == "{}"
        async with http.get("/i18n") as response:
            assert await response.json() == {"en": {"a": {"b": 1}, "nodeDefs": {}}}
        async with http.get("/global_subgraphs") as response:
            [(key, about)] = (await response.json()).items()
        assert about == {"source": "custom_node", "name": "s", "info": {"node_pack": "custom_nodes.Pack One"}}
        async with http.get(f"/global_subgraphs/{key}") as response:
            assert (await response.json())["data"] == "text"
        async with http.get("/global_subgraphs/nothing") as response:
            assert await response.json() is None
        for path in (
            "/extensions/Pack%20One/%2e%2e/x",
            "/extensions/nothing/x.js",
            "/extensions/Off.disabled/x",
        ):
            async with http.get(path) as response:
                assert response.status == 404


def test_packs_that_loaded_say_themselves_where_their_scripts_are(tmp_path: Path) -> None:
    (tmp_path / "packs" / "Guessed" / "js").mkdir(parents=True)
    places = (tmp_path / "packs",)
    assert web_folders((), places) == {"Guessed": tmp_path / "packs" / "Guessed" / "js"}
    told = (
        {"name": "Told", "web_directory": str(tmp_path / "x"), "error": None},
        {"name": "Broken", "web_directory": str(tmp_path / "y"), "error": "no"},
        {"name": "Silent", "web_directory": None, "error": None},
    )
    assert web_folders(told, places) == {"Told": tmp_path / "x"}

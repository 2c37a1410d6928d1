"""Attacks over the network: from other pages, by slow and by many clients, and by those who read logs."""

import asyncio
import base64
import os
import re
import struct
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.web.client import Server, picture_prompt
from tests.web.quick import QuickServer
from tests.web.test_access import status_of
from tests.web.test_uploads import upload
from web.file_answer import passive_headers
from web.routes import socket as socket_routes

CHANGES = (
    "/prompt",
    "/api/jobs",
    "/queue",
    "/interrupt",
    "/free",
    "/history",
    "/settings",
    "/users",
    "/sign",
)
FORMS = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b")


@pytest.mark.parametrize("keys", [{"__proto__": {"x": 1}}, {"constructor": {"prototype": {"x": 1}}}])
async def test_check_25_keys_with_a_meaning_elsewhere_are_keys(start_server: Any, keys: Any) -> None:
    server = await start_server()
    prompt = picture_prompt()
    prompt["1"].update(keys)
    prompt["1"]["inputs"].update(keys)
    body = {"prompt": prompt, "extra_data": {"extra_pnginfo": {"workflow": keys}}, **keys}
    async with aiohttp.ClientSession(server.url) as http:
        async with http.post("/settings", json=keys) as response:
            assert response.status == 200
        async with http.get("/settings") as response:
            assert await response.json() == keys
        async with http.post("/prompt", json=body) as response:
            assert response.status == 200


@pytest.mark.parametrize(
    "name", ["x.PHP", "x.svgz", "x.htm", "x.shtml", "x.xht", "x.swf", "x.xsl", "image.png.html"]
)
async def test_check_26_what_could_run_is_a_download(
    http: aiohttp.ClientSession, server: Server, name: str
) -> None:
    (server.base / "output" / name).write_text("<script>alert(1)</script>")
    for headers in ({}, {"Sec-Fetch-Dest": "document"}, {"Sec-Fetch-Dest": "iframe"}):
        async with http.get("/view", params={"filename": name}, headers=headers) as response:
            assert response.headers["Content-Type"] == "application/octet-stream"
            assert response.headers["Content-Disposition"].startswith("attachment")
            assert response.headers["Content-Security-Policy"].startswith("sandbox")
            assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"


async def test_check_26_markup_in_quiet_clothes_is_not_sniffed(
    http: aiohttp.ClientSession, server: Server
) -> None:
    for name in ("x.json", "x.txt", "x.png"):
        (server.base / "output" / name).write_text("<html><script>alert(1)</script>")
        async with http.get("/view", params={"filename": name}) as response:
            assert response.content_type in {"application/json", "text/plain", "image/png"}
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.headers["Content-Security-Policy"].startswith("sandbox")
    assert passive_headers("a\r\nX: y.html", None)["Content-Disposition"].isprintable()


async def test_check_27_only_packs_that_are_on_bring_scripts(start_server: Any, tmp_path: Path) -> None:
    for name in ("On", "Off.disabled", ".hidden", "__pycache__"):
        (tmp_path / "packs" / name / "js").mkdir(parents=True)
        (tmp_path / "packs" / name / "js" / "a.js").write_text("")
    (tmp_path / "secret.js").write_text("secret")
    (tmp_path / "packs" / "On" / "js" / "out.js").symlink_to(tmp_path / "secret.js")
    server = await start_server(custom_nodes=(tmp_path / "packs",))
    async with aiohttp.ClientSession(server.url) as http:
        async with http.get("/extensions") as response:
            scripts = [
                name for name in await response.json() if "On" in name or "Off" in name or "hid" in name
            ]
        assert "/extensions/On/a.js" in scripts
        assert not any("Off" in name or "hid" in name for name in scripts)
        for path in ("/extensions/On/out.js", "/extensions/Off.disabled/a.js", "/extensions/.hidden/a.js"):
            async with http.get(path) as response:
                assert response.status == 404


@pytest.mark.parametrize("kind", FORMS)
async def test_check_28_a_form_of_another_page_changes_nothing(server: Server, kind: str) -> None:
    host = {"Host": f"127.0.0.1:{server.port}", "Content-Type": kind}
    other_port = f"http://127.0.0.1:{server.port + 1}"
    for path in (*CHANGES, "/upload/image", "/userdata/x", "/api/queue/pause", "/api/jobs/x/cancel"):
        for proof in (
            {"Origin": "null"},
            {"Origin": "http://localhost.evil.com"},
            {"Origin": other_port},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site", "User-Agent": "Mozilla/5.0"},
            {"User-Agent": "Mozilla/5.0"},
            {"Referer": "http://evil.com/", "Cookie": "a=b"},
        ):
            assert await status_of(server, "POST", path, {**host, **proof}) == 403, (path, proof)


async def test_check_28_reading_changes_nothing(server: Server) -> None:
    host = {"Host": f"127.0.0.1:{server.port}"}
    for path in ("/interrupt", "/free", "/sign", "/upload/image", "/api/queue/pause", "/api/jobs/x/cancel"):
        assert await status_of(server, "GET", path, host) in {404, 405}, path
    for method in ("PUT", "DELETE", "PATCH"):
        proof = {**host, "Origin": "http://evil.com"}
        assert await status_of(server, method, "/userdata/x", proof) == 403


@pytest.mark.parametrize(
    "host", ["evil.com", "localhost.:80", "127.0.0.1.nip.io", "0.0.0.0", "[::]", "2130706433"]
)
async def test_check_29_a_name_that_was_rebound_is_not_ours(server: Server, host: str) -> None:
    for method, path in (
        ("GET", "/system_stats"),
        ("POST", "/prompt"),
        ("OPTIONS", "/prompt"),
        ("GET", "/health"),
    ):
        for name in (host, f"{host}:{server.port}" if ":" not in host.strip("[]") else host):
            assert (
                await status_of(server, method, path, {"Host": name, "X-Forwarded-Host": "localhost"}) == 403
            )


def frame(opcode: int, payload: bytes, *, final: bool = True, length: int | None = None) -> bytes:
    size = len(payload) if length is None else length
    head = bytes([opcode | (0x80 if final else 0)])
    head += bytes([0x80 | size]) if size < 126 else bytes([0x80 | 127]) + struct.pack(">Q", size)
    return head + b"\0\0\0\0" + payload


async def open_socket(server: Server) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        "GET /ws HTTP/1.1",
        f"Host: 127.0.0.1:{server.port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
    ]
    lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
    lines += ["Sec-WebSocket-Extensions: permessage-deflate", "", ""]
    writer.write("\r\n".join(lines).encode())
    answer = await reader.readuntil(b"\r\n\r\n")
    assert b" 101 " in answer
    assert b"permessage-deflate" not in answer  # what is not agreed on cannot be a bomb
    return reader, writer


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    await asyncio.gather(writer.wait_closed(), return_exceptions=True)


@pytest.mark.parametrize(
    "attack",
    [
        frame(1, b"x" * 1000, length=2**30),
        frame(1, b"x", length=2**63),
        b"".join([frame(1, b"", final=False), *(frame(0, b"x" * 60_000, final=False) for _ in range(100))]),
        frame(1, b"\xff\xfe"),
        frame(0x71, b"x"),
        frame(9, b"x" * 200),
        b"\xff" * 100,
    ],
    ids=["a gigabyte", "an exabyte", "fragments", "no text", "reserved bits", "a long ping", "noise"],
)
async def test_check_30_a_frame_that_is_too_much_ends_its_socket_only(
    http: aiohttp.ClientSession, server: Server, attack: bytes
) -> None:
    reader, writer = await open_socket(server)
    writer.write(attack)
    rest = await asyncio.wait_for(asyncio.gather(reader.read(), return_exceptions=True), 15)
    assert len(rest) == 1
    await close(writer)
    async with http.get("/queue") as response:
        assert response.status == 200


async def test_check_30_a_flood_of_pings_and_one_that_never_reads_harm_nobody(
    http: aiohttp.ClientSession, server: Server, connect: Any
) -> None:
    _, writer = await open_socket(server)
    writer.write(frame(9, b"x" * 100) * 50_000)
    client = await connect("beside")
    start = time.perf_counter()
    await client.run(picture_prompt(width=31))
    assert time.perf_counter() - start < 20
    writer.transport.abort()
    await close(writer)


async def test_check_30_sockets_are_counted(start_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_routes, "MAX_SOCKETS", 5)
    server = await start_server()
    async with aiohttp.ClientSession(server.url) as http:
        sockets = [await http.ws_connect("/ws") for _ in range(5)]
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect("/ws")
        assert refused.value.status == 503
        for one in sockets:
            await one.close()
        await (await http.ws_connect("/ws")).close()


async def slowly(server: QuickServer, *parts: bytes, pause: float = 0.1) -> bytes:
    """What the server says to a client that pauses between the parts, and how it ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    answer = asyncio.create_task(reader.read())
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
            if answer.done():
                break
        return await asyncio.wait_for(answer, 20)
    except ConnectionError:
        answer.cancel()
        return b""
    finally:
        await close(writer)


async def test_check_31_slow_headers_and_silence_are_not_waited_for(start_server: Any) -> None:
    server = await start_server(idle_seconds=0.5)
    head = f"GET /queue HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n".encode()
    start = time.perf_counter()
    assert await slowly(server, head, *(b"X: y\r\n" for _ in range(100))) == b""
    assert await slowly(server) == b""
    kept = await slowly(server, head + b"\r\n")
    assert kept.startswith(b"HTTP/1.1 200")
    assert time.perf_counter() - start < 20


@pytest.mark.parametrize("path", ["/prompt", "/userdata/slow", "/upload/image", "/interrupt"])
async def test_check_31_slow_bodies_are_not_waited_for(start_server: Any, path: str) -> None:
    server = await start_server(body_seconds=0.4, slowest_bytes_per_second=10**9, max_upload_bytes=10**6)
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Length: 100000\r\n"
    head += "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
    answer = await slowly(server, head.encode(), *(b"--b" for _ in range(100)))
    # Who goes on sending after the answer may find the connection gone before it reads.
    assert answer == b"" or answer.startswith(b"HTTP/1.1 408"), answer


async def test_check_31_many_requests_at_once_are_answered_in_turn(server: Server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    one = f"GET /prompt HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode()
    last = one.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    writer.write(one * 500 + last)
    answer = await asyncio.wait_for(reader.read(), 30)
    assert answer.count(b"HTTP/1.1 200") == 501
    await close(writer)


async def test_check_32_any_origin_means_no_credentials(start_server: Any) -> None:
    for origin in ("*", "http://app.local"):
        server = await start_server(cors_origin=origin)
        async with aiohttp.ClientSession(server.url) as http:
            for method in ("PUT", "DELETE", "POST"):
                asked = {"Origin": "http://evil.com", "Access-Control-Request-Method": method}
                async with http.options("/userdata/x", headers=asked) as response:
                    allowed = response.headers["Access-Control-Allow-Origin"]
                    assert allowed == origin
                    assert ("Access-Control-Allow-Credentials" in response.headers) is (origin != "*")


async def test_check_34_a_token_is_not_taken_from_the_client(start_server: Any, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<!doctype html>")
    server = await start_server(token="the token", static_root=tmp_path)
    async with aiohttp.ClientSession(server.url) as http:
        for headers in (
            {"Cookie": "sfumato_token=planted"},
            {"Cookie": "sfumato_token="},
            {"Cookie": "x=the token"},
        ):
            async with http.get("/?token=planted", headers=headers) as response:
                assert response.status == 401
                assert "Set-Cookie" not in response.headers
        async with http.ws_connect("/ws?token=the+token") as opened:
            assert (await opened.receive_json())["type"] == "status"
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect("/ws")
        assert refused.value.status == 401


async def test_check_35_logs_cannot_be_forged_and_tell_no_secrets(
    http: aiohttp.ClientSession, connect: Any, server: Server
) -> None:
    client = await connect("forger")
    prompt = picture_prompt(width=32)
    message = "\x1b[31mred\x1b[0m\nERROR forged line\r\nsecond\x07"
    prompt["3"] = {"class_type": "ToyFail", "inputs": {"images": ["1", 0], "message": message}}
    prompt["2"]["inputs"]["images"] = ["3", 0]
    await client.run(prompt)
    for path in ("/queue?token=hush-hush", "/view?filename=%1b%5b31m%0aforged", "/x%0d%0aforged"):
        async with http.get(path) as response:
            assert response.status in {200, 400, 404}
    for text in (server.log(), await logs(http)):
        assert "hush-hush" not in text
        assert "\x1b" not in text
        assert "\x07" not in text
        assert not re.search(r"^(ERROR )?forged", text, re.MULTILINE)


async def logs(http: aiohttp.ClientSession) -> str:
    async with http.get("/internal/logs") as response:
        return str(await response.json())


async def test_check_35_refusals_tell_no_paths(http: aiohttp.ClientSession, server: Server) -> None:
    load = {
        "1": {"class_type": "ToyLoad", "inputs": {"image": "nothing.png"}},
        "2": {"class_type": "ToySave", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
    }
    texts = []
    async with http.post("/prompt", json={"prompt": load}) as response:
        texts.append(await response.text())
    for path in (
        "/view?filename=no.png",
        "/userdata/no",
        "/models/no",
        "/view_metadata/loras?filename=no.safetensors",
    ):
        async with http.get(path) as response:
            texts.append(await response.text())
    texts.append(str(await upload(http, b"x", "ok.png", subfolder="a\0b")))
    for text in texts:
        assert str(server.base) not in text
        assert "Traceback" not in text
        assert not re.search(r"\.py(:\d|\W+line )|site-packages", text)


async def test_after_all_that_the_server_lives(http: aiohttp.ClientSession, server: Server) -> None:
    async with http.get("/queue") as response:
        assert response.status == 200
    assert server.alive()
    assert "A request failed" not in server.log()

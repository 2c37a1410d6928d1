"""Addresses that packs serve are reached through the server, which stays itself."""

import asyncio
import hashlib
import json
import os
import struct
from io import BytesIO

import aiohttp
import pytest
from PIL import Image

from tests.custom_nodes.server_kit import open_client, ready, running

TOKEN = "a-token-for-tests"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    base = tmp_path_factory.mktemp("routes")
    with running(base, ["with_routes", "broken"], "--token", TOKEN, "--max-upload-size", "8") as made:
        yield made


@pytest.fixture
async def http(server):
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with aiohttp.ClientSession(server.url, headers=headers) as session:
        await ready(session)
        yield session


async def read(http, path, method="GET", **options):
    async with http.request(method, path, **options) as response:
        return response.status, await response.json()


async def test_a_pack_sees_the_request_but_nothing_that_opens_the_server(http):
    headers = {"Cookie": f"a=b; sfumato_token={TOKEN}", "X-Sfumato-Door": "x", "TE": "trailers", "X-Own": "1"}
    async with http.get(f"/with_routes/echo/me?a=%26&token={TOKEN}&b=", headers=headers) as response:
        told = await response.json()
        cookies = response.headers.getall("Set-Cookie")
        assert "Keep-Alive" not in response.headers
    sent = dict(told.pop("headers"))
    assert told == {"name": "me", "query": "a=%26&b=", "remote": "127.0.0.1", "method": "GET"}
    assert TOKEN not in json.dumps(sent)
    assert {"Authorization", "TE", "X-Sfumato-Door", "X-Sfumato-Client"} & set(sent) == set()
    assert (sent["Cookie"], sent["X-Own"]) == ("a=b", "1")
    assert [cookie.split("=")[0] for cookie in cookies] == ["of_the_pack"]


async def test_authorization_of_the_pack_itself_reaches_it(http):
    headers = {"Authorization": "Bearer of-the-pack", "X-Sfumato-Token": TOKEN}
    _, told = await read(http, "/with_routes/echo/me", headers=headers)
    assert dict(told["headers"])["Authorization"] == "Bearer of-the-pack"
    assert "X-Sfumato-Token" not in dict(told["headers"])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": ""}, 401),
        ({"Origin": "http://elsewhere.example"}, 403),
        ({"Host": "elsewhere.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
async def test_the_checks_of_the_server_hold_for_packs_too(http, headers, status):
    assert (await read(http, "/with_routes/echo/me", headers=headers))[0] == status
    assert (await read(http, "/with_routes/upload", "POST", data=b"x", headers=headers))[0] == status


async def test_another_site_cannot_so_much_as_link_to_an_address_of_a_pack(http):
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    async with http.get("/", headers=link) as response:
        assert response.status == 200
    assert (await read(http, "/with_routes/old", headers=link))[0] == 403
    for site in ("same-origin", "none"):
        assert (await read(http, "/with_routes/old", headers={**link, "Sec-Fetch-Site": site}))[0] == 200


async def test_addresses_have_a_twin_and_the_servers_own_win(http):
    status, told = await read(http, "/api/with_routes/echo/twin")
    assert (status, told["name"]) == (200, "twin")
    assert "taken" not in (await read(http, "/features"))[1]
    assert (await read(http, "/features", "POST"))[0] == 405
    status, told = await read(http, "/with_routes/nothing/of/the/kind")
    assert (status, told["error"]["type"]) == (404, "not_found")
    assert (await read(http, "/nowhere", "POST"))[0] in (404, 405)


async def test_routes_of_the_application_its_files_and_middlewares_work(http):
    async with http.get("/with_routes/old") as response:
        assert (await response.json(), response.headers["X-Pack"]) == ({"old": True}, "with_routes")
    async with http.get("/with_routes/files/one.txt") as response:
        assert (await response.text()).strip() == "one"
    async with http.head("/with_routes/old") as response:
        assert (response.status, await response.read()) == (200, b"")
        assert int(response.headers["Content-Length"]) > 0


async def test_a_route_that_fails_says_no_more_than_that(http, server):
    status, told = await read(http, "/with_routes/fail")
    assert (status, told["error"]["type"]) == (500, "pack_error")
    assert "a secret of the pack" not in json.dumps(told)
    assert "a secret of the pack" in server.log()


@pytest.mark.parametrize("chunked", [False, True])
async def test_bodies_stream_up(http, chunked):
    body = os.urandom(3 * 2**20)

    async def blocks():
        for start in range(0, len(body), 100_000):
            yield body[start : start + 100_000]

    status, told = await read(
        http, "/with_routes/upload", "POST", data=blocks() if chunked else BytesIO(body)
    )
    assert (status, told["digest"]) == (200, hashlib.sha256(body).hexdigest())
    assert told["encoding"] == ("chunked" if chunked else None)


async def test_a_body_that_is_too_large_is_refused(http):
    async def blocks():
        for _ in range(9):
            yield bytes(2**20)

    assert (await read(http, "/with_routes/upload", "POST", data=BytesIO(bytes(9 * 2**20))))[0] == 413
    assert (await read(http, "/with_routes/upload", "POST", data=blocks()))[0] == 413


async def test_events_come_as_they_are_written(http):
    async with http.get("/with_routes/beats") as response:
        assert response.content_type == "text/event-stream"
        for number in range(3):
            assert (await read_empty(http, "/with_routes/next", "PUT")) == 204
            line = await asyncio.wait_for(response.content.readuntil(b"\n\n"), 20)
            assert line == f"data: {number}\n\n".encode()


async def read_empty(http, path, method):
    async with http.request(method, path) as response:
        return response.status


async def test_sockets_pass_through(http):
    async with http.ws_connect("/with_routes/socket", protocols=("other", "shout")) as line:
        assert line.protocol == "shout"
        await line.send_str("hello")
        assert await line.receive_str(timeout=20) == "HELLO"
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await http.ws_connect("/with_routes/old")


async def test_routes_answer_while_a_job_computes_and_know_whose_it_is(http, tmp_path):
    page = await open_client(http, "waiting")
    status, answer = await page.submit(
        {"7": {"class_type": "RouteWaits", "inputs": {"path": str(tmp_path / "go")}}}
    )
    assert status == 200, answer
    while True:
        message = await page.next()
        if message["type"] == "executing":
            break
    _, told = await read(http, "/with_routes/running")
    assert told == {"client": "waiting", "node": "7", "job": answer["prompt_id"]}
    specs, info = await asyncio.wait_for(read(http, "/object_info/RouteSpeaks"), 20)
    assert (specs, list(info)) == (200, ["RouteSpeaks"])
    (tmp_path / "go").touch()
    while not (message["type"] == "executing" and message["data"]["node"] is None):
        message = await page.next()
    await page.socket.close()


def speak(**inputs):
    return {"1": {"class_type": "RouteSpeaks", "inputs": {"text": "as drawn", "file": "one.txt", **inputs}}}


async def test_packs_speak_to_the_page_whose_job_runs_in_words_and_bytes(http):
    page, other = await open_client(http, "mine"), await open_client(http, "other")
    run = await page.run(speak())
    assert run.of("with_routes.said") == [{"text": "as drawn"}]
    frames = [message for message in run.messages if isinstance(message, bytes)]
    kinds = {struct.unpack(">I", frame[:4])[0]: frame[4:] for frame in frames}
    assert set(kinds) == {1, 3, 77}
    assert kinds[77] == b"raw bytes"
    assert kinds[3] == struct.pack(">I", 1) + b"1" + b"half way"
    assert kinds[1][:4] == struct.pack(">I", 2)
    assert Image.open(BytesIO(kinds[1][4:])).size == (16, 8)
    await other.socket.send_str("{}")
    heard = await other.run(
        {
            "1": {"class_type": "PrimitiveInt", "inputs": {"value": 1}},
            "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}},
        }
    )
    assert not [message for message in heard.messages if isinstance(message, bytes)]
    assert heard.of("with_routes.said") == []
    await page.socket.close()
    await other.socket.close()


@pytest.mark.parametrize(
    ("extra", "text"),
    [
        ({"say": "changed"}, "changed"),
        ({"bad_handler": True}, "as drawn"),
        ({"slow_handler": True, "say": "late"}, "as drawn"),
    ],
)
async def test_a_pack_may_change_what_is_submitted_if_it_does_so_in_time(http, extra, text):
    page = await open_client(http, "handled")
    assert (await page.run(speak(), extra_data=extra)).text("1") == [text]
    await page.socket.close()


async def test_lists_of_files_are_asked_for_anew(http, server):
    place = server.base / "custom_nodes" / "with_routes" / "files"

    async def files():
        _, info = await read(http, "/object_info/RouteSpeaks")
        return info["RouteSpeaks"]["input"]["required"]["file"][0]

    assert await files() == ["one.txt"]
    (place / "two.txt").touch()
    assert await files() == ["one.txt", "two.txt"]
    many = await asyncio.gather(*(read(http, "/object_info/RouteSpeaks") for _ in range(20)))
    assert {status for status, _ in many} == {200}
    page = await open_client(http, "files")
    assert (await page.run(speak(file="two.txt"))).status == "success"
    await page.socket.close()
    (place / "two.txt").unlink()


async def test_looking_at_packs_again_costs_no_result_and_no_state(http, server):
    page = await open_client(http, "counts")
    graph = {"1": {"class_type": "RouteCounts", "inputs": {"salt": 1}}}
    assert (await page.run(graph)).text("1") == ["1"]
    new = server.base / "custom_nodes" / "with_routes" / "files" / "three.txt"
    new.touch()
    assert "three.txt" in str(await read(http, "/object_info/RouteSpeaks"))
    assert (await page.run(graph)).cached == {"1"}
    graph["1"]["inputs"]["salt"] = 2
    assert (await page.run(graph)).text("1") == ["2"]
    new.unlink()
    await page.socket.close()


async def test_a_handler_that_forgets_the_prompt_is_a_bad_prompt(http):
    page = await open_client(http, "forgetful")
    status, answer = await page.submit(speak(), extra_data={"forget": True})
    assert (status, answer["error"]["type"]) == (400, "no_prompt")
    await page.socket.close()


LATE = """
from aiohttp import web
from server import PromptServer
@PromptServer.instance.routes.get("/late")
async def late(request):
    return web.json_response({"version": VERSION})
NODE_CLASS_MAPPINGS = {}
"""


async def test_routes_of_a_pack_whose_file_changes_change_too(http, server):
    late = server.base / "custom_nodes" / "late.py"
    assert (await read(http, "/late"))[0] == 404
    for version in (1, 2):
        late.write_text(LATE.replace("VERSION", str(version)))
        await read(http, "/object_info/RouteSpeaks")
        while (answer := await read(http, "/late"))[0] != 200 or answer[1]["version"] != version:
            await asyncio.sleep(0.01)
        assert (await read(http, "/with_routes/old"))[0] == 200


async def test_the_server_knows_the_model_folders_of_packs(http):
    assert "route_models" in (await read(http, "/models"))[1]
    assert (await read(http, "/models/route_models"))[1] == ["a.abc"]
    assert "b.safetensors" in (await read(http, "/models/loras"))[1]


async def test_reports_of_packs_name_no_places_of_this_computer(http, server):
    _, told = await read(http, "/api/packs")
    packs = {pack["name"]: pack for pack in told["packs"]}
    assert "a_module_that_nobody_has" in packs["broken"]["error"]
    assert "custom_nodes/broken/__init__.py" in packs["broken"]["traceback"]
    assert str(server.base) not in json.dumps(told)
    assert "/main.py" not in json.dumps(told)
    assert set(packs["with_routes"]["node_ids"]) == {"RouteSpeaks", "RouteWaits", "RouteCounts"}


async def test_a_worker_that_dies_under_an_answer_cuts_it_and_the_next_one_serves(http):
    line = await http.ws_connect("/with_routes/socket")
    async with http.get("/with_routes/die") as response:
        assert await response.content.readexactly(13) == b"the beginning"
        with pytest.raises(aiohttp.ClientError):
            await response.content.read()
    assert ((await line.receive(20)).type, line.close_code) == (aiohttp.WSMsgType.CLOSE, 1001)
    statuses = set()
    while (answer := await read(http, "/with_routes/old"))[0] != 200:
        statuses.add((answer[0], answer[1]["error"]["type"]))
        await asyncio.sleep(0.05)
    assert statuses == {(503, "packs_not_ready")}
    async with http.get("/features") as response:
        assert response.status == 200

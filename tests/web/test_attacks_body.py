"""Attacks with bodies and graphs: each is answered soon, in words, and the server goes on."""

import asyncio
import gzip
import json
import time
from typing import Any

import aiohttp
import pytest

from tests.web.client import Server, picture_prompt
from tests.web.test_prompt import is_error, post

PATIENCE_SECONDS = 60  # the machine of a test may be very busy; benchmarks/wire.py measures
SHOW = {"class_type": "ToyShow", "inputs": {"value": 1}}


def count_into_show(value: Any) -> dict[str, Any]:
    return {
        "1": {"class_type": "ToyCount", "inputs": {"value": value}},
        "2": {"class_type": "ToyShow", "inputs": {"value": ["1", 0]}},
    }


async def raw(server: Server, *parts: bytes, wait: float = 15) -> bytes:
    """What the server says to bytes that are sent as they are."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        return await asyncio.wait_for(reader.read(), wait)
    except ConnectionError:
        return b""
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


def request(server: Server, lines: str, body: bytes = b"", path: str = "/prompt") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nConnection: close\r\n{lines}\r\n\r\n"
    return head.encode() + body


@pytest.mark.parametrize(
    "path", ["/prompt", "/api/jobs", "/queue", "/history", "/free", "/settings", "/sign"]
)
@pytest.mark.parametrize(
    "body", [b"", b"null", b'"x"', b"7", b"[" * 100_000, b"\xff", b"{", b"\xef\xbb\xbf{}"]
)
async def test_check_1_a_body_that_is_nothing(http: aiohttp.ClientSession, path: str, body: bytes) -> None:
    start = time.perf_counter()
    async with http.post(path, data=body, headers={"Content-Type": "application/json"}) as response:
        text = await response.text()
        assert response.status == 400, (path, body[:20])
    assert is_error(json.loads(text)["error"])
    assert "Traceback" not in text
    assert time.perf_counter() - start < PATIENCE_SECONDS


@pytest.mark.parametrize(
    ("literal", "message"),
    [
        ("NaN", "value"),
        ("Infinity", "value"),
        ("-Infinity", "value"),
        ("1e999", "value"),
        (str(2**53 + 1), "bigger than max"),
        (str(2**63), "bigger than max"),
        (str(2**64), "bigger than max"),
        ("-1", "smaller than min"),
        ("9" * 5000, "digits"),
        ('"x"', "value"),
        ("null", "value"),
        ("{}", "value"),
    ],
)
async def test_check_2_a_number_that_is_none(http: aiohttp.ClientSession, literal: str, message: str) -> None:
    body = json.dumps({"prompt": count_into_show("HERE")}).replace('"HERE"', literal)
    status, answer = await post(http, body.encode())
    assert status == 400
    assert message in json.dumps(answer)
    if message != "digits":
        assert answer["node_errors"]["1"]["errors"][0]["extra_info"]["input_name"] == "value"


@pytest.mark.parametrize("literal", ["-0", "1.0", "true", '"1"', "0"])
async def test_check_2_a_number_in_other_clothes_is_taken(http: aiohttp.ClientSession, literal: str) -> None:
    body = json.dumps({"prompt": count_into_show("HERE")}).replace('"HERE"', literal)
    assert (await post(http, body.encode()))[0] == 200


@pytest.mark.parametrize(
    "node",
    [{}, {"class_type": 7}, {"class_type": ""}, {"class_type": "valueOf"}, {"class_type": "T\u043ey"}],
)
async def test_check_3_a_class_that_is_none(http: aiohttp.ClientSession, node: Any) -> None:
    status, answer = await post(http, {"prompt": {"1": SHOW, "2": node}})
    assert status == 400
    assert answer["error"]["type"] in {"invalid_prompt", "missing_node_type"}


@pytest.mark.parametrize(
    "name", ["", "0", "-1", "../x", "x" * 2**20, "1", "constructor", "__proto__", "a\nb", "1:2"]
)
async def test_check_3_whatever_a_node_is_called(http: aiohttp.ClientSession, name: str) -> None:
    for node, expected in ((SHOW, 200), ({"class_type": "ToyShow", "inputs": {}}, 400)):
        status, answer = await post(http, {"prompt": {name: node}})
        assert status == expected
        if status == 400:
            assert list(answer["node_errors"]) == [name]


@pytest.mark.parametrize(
    "link",
    [
        ["1", 0],
        ["2", 0],
        ["9", 0],
        ["1", -1],
        ["1", 99],
        ["1", "0"],
        ["1", 1.5],
        ["1"],
        ["1", 0, 0],
        [["1"], 0],
        [],
        ["p", 0],
        [{}, 0],
        ["1", None],
        ["1", True],
    ],
)
async def test_check_4_a_link_that_leads_nowhere(http: aiohttp.ClientSession, link: Any) -> None:
    prompt = {
        "1": {"class_type": "ToyCount", "inputs": {"value": link}},
        "2": {"class_type": "ToyCount", "inputs": {"value": ["1", 0]}},
        "3": {"class_type": "ToyShow", "inputs": {"value": ["2", 0]}},
        "p": picture_prompt()["1"],
    }
    status, answer = await post(http, {"prompt": prompt})
    assert status == 400
    assert "Traceback" not in json.dumps(answer)


def chain(length: int, first: Any) -> dict[str, Any]:
    nodes = {"0": {"class_type": "ToyCount", "inputs": {"value": first}}}
    for index in range(1, length):
        nodes[str(index)] = {"class_type": "ToyCount", "inputs": {"value": [str(index - 1), 0]}}
    return nodes | {"show": {"class_type": "ToyShow", "inputs": {"value": [str(length - 1), 0]}}}


def subgraph_bomb(levels: int, wide: int) -> dict[str, Any]:
    """An editor's graph whose subgraphs hold each other, many times each."""
    ids = [f"00000000-0000-4000-8000-{level:012d}" for level in range(levels)]
    inside = [*ids[1:], "ToyShow"]
    definitions = [
        {
            "id": ids[level],
            "name": "x",
            "nodes": [{"id": n, "type": inside[level], "inputs": [], "outputs": []} for n in range(wide)],
            "links": [],
            "inputs": [],
            "outputs": [],
        }
        for level in range(levels)
    ]
    top = [{"id": 1, "type": ids[0], "inputs": [], "outputs": []}]
    return {"nodes": top, "links": [], "version": 1, "definitions": {"subgraphs": definitions}}


@pytest.mark.parametrize(
    ("name", "prompt", "statuses"),
    [
        ("a cycle of 10,000", chain(10_000, ["9999", 0]), {400}),
        ("a chain of 20,000 that ends badly", chain(20_000, "x"), {400}),
        ("70,000 nodes", {str(n): 0 for n in range(70_000)}, {413}),
        (
            "no outputs",
            {str(n): {"class_type": "ToyCount", "inputs": {"value": n}} for n in range(20_000)},
            {400},
        ),
        ("subgraphs in subgraphs", subgraph_bomb(12, 10), {400, 413}),
        (
            "a subgraph of very many",
            {"nodes": [{"id": n, "type": "X"} for n in range(70_000)], "links": []},
            {413},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_check_5_a_graph_that_is_too_much(
    http: aiohttp.ClientSession, name: str, prompt: Any, statuses: set[int]
) -> None:
    start = time.perf_counter()
    status, answer = await post(http, {"prompt": prompt})
    assert status in statuses, (name, str(answer)[:300])
    assert is_error(answer["error"])
    assert time.perf_counter() - start < PATIENCE_SECONDS


@pytest.mark.parametrize("size", [0, -8, 2**31, 65_536, 2**64])
async def test_check_6_a_size_that_no_memory_holds(http: aiohttp.ClientSession, size: int) -> None:
    for name in ("width", "height"):
        status, answer = await post(http, {"prompt": picture_prompt(**{name: size})})
        assert status == 400
        assert answer["node_errors"]["1"]["errors"][0]["extra_info"]["input_name"] == name


@pytest.mark.parametrize(
    "prefix", ["{0.__class__}", "%date%", "{a|{b|c}}", "%n%n%s", "$(id)", "a/b/c", "%width%x%height%"]
)
async def test_check_7_text_is_only_text(
    http: aiohttp.ClientSession, connect: Any, server: Server, prefix: str
) -> None:
    client = await connect("text-only")
    prompt = picture_prompt()
    prompt["2"]["inputs"]["filename_prefix"] = prefix
    prompt_id = await client.submit(prompt)
    await client.until_done(prompt_id)
    async with http.get(f"/history/{prompt_id}") as response:
        [image] = (await response.json())[prompt_id]["outputs"]["2"]["images"]
    path = server.base / "output" / image["subfolder"] / image["filename"]
    assert path.resolve().is_relative_to((server.base / "output").resolve())
    assert "class" not in image["filename"] or "__class__" in image["filename"]


async def test_check_7_a_body_beyond_the_limit_is_refused_before_it_is_read(server: Server) -> None:
    answer = await raw(server, request(server, "Content-Length: 104857600"))
    assert b" 413 " in answer.split(b"\r\n")[0]


@pytest.mark.parametrize("job_id", ["../../x", "a/b", "<script>", "x" * 200, "ü", "0", "null"])
async def test_check_8_an_id_is_a_name_and_not_a_path(
    http: aiohttp.ClientSession, connect: Any, job_id: str
) -> None:
    client = await connect("ids")
    await client.until_done(await client.submit(picture_prompt(), prompt_id=job_id))
    async with http.get("/history") as response:
        assert job_id in await response.json()


async def test_check_8_who_has_another_id_hears_nothing(connect: Any) -> None:
    mine, other = await connect("private"), await connect("privat")
    prompt = picture_prompt(width=47)
    prompt["3"] = {
        "class_type": "ToySteps",
        "inputs": {"images": ["1", 0], "steps": 3, "seconds": 0.0, "preview": True},
    }
    prompt["2"]["inputs"]["images"] = ["3", 0]
    await mine.run(prompt)
    await other.socket.send_json({"type": "feature_flags", "data": {}})
    heard = await other.until("feature_flags")
    assert {message["type"] for message in heard} <= {"status", "feature_flags"}


@pytest.mark.parametrize("path", ["/prompt", "/userdata/bomb", "/settings", "/upload/image"])
async def test_check_9_a_body_that_unpacks_to_too_much(start_server: Any, path: str) -> None:
    server = await start_server(max_json_bytes=2**20, max_upload_bytes=2**20)
    form = (
        b'--b\r\nContent-Disposition: form-data; name="image"; filename="x"\r\n\r\n'
        + b"0" * 2**24
        + b"\r\n--b--"
    )
    is_form = path.startswith("/upload")
    body = gzip.compress(form if is_form else b" " * 2**24)
    kind = "multipart/form-data; boundary=b" if is_form else "application/json"
    headers = {"Content-Encoding": "gzip", "Content-Type": kind}
    async with (
        aiohttp.ClientSession(server.url) as http,
        http.post(path, data=body, headers=headers) as response,
    ):
        assert response.status == 413


@pytest.mark.parametrize(
    ("lines", "body"),
    [
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", b"0\r\n\r\nGET /free HTTP/1.1\r\n\r\n"),
        ("Content-Length: 5\r\nContent-Length: 6", b"aaaaaa"),
        ("Content-Length: +5", b"aaaaa"),
        ("Content-Length: 5\x00", b"aaaaa"),
        ("Transfer-Encoding: chunked, identity", b"0\r\n\r\n"),
        ("Transfer-Encoding: chunked", b"zz\r\n"),
        ("Transfer-Encoding: chunked", b"5\r\nab\r\n0\r\n\r\n"),
        ("Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 9", b"--b\r\nX: y"),
        ("X: " + "y" * 70_000, b""),
        ("\r\n".join(f"X-{n}: y" for n in range(5000)), b""),
        ("X: a\rb", b""),
        (" folded: x", b""),
    ],
)
async def test_check_9_a_request_that_means_two_things(server: Server, lines: str, body: bytes) -> None:
    answer = await raw(server, request(server, lines, body))
    assert answer.count(b"HTTP/1.1 ") <= 1
    assert answer == b"" or answer.split()[1][:1] == b"4", answer[:200]
    assert b"Traceback" not in answer
    assert server.alive()


async def test_check_9_a_flood_of_chunks_and_parts(server: Server) -> None:
    chunks = b"1\r\nx\r\n" * 20_000 + b"0\r\n\r\n"
    answer = await raw(server, request(server, "Transfer-Encoding: chunked", chunks), wait=PATIENCE_SECONDS)
    assert answer.split()[1] == b"400"
    part = b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n\r\n'
    lines = f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {len(part) * 20_000}"
    answer = await raw(server, request(server, lines, part * 20_000, "/upload/image"), wait=PATIENCE_SECONDS)
    assert answer.split()[1][:1] == b"4"
    hostile = b'--b\r\nContent-Disposition: form-data; name="image"; filename="\r\nX: 1"\r\n\r\n--b--\r\n'
    lines = f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {len(hostile)}"
    assert (await raw(server, request(server, lines, hostile, "/upload/image"))).split()[1] == b"400"


def test_check_9_the_http_library_is_one_whose_holes_are_closed() -> None:
    assert tuple(int(part) for part in aiohttp.__version__.split(".")[:3]) >= (3, 14, 1)


async def test_the_code_of_a_pack_may_refuse_its_inputs(http: aiohttp.ClientSession, connect: Any) -> None:
    client = await connect("picky")
    picky = {"1": {"class_type": "ToyPicky", "inputs": {"text": "wrong"}}}
    status, answer = await post(http, {"prompt": picky})
    assert status == 400
    [error] = answer["node_errors"]["1"]["errors"]
    assert error["type"] == "custom_validation_failed"
    assert "wrong is never right" in error["details"]
    assert answer["node_errors"]["1"]["dependent_outputs"] == ["1"]
    status, answer = await post(http, {"prompt": {**picky, "2": SHOW}, "client_id": "picky"})
    assert status == 200
    assert list(answer["node_errors"]) == ["1"]
    await client.until_done(answer["prompt_id"])
    picky["1"]["inputs"]["text"] = "right"
    await client.run(picky)


async def test_after_all_that_the_server_lives(http: aiohttp.ClientSession, server: Server) -> None:
    assert server.alive()
    assert "A request failed" not in server.log()

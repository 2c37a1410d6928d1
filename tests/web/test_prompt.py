"""Graphs that come in: the good run, the bad are refused with a sentence, and the server goes on."""

import asyncio
import io
import json
import zlib
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.web.client import Server, picture_prompt


async def post(http: aiohttp.ClientSession, body: Any) -> tuple[int, dict[str, Any]]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with http.post(
        "/prompt", data=io.BytesIO(data), headers={"Content-Type": "application/json"}
    ) as response:
        return response.status, await response.json()


def is_error(error: dict[str, Any]) -> bool:
    return set(error) == {"type", "message", "details", "extra_info"} and bool(error["message"])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"7",
        b"[" * 10_000_000,
        b'{"a":' * 100_000,
        b"[" * 500 + b"]" * 500,
        b'{"prompt": {"1": "\xff"}}',
        b'{"prompt": {"1": {"class_type": "\\ud800"}}}',
        b'\xef\xbb\xbf{"prompt": {}}',
        b'{"prompt": {}, "prompt": {}}',
        b'{"prompt": {"1": {"class_type": "ToyShow", "inputs": {"value": ' + b"9" * 5001 + b"}}}}",
        b'{"prompt": 7',
        b'{"prompt": null}',
    ],
    ids=lambda body: f"{body[:20]!r}",
)
async def test_a_body_that_is_no_request_is_refused(http: aiohttp.ClientSession, body: bytes) -> None:
    status, answer = await post(http, body)
    assert status == 400
    assert is_error(answer["error"])
    assert "Traceback" not in json.dumps(answer)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "nothing"])
async def test_a_body_that_is_not_packed_as_it_says_is_refused(server: Server, encoding: str) -> None:
    request = (
        f"POST /prompt HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Type: application/json\r\n"
        f"Content-Encoding: {encoding}\r\nContent-Length: 7\r\nConnection: close\r\n\r\ngarbage"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request.encode())
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    await writer.wait_closed()
    assert answer.split()[1] == b"400"


async def test_a_body_that_unpacks_to_too_much_is_refused(http: aiohttp.ClientSession) -> None:
    bomb = zlib.compress(b" " * 80 * 2**20, 9)
    headers = {"Content-Encoding": "deflate", "Content-Type": "application/json"}
    async with http.post("/prompt", data=bomb, headers=headers, compress=False) as response:
        assert response.status == 413


async def test_no_prompt_is_said_as_clients_know_it(http: aiohttp.ClientSession) -> None:
    expected = {
        "type": "no_prompt",
        "message": "No prompt provided",
        "details": "No prompt provided",
        "extra_info": {},
    }
    for body in ({}, [1], {"prompt": None}):
        assert await post(http, body) == (400, {"error": expected, "node_errors": {}})


SHOW = {"class_type": "ToyShow", "inputs": {"value": 1}}


@pytest.mark.parametrize(
    ("prompt", "kind", "message"),
    [
        ({}, "prompt_no_outputs", "Prompt has no outputs"),
        ([], "invalid_prompt", "The prompt must be an object of nodes, not an array"),
        (7, "invalid_prompt", "The prompt must be an object of nodes, not a number"),
        (
            {"1": {"inputs": {}}},
            "invalid_prompt",
            "Cannot execute because a node is missing the class_type property.",
        ),
        (
            {"1": SHOW, "2": {"class_type": "Nothing", "inputs": {}}},
            "invalid_prompt",
            "Cannot execute because node Nothing does not exist.",
        ),
        (
            {"1": {"class_type": "ToyPicture", "inputs": {"width": 8, "height": 8, "colour": "red"}}},
            "prompt_no_outputs",
            "Prompt has no outputs",
        ),
        (
            {"1": {"class_type": "ToyShow"}},
            "prompt_outputs_failed_validation",
            "Prompt outputs failed validation",
        ),
        ({"1": 5}, "invalid_prompt", None),
        ({"1": {"class_type": ["x"]}}, "invalid_prompt", None),
        ({"1": {"class_type": None}}, "invalid_prompt", None),
        ({"1": {"class_type": "__proto__"}}, "invalid_prompt", None),
        ({"1": {"class_type": "ToyShow", "inputs": []}}, "invalid_prompt", None),
    ],
)
async def test_a_graph_that_cannot_run_is_refused(
    http: aiohttp.ClientSession, prompt: Any, kind: str, message: str | None
) -> None:
    status, answer = await post(http, {"prompt": prompt})
    assert status == 400
    assert answer["error"]["type"] == kind
    assert is_error(answer["error"])
    assert message is None or answer["error"]["message"] == message


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("x", "invalid_input_type"),
        (-1, "value_smaller_than_min"),
        (2**64, "value_bigger_than_max"),
        (None, "invalid_input_type"),
        ({}, "invalid_input_type"),
        (float("nan"), "invalid_input_type"),
        (float("inf"), "invalid_input_type"),
        (["1"], "bad_linked_input"),
        (["1", 0, 0], "bad_linked_input"),
        (["9", 0], None),
        (["1", 99], None),
        (["1", -1], None),
        (["3", 0], "return_type_mismatch"),
    ],
)
async def test_a_bad_input_is_named(http: aiohttp.ClientSession, value: Any, kind: str | None) -> None:
    prompt = {
        "1": {"class_type": "ToyCount", "inputs": {"value": 1}},
        "2": {"class_type": "ToyShow", "inputs": {"value": value}},
        "3": {"class_type": "ToyPicture", "inputs": {"width": 8, "height": 8, "colour": "red"}},
    }
    if value == ["1"]:
        prompt["2"]["inputs"]["value"] = ["1"]
    if kind in {"value_smaller_than_min", "value_bigger_than_max"}:
        prompt["1"]["inputs"]["value"] = value
        prompt["2"]["inputs"]["value"] = ["1", 0]
    status, answer = await post(http, {"prompt": prompt})
    assert status == 400, answer
    assert answer["error"]["type"] == "prompt_outputs_failed_validation"
    [(node_id, errors)] = answer["node_errors"].items()
    assert errors["class_type"] == prompt[node_id]["class_type"]
    assert errors["dependent_outputs"] == ["2"]
    [error] = errors["errors"]
    assert is_error(error)
    assert kind is None or error["type"] == kind
    assert error["extra_info"]["input_name"] == "value"


async def test_a_cycle_is_refused(http: aiohttp.ClientSession) -> None:
    prompt = {
        "1": {"class_type": "ToyCount", "inputs": {"value": ["2", 0]}},
        "2": {"class_type": "ToyCount", "inputs": {"value": ["1", 0]}},
        "3": {"class_type": "ToyShow", "inputs": {"value": ["2", 0]}},
    }
    status, answer = await post(http, {"prompt": prompt})
    assert status == 400
    assert "wait for each other" in json.dumps(answer)


async def test_a_missing_file_is_refused(http: aiohttp.ClientSession) -> None:
    for name in ("nothing.png", "../x.png", "/etc/passwd", "a\0b", "x" * 5000):
        prompt = {
            "1": {"class_type": "ToyLoad", "inputs": {"image": name}},
            "2": {"class_type": "ToySave", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
        }
        status, answer = await post(http, {"prompt": prompt})
        assert status == 400
        assert answer["node_errors"]["1"]["errors"][0]["extra_info"]["input_name"] == "image"


async def test_a_refusal_does_not_repeat_megabytes(http: aiohttp.ClientSession) -> None:
    for prompt in (
        {"1": {"class_type": "x" * 2_000_000}},
        {"1": {"class_type": "ToyShow", "inputs": {"value": "x" * 2_000_000}}},
    ):
        status, answer = await post(http, {"prompt": prompt})
        assert status == 400
        assert len(json.dumps(answer)) < 30_000


async def test_a_graph_with_very_many_problems_is_refused_soon(http: aiohttp.ClientSession) -> None:
    prompt: dict[str, Any] = {"0": {"class_type": "ToyCount", "inputs": {"value": "x"}}}
    for index in range(5000):
        prompt[f"s{index}"] = {"class_type": "ToyShow", "inputs": {"value": ["0", 0]}}
        prompt[f"b{index}"] = {"class_type": "ToyShow", "inputs": {}}
    status, answer = await post(http, {"prompt": prompt})
    assert status == 400
    assert len(answer["node_errors"]) == 1000
    assert len(answer["node_errors"]["0"]["dependent_outputs"]) == 5000
    assert answer["node_errors"]["b1"]["dependent_outputs"] == ["b1"]


@pytest.mark.parametrize(
    "more",
    [
        {"number": "x"},
        {"number": []},
        {"number": float("nan")},
        {"extra_data": 7},
        {"extra_data": []},
        {"client_id": 7},
        {"client_id": "x" * 1000},
        {"prompt_id": []},
        {"prompt_id": ""},
        {"prompt_id": "x" * 1000},
        {"prompt_id": "a\nb"},
        {"partial_execution_targets": "1"},
        {"partial_execution_targets": [1]},
        {"partial_execution_targets": []},
        {"partial_execution_targets": ["1"]},
    ],
)
async def test_a_bad_field_beside_the_graph_is_refused(
    http: aiohttp.ClientSession, more: dict[str, Any]
) -> None:
    status, answer = await post(http, {"prompt": picture_prompt(), **more})
    assert status == 400
    assert is_error(answer["error"])


async def test_the_valid_part_of_a_graph_runs(http: aiohttp.ClientSession, connect: Any) -> None:
    client = await connect("partial")
    prompt = {
        "1": {"class_type": "ToyShow", "inputs": {"value": 1}},
        "2": {"class_type": "ToyShow", "inputs": {}},
    }
    status, answer = await post(http, {"prompt": prompt, "client_id": "partial", "prompt_id": "valid-part"})
    assert status == 200
    assert set(answer) == {"prompt_id", "number", "node_errors"}
    assert answer["prompt_id"] == "valid-part"
    assert answer["node_errors"]["2"]["errors"][0]["type"] == "required_input_missing"
    await client.until_done("valid-part")
    async with http.get("/history/valid-part") as response:
        entry = (await response.json())["valid-part"]
    assert entry["outputs"] == {"1": {"text": ["1"]}}
    assert entry["prompt"][4] == ["1"]


async def test_the_numbers_of_the_line_are_kept(http: aiohttp.ClientSession, connect: Any) -> None:
    client = await connect("numbers")
    for more, check in (
        ({"number": 5.5}, lambda number: number == 5.5),
        ({"number": -3}, lambda number: number == -3),
        ({"front": True}, lambda number: number <= 0),
    ):
        status, answer = await post(http, {"prompt": picture_prompt(), "client_id": "numbers", **more})
        assert status == 200
        assert check(answer["number"])
        await client.until_done(answer["prompt_id"])


async def test_secrets_are_never_kept(http: aiohttp.ClientSession, connect: Any) -> None:
    client = await connect("secrets")
    extra = {
        "auth_token_comfy_org": "S",
        "api_key_comfy_org": "S",
        "extra_pnginfo": {"workflow": {"id": "w"}},
    }
    prompt_id = await client.submit(picture_prompt(), extra_data=extra)
    await client.until_done(prompt_id)
    async with http.get(f"/history/{prompt_id}") as response:
        data = (await response.json())[prompt_id]["prompt"][3]
    assert set(data) == {"extra_pnginfo", "client_id", "create_time"}
    async with http.get("/api/jobs?workflow_id=w&status=completed") as response:
        assert [job["id"] for job in (await response.json())["jobs"]] == [prompt_id]


async def test_an_id_that_waits_already_is_refused(http: aiohttp.ClientSession, connect: Any) -> None:
    client = await connect("twice")
    slow = picture_prompt()
    slow["3"] = {
        "class_type": "ToySteps",
        "inputs": {"images": ["1", 0], "steps": 100, "seconds": 20, "preview": False},
    }
    slow["2"]["inputs"]["images"] = ["3", 0]
    await client.submit(slow, prompt_id="twice")
    status, answer = await post(http, {"prompt": slow, "prompt_id": "twice"})
    assert status == 409
    assert answer["error"]["type"] == "duplicate_prompt_id"
    async with http.post("/interrupt", json={"prompt_id": "twice"}) as response:
        assert response.status == 200
    await client.until_done("twice")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NODES = st.dictionaries(
    st.sampled_from(["1", "2", "", "-1", "../x", "__proto__", "1:2"]),
    JSON
    | st.fixed_dictionaries(
        {
            "class_type": st.sampled_from(["ToyShow", "ToyCount", "ToyPicture", "ToyLoad"]) | JSON,
            "inputs": st.dictionaries(
                st.sampled_from(["value", "width", "image", "x"]),
                JSON | st.tuples(st.sampled_from(["1", "2", "9"]), JSON).map(list),
                max_size=3,
            )
            | JSON,
        }
    ),
    max_size=4,
)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    body=st.fixed_dictionaries(
        {"prompt": NODES | JSON},
        optional={"number": JSON, "front": JSON, "extra_data": JSON, "partial_execution_targets": JSON},
    )
    | JSON
)
async def test_whatever_comes_is_judged_and_never_breaks_the_server(server: Server, body: Any) -> None:
    async with aiohttp.ClientSession(server.url) as http:
        try:
            data = json.dumps(body).encode()
        except UnicodeEncodeError:
            return
        status, answer = await post(http, data)
        assert status in {200, 400}, answer
        if status == 400:
            assert is_error(answer["error"])
    assert server.alive()


async def test_after_all_that_the_next_job_is_right(
    http: aiohttp.ClientSession, connect: Any, server: Server
) -> None:
    await http.post("/queue", json={"clear": True})
    client = await connect("after")
    prompt_id = await client.submit(picture_prompt(colour="blue"))
    await client.until_done(prompt_id)
    async with http.get(f"/history/{prompt_id}") as response:
        entry = (await response.json())[prompt_id]
    assert entry["status"]["status_str"] == "success"
    assert "A request failed" not in server.log()

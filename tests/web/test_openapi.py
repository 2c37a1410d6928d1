"""The description of the API: complete, well formed, and true of what the server answers."""

import json
from typing import Any

import aiohttp
import pytest

from tests.web.client import picture_prompt
from tests.web.schema_check import problems
from web.openapi_shapes import SCHEMAS, SHAPES


@pytest.fixture
async def api(http: aiohttp.ClientSession) -> dict[str, Any]:
    async with http.get("/api/openapi.json") as response:
        return await response.json()


def check(api: dict[str, Any], method: str, path: str, status: int, value: Any) -> None:
    responses = api["paths"][path][method]["responses"]
    schema = responses.get(str(status), responses["default"])["content"]["application/json"]["schema"]
    assert list(problems(value, schema, api["components"]["schemas"])) == [], (method, path)


async def test_every_route_is_described(start_server: Any) -> None:
    server = await start_server()
    async with aiohttp.ClientSession(server.url) as http, http.get("/api/openapi.json") as response:
        api = await response.json()
    routes = {
        (route.method.lower(), route.resource.canonical)
        for route in server.app.router.routes()
        if route.method != "HEAD" and route.resource is not None
    }
    described = {(method, path) for path, item in api["paths"].items() for method in item}
    assert described == routes
    assert len(routes) > 100
    for path, item in api["paths"].items():
        for method, operation in item.items():
            assert len(operation["summary"]) > 10, (method, path)
            named = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
            assert all(f"{{{name}}}" in path for name in named)
            assert path.count("{") == len(named)
    names = [operation["operationId"] for item in api["paths"].values() for operation in item.values()]
    assert sorted(names) == sorted(set(names))


async def test_every_shape_belongs_to_a_route_and_every_reference_leads_somewhere(
    api: dict[str, Any],
) -> None:
    known = {f"{method.upper()} {path}" for path, item in api["paths"].items() for method in item}
    assert set(SHAPES) <= known
    text = json.dumps(api)
    for part in text.split('"$ref": "')[1:]:
        assert part.split('"')[0].removeprefix("#/components/schemas/") in SCHEMAS


async def test_answers_are_as_described(
    http: aiohttp.ClientSession, api: dict[str, Any], connect: Any
) -> None:
    client = await connect("described")
    prompt_id = await client.submit(picture_prompt(width=90))
    await client.until_done(prompt_id)
    for address, path in (
        ("/prompt", "/prompt"),
        ("/queue", "/api/queue"),
        ("/history", "/history"),
        (f"/history/{prompt_id}", "/history/{prompt_id}"),
        ("/api/jobs", "/api/jobs"),
        (f"/api/jobs/{prompt_id}", "/api/jobs/{job_id}"),
        ("/api/jobs/nothing", "/api/jobs/{job_id}"),
        (f"/api/jobs/{prompt_id}/why", "/api/jobs/{job_id}/why"),
        ("/api/jobs?limit=x", "/api/jobs"),
        ("/api/workers", "/api/workers"),
        ("/api/packs", "/api/packs"),
        ("/object_info", "/object_info"),
        ("/system_stats", "/system_stats"),
        ("/features", "/features"),
        ("/health", "/health"),
        ("/models", "/models"),
        ("/models/nothing", "/models/{folder}"),
        ("/embeddings", "/embeddings"),
        ("/settings", "/settings"),
        ("/users", "/users"),
        ("/v2/userdata", "/v2/userdata"),
        ("/history?max_items=x", "/history"),
    ):
        async with http.get(address) as response:
            check(api, "get", path, response.status, await response.json())


async def test_refusals_and_receipts_are_as_described(
    http: aiohttp.ClientSession, api: dict[str, Any], connect: Any
) -> None:
    client = await connect("receipts")
    for body, status in (
        ({"prompt": picture_prompt(width=91), "client_id": "receipts"}, 200),
        ({"prompt": {}}, 400),
        ({}, 400),
        ({"prompt": picture_prompt(width=-1)}, 400),
    ):
        async with http.post("/prompt", json=body) as response:
            assert response.status == status
            answer = await response.json()
        check(api, "post", "/prompt", status, answer)
        if status == 200:
            await client.until_done(answer["prompt_id"])
    async with http.post(f"/api/jobs/{answer.get('prompt_id', 'nothing')}/cancel") as response:
        check(api, "post", "/api/jobs/{job_id}/cancel", response.status, await response.json())
    form = aiohttp.FormData()
    form.add_field("image", b"x", filename="described.png")
    async with http.post("/upload/image", data=form) as response:
        check(api, "post", "/upload/image", response.status, await response.json())


@pytest.mark.parametrize(
    ("value", "count"),
    [
        ({"error": "text"}, 0),
        ({"error": {"type": "t", "message": "m", "details": "", "extra_info": {}}}, 0),
        ({"error": {"type": "t"}}, 1),
        ({"error": 7}, 1),
        ({}, 1),
        ([], 1),
        (
            {"error": "x", "node_errors": {"1": {"errors": [], "dependent_outputs": [1], "class_type": "x"}}},
            1,
        ),
    ],
)
def test_the_checker_tells_wrong_from_right(value: Any, count: int) -> None:
    schemas = json.loads(json.dumps(SCHEMAS))
    assert len(list(problems(value, schemas["Refusal"], schemas))) == count

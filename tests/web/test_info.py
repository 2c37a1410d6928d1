"""What the server tells about itself, at both addresses of every route."""

import json

import aiohttp
import pytest

from tests.web.client import Server


@pytest.mark.parametrize("prefix", ["", "/api"])
@pytest.mark.parametrize(
    "path",
    [
        "/prompt",
        "/queue",
        "/history",
        "/object_info",
        "/system_stats",
        "/features",
        "/embeddings",
        "/extensions",
        "/models",
        "/models/checkpoints",
        "/experiment/models",
        "/experiment/models/loras",
        "/users",
        "/settings",
        "/v2/userdata",
        "/workflow_templates",
        "/i18n",
        "/global_subgraphs",
    ],
)
async def test_every_route_has_a_twin(http: aiohttp.ClientSession, prefix: str, path: str) -> None:
    async with http.get(prefix + path) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "application/json; charset=utf-8"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        await response.json()


async def test_system_stats_have_the_fields_that_clients_read(http: aiohttp.ClientSession) -> None:
    async with http.get("/system_stats") as response:
        stats = await response.json()
    for key in (
        "os",
        "ram_total",
        "ram_free",
        "comfyui_version",
        "python_version",
        "pytorch_version",
        "argv",
    ):
        assert key in stats["system"]
    assert stats["system"]["ram_total"] > stats["system"]["ram_free"] > 0
    [device] = stats["devices"]
    assert {"name", "type", "index", "vram_total", "vram_free", "torch_vram_total", "torch_vram_free"} <= set(
        device
    )


async def test_object_info_knows_one_class_and_answers_an_unknown_one_with_an_empty_object(
    http: aiohttp.ClientSession,
) -> None:
    async with http.get("/object_info/ToyPicture") as response:
        info = (await response.json())["ToyPicture"]
    assert info["input"]["required"]["colour"][0] == ["red", "green", "blue"]
    assert info["input_order"]["required"] == ["width", "height", "colour"]
    assert info["output"] == ["IMAGE"]
    async with http.get("/object_info/Nothing") as response:
        assert await response.json() == {}


async def test_object_info_lists_files_as_they_are_now(http: aiohttp.ClientSession, server: Server) -> None:
    async with http.get("/object_info/ToyLoad") as response:
        tag = response.headers["ETag"]
        before = (await response.json())["ToyLoad"]["input"]["required"]["image"][0]
    assert "new.png" not in before
    async with http.get("/object_info/ToyLoad", headers={"If-None-Match": tag}) as response:
        assert response.status == 304
    (server.base / "input" / "new.png").write_bytes(b"")
    async with http.get("/object_info/ToyLoad", headers={"If-None-Match": tag}) as response:
        assert (await response.json())["ToyLoad"]["input"]["required"]["image"][0] == sorted(
            [*before, "new.png"]
        )


async def test_models_are_listed_by_key_and_by_alias(http: aiohttp.ClientSession, server: Server) -> None:
    folder = server.base / "models" / "text_encoders" / "sub"
    folder.mkdir(parents=True)
    (folder / "a.safetensors").write_bytes(b"")
    (folder / "a.txt").write_bytes(b"")
    for key in ("text_encoders", "clip"):
        async with http.get(f"/models/{key}") as response:
            assert await response.json() == ["sub/a.safetensors"]
    async with http.get("/experiment/models/text_encoders") as response:
        [entry] = await response.json()
    assert entry["name"] == "sub/a.safetensors"
    assert entry["pathIndex"] == 0
    for path in ("/models/nothing", "/experiment/models/nothing", "/models/..%2f"):
        async with http.get(path) as response:
            assert response.status == 404


async def test_embeddings_lose_their_endings(http: aiohttp.ClientSession, server: Server) -> None:
    (server.base / "models" / "embeddings" / "style.v2.safetensors").write_bytes(b"")
    async with http.get("/embeddings") as response:
        assert await response.json() == ["style.v2"]


async def test_view_metadata_reads_a_safetensors_header(http: aiohttp.ClientSession, server: Server) -> None:
    header = json.dumps({"__metadata__": {"title": "x"}}).encode()
    path = server.base / "models" / "loras" / "a.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    async with http.get("/view_metadata/loras?filename=a.safetensors") as response:
        assert await response.json() == {"title": "x"}
    for bad in (b"", b"\xff" * 8, (10).to_bytes(8, "little") + b"[[[[", (2).to_bytes(8, "little") + b"[]"):
        path.write_bytes(bad)
        async with http.get("/view_metadata/loras?filename=a.safetensors") as response:
            assert response.status == 404
    for query in (
        "loras",
        "loras?filename=",
        "nothing?filename=a.safetensors",
        "loras?filename=../a.safetensors",
    ):
        async with http.get(f"/view_metadata/{query}") as response:
            assert response.status == 404


async def test_unknown_addresses_and_methods_are_refused_in_json(http: aiohttp.ClientSession) -> None:
    async with http.get("/api/nothing") as response:
        assert response.status == 404
        assert (await response.json())["error"]["type"] == "not_found"
    async with http.put("/queue", json={}) as response:
        assert response.status == 405
        assert (await response.json())["error"]["type"] == "method_not_allowed"
    async with http.head("/system_stats") as response:
        assert response.status == 200


async def test_jobs_queries_are_judged_with_the_known_sentences(http: aiohttp.ClientSession) -> None:
    cases = {
        "status=a,b": "Invalid status value(s): a, b. Valid values: pending, in_progress, completed, failed",
        "sort_by=x": "sort_by must be 'created_at' or 'execution_duration'",
        "sort_order=x": "sort_order must be 'asc' or 'desc'",
        "limit=0": "limit must be a positive integer",
        "limit=x": "limit must be an integer",
        "offset=x": "offset must be an integer",
    }
    for query, text in cases.items():
        async with http.get(f"/api/jobs?{query}") as response:
            assert response.status == 400
            assert await response.json() == {"error": text}
    async with http.get("/api/jobs/nothing") as response:
        assert response.status == 404
        assert await response.json() == {"error": "Job not found"}


async def test_the_log_is_shown(http: aiohttp.ClientSession) -> None:
    async with http.get("/internal/logs/raw") as response:
        assert isinstance((await response.json())["entries"], list)
    async with http.get("/internal/logs") as response:
        assert isinstance(await response.json(), str)
    async with http.get("/internal/folder_paths") as response:
        assert "checkpoints" in await response.json()
    async with http.get("/api/internal/logs") as response:
        assert response.status == 404


async def test_no_request_crashed(http: aiohttp.ClientSession, server: Server) -> None:
    assert "A request failed" not in server.log()

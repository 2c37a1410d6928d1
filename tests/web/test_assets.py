"""The gallery's files: listed, made small, deleted; what a model is; workflows to begin with."""

import io
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image

from tests.web.client import picture_prompt
from web.routes.templates import TEMPLATES


@pytest.fixture
async def gallery(start_server: Any) -> Any:
    server = await start_server()
    output = server.base / "output"
    (output / "sub").mkdir()
    Image.new("RGB", (900, 300), (200, 30, 30)).save(output / "wide.png")
    Image.new("L", (30, 90)).save(output / "sub" / "grey.png")
    (output / "link.png").symlink_to(server.base / "sfumato.db")
    async with aiohttp.ClientSession(server.url) as session:
        yield session, output


async def test_files_are_listed_with_their_folders_and_without_links(gallery: Any) -> None:
    http, _ = gallery
    async with http.get("/api/assets?type=output") as response:
        files = (await response.json())["files"]
    assert {file["name"] for file in files} == {"wide.png", "sub/grey.png"}
    assert all(file["size"] > 0 and file["modified"] > 1e12 for file in files)
    async with http.get("/api/assets?type=models") as response:
        assert response.status == 400


async def test_a_file_tells_how_long_the_run_took_that_wrote_it(http: Any, connect: Any) -> None:
    client = await connect("gallery")
    prompt = picture_prompt(width=9)
    slow = {"images": ["1", 0], "steps": 1, "seconds": 0.5, "preview": False}
    prompt["3"] = {"class_type": "ToySteps", "inputs": slow}
    prompt["2"]["inputs"] = {"images": ["3", 0], "filename_prefix": "timed/slow"}
    await client.run(prompt)
    # What is still known is put out again by a run that takes no time.
    await client.run(prompt)
    async with http.get("/api/assets?type=output&runs=1") as response:
        files = (await response.json())["files"]
    [seconds] = [file["seconds"] for file in files if file["name"].startswith("timed/")]
    assert seconds >= 0.5
    async with http.get("/api/assets?type=output") as response:
        assert not any("seconds" in file for file in (await response.json())["files"])


async def test_small_pictures_of_few_colours_stay_clear_where_they_are(gallery: Any) -> None:
    http, output = gallery
    clear = Image.new("P", (40, 40))
    clear.putpalette([255, 0, 0])
    clear.save(output / "clear.gif", transparency=0)
    async with http.get("/api/assets/small", params={"name": "clear.gif"}) as response:
        assert Image.open(io.BytesIO(await response.read())).getpixel((5, 5))[3] == 0


@pytest.mark.parametrize(("name", "size"), [("wide.png", (128, 43)), ("sub/grey.png", (30, 90))])
async def test_small_pictures_are_never_larger_than_the_picture(
    gallery: Any, name: str, size: tuple[int, int]
) -> None:
    async with gallery[0].get("/api/assets/small", params={"name": name, "size": "128"}) as response:
        assert response.content_type == "image/webp"
        assert Image.open(io.BytesIO(await response.read())).size == size


@pytest.mark.parametrize(
    ("name", "size", "status"),
    [("wide.png", "129", 400), ("../sfumato.db", "128", 400), ("link.png", "128", 404), ("", "128", 400)],
)
async def test_small_pictures_refuse_what_is_elsewhere(
    gallery: Any, name: str, size: str, status: int
) -> None:
    async with gallery[0].get("/api/assets/small", params={"name": name, "size": size}) as response:
        assert response.status == status


async def test_files_are_deleted_by_name_and_nothing_else_is(gallery: Any) -> None:
    http, output = gallery
    body = {"type": "output", "names": ["sub/grey.png", "gone.png"]}
    async with http.post("/api/assets/delete", json=body) as response:
        assert (await response.json())["kept"] == ["gone.png"]
    assert not (output / "sub" / "grey.png").exists()
    for names in (["../sfumato.db"], "wide.png", [1]):
        async with http.post("/api/assets/delete", json={"names": names}) as response:
            assert response.status == 400
    assert (output / "wide.png").exists()


async def test_only_users_of_this_server_delete(start_server: Any) -> None:
    server = await start_server(multi_user=True)
    (server.base / "output" / "a.png").write_bytes(b"x")
    body = {"type": "output", "names": ["a.png"]}
    async with aiohttp.ClientSession(server.url) as http:
        headers = {"comfy-user": "nobody"}
        async with http.post("/api/assets/delete", json=body, headers=headers) as response:
            assert response.status == 403
        assert (server.base / "output" / "a.png").exists()
        async with http.post("/users", json={"username": "Ada"}) as response:
            headers = {"comfy-user": await response.json()}
        async with http.post("/api/assets/delete", json=body, headers=headers) as response:
            assert await response.json() == {"kept": []}
    assert not (server.base / "output" / "a.png").exists()


async def test_a_model_is_recognised_by_its_tensors(start_server: Any) -> None:
    server = await start_server()
    bundled = TEMPLATES.parent / "models" / "loras" / "sfumato-pastel.safetensors"
    (server.base / "models" / "loras").mkdir(parents=True, exist_ok=True)
    (server.base / "models" / "loras" / "pastel.safetensors").write_bytes(bundled.read_bytes())
    async with aiohttp.ClientSession(server.url) as http:
        query = {"folder": "loras", "name": "pastel.safetensors"}
        async with http.get("/api/identify", params=query) as response:
            [part] = (await response.json())["parts"]
        async with http.get("/api/identify", params={"folder": "loras", "name": "../x"}) as response:
            assert response.status == 404
    assert part["kind"] == "lora"


async def test_every_template_has_its_workflow_picture_and_inputs(start_server: Any) -> None:
    server = await start_server()
    async with aiohttp.ClientSession(server.url) as http:
        async with http.get("/api/templates") as response:
            entries = await response.json()
        files = [
            file for one in entries for file in (f"{one['name']}.json", f"{one['name']}.webp", *one["inputs"])
        ]
        for file in files:
            async with http.get(f"/api/templates/{file}") as response:
                assert response.status == 200, file
                assert len(await response.read()) > 100
        async with http.get("/api/templates/index.py") as response:
            assert response.status == 404
    assert len(entries) >= 8
    assert {Path(file).name for file in files} | {"index.json"} == {path.name for path in TEMPLATES.iterdir()}
    for entry in entries:
        workflow = json.loads((TEMPLATES / f"{entry['name']}.json").read_text())
        loaded = {one["inputs"]["image"] for one in workflow.values() if one["class_type"] == "LoadImage"}
        assert loaded == set(entry["inputs"])

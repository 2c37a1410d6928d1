"""Attacks with names, links and files: nothing outside is read or written, nothing inside is half done."""

import asyncio
import errno
import itertools
import json
import os
import pickle
import threading
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from tests.web.client import Server, picture_prompt
from tests.web.test_prompt import post
from tests.web.test_uploads import upload
from web import confined

BAD_NAMES = [
    "../secret",
    "..\\secret",
    "....//secret",
    "%2e%2e%2fsecret",
    "/etc/passwd",
    "C:\\secret",
    "\\\\host\\share",
    "//host/share",
    "a\0b",
    "a\nb",
    "x" * 5000,
    "..",
    "../secret [input]",
    "..\u2215secret",
]


def listing(base: Path) -> set[str]:
    return {str(path) for path in base.rglob("*") if "log" not in path.name and ".db" not in path.name}


@pytest.mark.parametrize("name", BAD_NAMES, ids=lambda name: name[:12].encode().hex())
async def test_check_10_a_name_that_leads_out_is_never_followed(
    http: aiohttp.ClientSession, server: Server, name: str
) -> None:
    (server.base / "secret").write_text("the secret")
    before = listing(server.base)
    for params in (
        {"filename": name},
        {"filename": "x.png", "subfolder": name},
        {"filename": "x.png", "type": name},
        {"filename": name, "preview": "webp"},
        {"filename": name, "channel": "rgb", "type": "input"},
    ):
        async with http.get("/view", params=params) as response:
            assert response.status in {400, 403, 404}
            assert "the secret" not in await response.text()
    for path in ("/view_metadata/loras", "/userdata", "/v2/userdata", "/api/jobs"):
        params = {"filename": name, "dir": name, "path": name, "workflow_id": name}
        async with http.get(path, params=params) as response:
            assert "the secret" not in await response.text()
    for path in ("/models/", "/experiment/models/", "/experiment/models/preview/loras/0/", "/userdata/"):
        async with http.get(path + URL.build(path="/" + name).raw_path[1:]) as response:
            assert response.status in {400, 403, 404, 200}
            assert "the secret" not in await response.text()
    assert (await upload(http, b"x", "ok.png", type=name.replace("\0", "").replace("\n", "")))[0] == 400
    assert listing(server.base) == before


@pytest.mark.parametrize("name", BAD_NAMES, ids=lambda name: name[:12].encode().hex())
async def test_check_10_a_result_stays_in_the_output_folder(
    http: aiohttp.ClientSession, connect: Any, server: Server, name: str
) -> None:
    prompt = picture_prompt()
    prompt["2"]["inputs"]["filename_prefix"] = name
    client = await connect("prefix")
    places = ("output", "models", "input", "users")
    before = listing(server.base) - listing(server.base / "output")
    status, answer = await post(http, {"prompt": prompt, "client_id": "prefix"})
    if status == 200:
        await client.until_done(answer["prompt_id"])
    assert listing(server.base) - listing(server.base / "output") == before, places


async def test_check_11_a_link_that_appears_between_look_and_open_is_not_followed(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    for folder in (root / "way", outside):
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(b"inside" if folder != outside else b"secret")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            (root / "way").rename(root / "kept")
            (root / "way").symlink_to(outside)
            (root / "way").unlink()
            (root / "kept").rename(root / "way")
            time.sleep(0.0005)

    swapping = threading.Thread(target=swap)
    swapping.start()
    seen = set()
    try:
        for tries in itertools.count():
            if tries > 1000 and seen:
                break
            try:
                with confined.open_file(root, ("way", "file")).file as file:
                    seen.add(file.read())
            except OSError:
                continue
    finally:
        stop.set()
        swapping.join()
    assert seen <= {b"inside"}
    assert seen


async def test_check_11_an_output_folder_that_is_a_link_is_the_owners_choice(
    http: aiohttp.ClientSession, server: Server
) -> None:
    inner = server.base / "output" / "linked-inside"
    inner.symlink_to(server.base / "models")
    async with http.get("/view", params={"filename": "x", "subfolder": "linked-inside"}) as response:
        assert response.status == 404
    async with http.get("/internal/files/output") as response:
        assert "linked-inside" not in await response.json()


async def test_check_12_a_folder_whose_name_only_begins_alike_is_another(
    http: aiohttp.ClientSession, server: Server
) -> None:
    for name in ("input-evil", "users/default-evil"):
        (server.base / name).mkdir(parents=True, exist_ok=True)
        (server.base / name / "x.png").write_bytes(b"evil")
    for query in ("filename=x.png&type=input&subfolder=../input-evil", "filename=x.png&type=input-evil"):
        async with http.get(f"/view?{query}") as response:
            assert response.status in {400, 403}
    async with http.get(URL(f"{server.url}/userdata/..%2Fdefault-evil%2Fx.png", encoded=True)) as response:
        assert response.status == 403


async def test_check_13_two_at_once_do_not_overwrite_each_other(
    http: aiohttp.ClientSession, server: Server, connect: Any
) -> None:
    answers = await asyncio.gather(*(upload(http, bytes([n]), "race.png") for n in range(12)))
    names = [answer["name"] for _, answer in answers]
    assert len(set(names)) == 12
    assert {(server.base / "input" / name).read_bytes() for name in names} == {bytes([n]) for n in range(12)}
    statuses = await asyncio.gather(
        *(put(http, "/userdata/race.json?overwrite=false", bytes([n])) for n in range(12))
    )
    assert sorted(statuses) == [200] + [409] * 11
    client = await connect("race")
    ids = [await client.submit(picture_prompt(width=100 + n)) for n in range(4)]
    for prompt_id in ids:
        await client.until_done(prompt_id)
    saved = set()
    for prompt_id in ids:
        async with http.get(f"/history/{prompt_id}") as response:
            [image] = (await response.json())[prompt_id]["outputs"]["2"]["images"]
        saved.add(image["filename"])
    assert len(saved) == 4


async def put(http: aiohttp.ClientSession, path: str, body: bytes) -> int:
    async with http.post(path, data=body) as response:
        return response.status


@pytest.mark.parametrize("name", ["x.py", "x.pth", "x.js", "__init__.py"])
async def test_check_13_code_that_comes_in_is_only_a_file(
    http: aiohttp.ClientSession, server: Server, name: str
) -> None:
    status, answer = await upload(http, b"raise SystemExit", name)
    assert (status, answer["type"]) == (200, "input")
    async with http.get("/view", params={"filename": answer["name"], "type": "input"}) as response:
        assert response.headers["Content-Disposition"].startswith("attachment")
    for place in ("custom_nodes", "models", "users", "web"):
        assert (await upload(http, b"x", name, type=place))[0] == 400
        assert (await upload(http, b"x", name, subfolder=f"../{place}"))[0] == 400


async def test_check_14_user_files_are_limited_and_kept_apart(start_server: Any) -> None:
    server = await start_server(multi_user=True, max_upload_bytes=2000, max_json_bytes=2000)
    async with aiohttp.ClientSession(server.url) as http:
        async with http.post("/users", json={"username": "anna"}) as response:
            anna = {"comfy-user": await response.json()}
        async with http.post("/userdata/mine", data=b"private", headers=anna) as response:
            assert response.status == 200
        for headers in ({}, {"comfy-user": "other"}, {"comfy-user": "../" + anna["comfy-user"]}):
            async with http.get("/userdata/mine", headers=headers) as response:
                assert response.status in {403, 404}
        async with http.post("/userdata/big", data=b"x" * 3000, headers=anna) as response:
            assert response.status == 413
        async with http.post("/settings", json={"x": "y" * 3000}, headers=anna) as response:
            assert response.status == 413
        for name in ("a" * 300, "..%2Fusers.json", "CON", "a:b", "."):
            address = URL(f"{server.url}/userdata/{name}", encoded=True)
            async with http.post(address, data=b"x", headers=anna) as response:
                assert response.status in {400, 403, 404, 405}, name


class Canary:
    def __reduce__(self) -> Any:
        return (os.mkdir, (os.environ["CANARY"],))


async def test_check_18_a_pickle_is_never_opened(
    http: aiohttp.ClientSession, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY", str(tmp_path / "escaped"))
    for folder, name in (("loras", "evil.safetensors"), ("loras", "evil.ckpt"), ("embeddings", "evil.pt")):
        (server.base / "models" / folder / name).write_bytes(pickle.dumps(Canary()))
        for path in (
            f"/view_metadata/{folder}?filename={name}",
            f"/experiment/models/preview/{folder}/0/{name}",
        ):
            async with http.get(path) as response:
                assert response.status == 404
        async with http.get(f"/models/{folder}") as response:
            assert name in await response.json()
        (server.base / "models" / folder / name).unlink()
    assert not (tmp_path / "escaped").exists()


def tensors_file(header: bytes, length: int | None = None) -> bytes:
    return (len(header) if length is None else length).to_bytes(8, "little") + header


@pytest.mark.parametrize(
    "data",
    [
        tensors_file(b"", 0),
        tensors_file(b"{}", 7),
        tensors_file(b"{}", 2**63),
        tensors_file(b"{}", 2**64 - 1),
        tensors_file(b"{" * 100_000),
        tensors_file(b"\xff\xfe"),
        tensors_file(b"[]"),
        tensors_file(b'{"__metadata__": []}'),
        tensors_file(b'{"__metadata__": 7}'),
        tensors_file(b'{"__metadata__": {"x": "' + b"y" * 2**21 + b'"}}'),
        b"",
        b"\0" * 7,
    ],
    ids=lambda data: str(len(data)) + data[:12].hex(),
)
async def test_check_19_a_header_that_lies_is_refused(
    http: aiohttp.ClientSession, server: Server, data: bytes
) -> None:
    path = server.base / "models" / "loras" / "lies.safetensors"
    path.write_bytes(data)
    for address in (
        "/view_metadata/loras?filename=lies.safetensors",
        "/experiment/models/preview/loras/0/lies.safetensors",
    ):
        async with http.get(address) as response:
            assert response.status == 404
    path.unlink()


@pytest.mark.parametrize(
    "cover", ["data", "AAAA", "http://127.0.0.1/x", "data:image/svg+xml,<svg/>", 7, None, []]
)
async def test_check_19_a_cover_that_is_no_picture_is_not_sent(
    http: aiohttp.ClientSession, server: Server, cover: Any
) -> None:
    header = json.dumps({"__metadata__": {"ssmd_cover_images": json.dumps([cover])}}).encode()
    path = server.base / "models" / "loras" / "cover.safetensors"
    path.write_bytes(tensors_file(header))
    async with http.get("/experiment/models/preview/loras/0/cover.safetensors") as response:
        assert response.status == 404
    path.unlink()


async def test_check_21_what_packs_write_is_read_as_data(start_server: Any, tmp_path: Path) -> None:
    bomb = "[" * 100_000
    for name in ("locales/en/main.json", "locales/en/nodeDefs.json", "subgraphs/x.json", "workflows/x.json"):
        path = tmp_path / "packs" / "Evil" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(bomb)
    (tmp_path / "packs" / "Evil" / "__init__.py").write_text("raise SystemExit('imported')")
    server = await start_server(custom_nodes=(tmp_path / "packs",))
    async with aiohttp.ClientSession(server.url) as http:
        for path in ("/i18n", "/global_subgraphs", "/workflow_templates", "/extensions"):
            async with http.get(path) as response:
                assert response.status == 200
                await response.json()


async def test_check_23_a_full_disk_leaves_no_half_file(
    start_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await start_server()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    async with aiohttp.ClientSession(server.url) as http:
        assert (await upload(http, b"before", "kept.png"))[0] == 200
        monkeypatch.setattr(confined.os, "fsync", full)
        status, answer = await upload(http, b"after", "kept.png", overwrite="true")
        assert (status, answer["error"]["type"]) == (507, "cannot_store")
        assert str(server.base) not in json.dumps(answer)
        assert await put(http, "/userdata/new.json", b"x") == 507
        monkeypatch.undo()
    assert (server.base / "input" / "kept.png").read_bytes() == b"before"
    assert [path.name for path in (server.base / "input").iterdir()] == ["kept.png"]
    assert not (server.base / "users" / "default" / "new.json").exists()


async def test_after_all_that_the_server_lives(server: Server) -> None:
    assert server.alive()
    assert "A request failed" not in server.log()

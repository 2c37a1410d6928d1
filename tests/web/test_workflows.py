"""Saved workflows: written only over what the writer has seen, never without the version before; drafts."""

import asyncio
import errno
import json
import os
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from web import confined
from web.workflow_files import keep_version, read_version, versions, write_workflow

PARTS = ("workflows", "a.json")


@pytest.fixture
async def client(start_server: Any) -> Any:
    server = await start_server()
    async with aiohttp.ClientSession(server.url) as session:
        yield session


async def put(
    client: aiohttp.ClientSession, name: str, value: Any, revision: str | None = None
) -> tuple[int, Any]:
    headers = {} if revision is None else {"If-Match": f'"{revision}"'}
    async with client.put(f"/api/workflows/{name}", json=value, headers=headers) as response:
        return response.status, await response.json()


async def got(client: aiohttp.ClientSession, path: str) -> Any:
    async with client.get(path) as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def test_a_save_over_something_unseen_is_refused_with_its_revision(
    client: aiohttp.ClientSession,
) -> None:
    status, first = await put(client, "a", {"nodes": [1]})
    assert status == 200
    status, second = await put(client, "a", {"nodes": [2]}, first["revision"])
    assert status == 200
    status, refused = await put(client, "a", {"nodes": [3]}, first["revision"])
    assert (status, refused["error"]["type"]) == (409, "revision_conflict")
    assert refused["revision"] == second["revision"]
    assert (await put(client, "a", {"nodes": [3]}))[0] == 409
    assert await got(client, "/api/workflows/a") == {"nodes": [2]}
    assert (await put(client, "a", {"nodes": [3]}, "*"))[0] == 200
    async with client.get("/api/workflows/a") as response:
        assert response.headers["ETag"] != f'"{second["revision"]}"'


async def test_of_many_who_save_over_the_same_revision_exactly_one_succeeds(
    client: aiohttp.ClientSession,
) -> None:
    _, first = await put(client, "race", {"nodes": []})
    tries = [put(client, "race", {"nodes": [number]}, first["revision"]) for number in range(8)]
    statuses = [status for status, _ in await asyncio.gather(*tries)]
    assert sorted(statuses) == [200] + [409] * 7


async def test_what_programs_of_the_ecosystem_save_or_delete_is_a_version_too(
    client: aiohttp.ClientSession,
) -> None:
    _, mine = await put(client, "folder%2Fb", {"nodes": ["mine"]})
    path = "/userdata/workflows%2Ffolder%2Fb.json"
    async with client.post(path, json={"nodes": ["theirs"]}) as response:
        assert response.status == 200
    assert (await put(client, "folder%2Fb", {"nodes": ["again"]}, mine["revision"]))[0] == 409
    async with client.delete(path) as response:
        assert response.status == 204
    assert await got(client, "/api/workflows") == {"workflows": []}
    found = (await got(client, "/api/workflows/folder%2Fb/versions"))["versions"]
    texts = [await got(client, f"/api/workflows/folder%2Fb/versions/{one['id']}") for one in found]
    assert sorted(text["nodes"][0] for text in texts) == ["mine", "theirs"]
    async with client.get("/userdata?dir=.&recurse=true") as response:
        assert await response.json() == []


async def test_versions_follow_a_workflow_to_its_new_name(client: aiohttp.ClientSession) -> None:
    _, first = await put(client, "old", {"nodes": [1]})
    await put(client, "old", {"nodes": [2]}, first["revision"])
    async with client.post("/userdata/workflows%2Fold.json/move/workflows%2Fnew.json") as response:
        assert response.status == 200
    assert [one["revision"] for one in (await got(client, "/api/workflows/new/versions"))["versions"]] == [
        first["revision"]
    ]
    assert (await got(client, "/api/workflows/old/versions"))["versions"] == []


def test_only_so_many_versions_are_kept_as_the_user_chose(tmp_path: Path) -> None:
    (tmp_path / "comfy.settings.json").write_text(json.dumps({"workflows.versions": 3}))
    revision = None
    for number in range(6):
        revision = write_workflow(tmp_path, PARTS, b"%d" % number, revision)
        os.utime(tmp_path / "workflows" / "a.json", (number + 1, number + 1))
    kept = versions(tmp_path, PARTS)
    assert [read_version(tmp_path, PARTS, one.id) for one in kept] == [b"4", b"3", b"2"]
    (tmp_path / "comfy.settings.json").write_text(json.dumps({"workflows.versions": 0}))
    keep_version(tmp_path, PARTS)
    assert versions(tmp_path, PARTS) == []


def test_versions_are_kept_where_the_disk_has_no_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    revision = write_workflow(tmp_path, PARTS, b"old", None)
    real = os.link

    def link(source: str, target: str, **options: Any) -> None:
        if not source.endswith(".part"):
            raise OSError(errno.EPERM, "no links here")
        real(source, target, **options)

    monkeypatch.setattr(confined.os, "link", link)
    write_workflow(tmp_path, PARTS, b"new", revision)
    [version] = versions(tmp_path, PARTS)
    assert read_version(tmp_path, PARTS, version.id) == b"old"


async def test_a_full_disk_is_told_and_leaves_what_was_saved(
    client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, first = await put(client, "full", {"nodes": [1]})

    def fsync(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(confined.os, "fsync", fsync)
        status, refused = await put(client, "full", {"nodes": [2]}, first["revision"])
        assert (status, refused["error"]["type"]) == (507, "cannot_store")
        async with client.put("/api/drafts/d", json={"workflow": {}}) as response:
            assert response.status == 507
    assert await got(client, "/api/workflows/full") == {"nodes": [1]}
    assert (await put(client, "full", {"nodes": [2]}, first["revision"]))[0] == 200


async def test_a_draft_is_kept_with_every_digit_listed_without_its_graph_and_forgotten(
    client: aiohttp.ClientSession,
) -> None:
    body = b'{"name": "mine", "workflow": {"seed": 18446744073709551615}}'
    async with client.put("/api/drafts/window-1", data=body) as response:
        assert response.status == 204
    [entry] = (await got(client, "/api/drafts"))["drafts"]
    assert (entry["id"], entry["name"], "workflow" in entry) == ("window-1", "mine", False)
    assert (await got(client, "/api/drafts/window-1"))["workflow"]["seed"] == 2**64 - 1
    for _ in range(2):
        async with client.delete("/api/drafts/window-1") as response:
            assert response.status == 204
    async with client.get("/api/drafts/window-1") as response:
        assert response.status == 404


@pytest.mark.parametrize("name", ["..%2Fx", "%2Fx", "a%00b", "con", "x%2F", "a%3Ab"])
async def test_names_that_lead_away_are_refused(client: aiohttp.ClientSession, name: str) -> None:
    assert (await put(client, name, {"nodes": []}))[0] in {400, 403}
    for path in (f"/api/workflows/{name}", f"/api/drafts/{name}"):
        async with client.get(path) as response:
            assert response.status in {400, 403, 404}


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"7"])
async def test_what_is_no_object_is_not_kept(client: aiohttp.ClientSession, body: bytes) -> None:
    for path in ("/api/workflows/x", "/api/drafts/x"):
        async with client.put(path, data=body) as response:
            assert response.status == 400
    async with client.put("/api/drafts/x", json={"name": "no workflow"}) as response:
        assert response.status == 400

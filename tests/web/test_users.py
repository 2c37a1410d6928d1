"""Settings, users and the files that a page keeps for them."""

from typing import Any

import aiohttp
import pytest

from tests.web.client import Server


async def test_settings_are_merged_and_kept_where_other_servers_find_them(
    http: aiohttp.ClientSession, server: Server
) -> None:
    async with http.get("/settings") as response:
        before = await response.json()  # the server is shared: other tests may have left some
    async with http.post("/settings", json={"a": 1, "b": [2]}) as response:
        assert (response.status, await response.read()) == (200, b"")
    async with http.post("/settings/c.d", json="x") as response:
        assert response.status == 200
    async with http.get("/settings") as response:
        assert await response.json() == before | {"a": 1, "b": [2], "c.d": "x"}
    async with http.get("/settings/c.d") as response:
        assert await response.json() == "x"
    async with http.get("/settings/nothing") as response:
        assert await response.json() is None
    assert (server.base / "users" / "default" / "comfy.settings.json").is_file()


@pytest.mark.parametrize("body", [b"", b"[]", b"no json", b"7"])
async def test_settings_that_are_no_object_are_refused(http: aiohttp.ClientSession, body: bytes) -> None:
    async with http.post("/settings", data=body) as response:
        assert response.status == 400
        assert (await response.json())["error"]["message"]


async def test_a_file_is_written_read_moved_and_deleted(http: aiohttp.ClientSession) -> None:
    # In a folder of its own: requests made up at random leave files among the workflows of this server.
    async with http.post("/userdata/shelf%2Fa.json", data=b'{"x": 1}') as response:
        assert await response.json() == "shelf/a.json"
    async with http.get("/api/userdata/shelf%2Fa.json") as response:
        assert await response.read() == b'{"x": 1}'
        assert response.content_type == "application/json"
    async with http.post("/userdata/shelf%2Fa.json?overwrite=false", data=b"") as response:
        assert (response.status, await response.text()) == (409, "File already exists")
    async with http.post("/userdata/shelf%2Fa.json/move/shelf%2Fsub%2Fb.json") as response:
        assert await response.json() == "shelf/sub/b.json"
    async with http.get("/userdata/shelf%2Fa.json") as response:
        assert response.status == 404
    async with http.get("/userdata?dir=shelf&recurse=true") as response:
        assert await response.json() == ["sub/b.json"]
    async with http.get("/userdata?dir=shelf&recurse=true&split=true") as response:
        assert await response.json() == [["sub/b.json", "sub", "b.json"]]
    async with http.get("/userdata?dir=shelf") as response:
        assert await response.json() == []
    async with http.get("/userdata?dir=.&recurse=true&full_info=true") as response:
        [entry] = [entry for entry in await response.json() if entry["path"].endswith("b.json")]
    assert entry["path"] == "shelf/sub/b.json"
    assert entry["size"] == 8
    async with http.get("/v2/userdata?path=shelf") as response:
        folder, file = await response.json()
    assert folder == {"name": "sub", "path": "shelf/sub", "type": "directory"}
    assert (file["name"], file["path"], file["type"], file["size"]) == (
        "b.json",
        "shelf/sub/b.json",
        "file",
        8,
    )
    async with http.delete("/userdata/shelf%2Fsub%2Fb.json") as response:
        assert (response.status, await response.read()) == (204, b"")
    async with http.delete("/userdata/shelf%2Fsub%2Fb.json") as response:
        assert response.status == 404


async def test_full_info_describes_what_was_written(http: aiohttp.ClientSession) -> None:
    async with http.post("/userdata/i.json?full_info=true", data=b"12345") as response:
        about = await response.json()
    assert (about["path"], about["size"]) == ("i.json", 5)


@pytest.mark.parametrize(
    "name",
    [
        "..%2Fx",
        "%2e%2e%2fx",
        "..%252Fx",
        "%252e%252e%252fx",
        "%2Fetc%2Fpasswd",
        "a%2F..%2F..%2Fx",
        "..%5Cx",
        "x%00y",
    ],
)
async def test_paths_that_lead_elsewhere_are_refused(
    http: aiohttp.ClientSession, server: Server, name: str
) -> None:
    from yarl import URL

    url = URL(f"{server.url}/userdata/{name}", encoded=True)
    for method in ("GET", "POST", "DELETE"):
        async with http.request(method, url, data=b"x" if method == "POST" else None) as response:
            assert response.status in {400, 403, 404}
    assert not (server.base / "x").exists()
    assert not (server.base / "users" / "x").exists()


async def test_folders_that_are_not_there_are_named_as_clients_know_it(http: aiohttp.ClientSession) -> None:
    for query, status, text in (
        ("", 400, "Directory not provided"),
        ("?dir=..", 403, "Invalid directory"),
        ("?dir=nothing", 404, "Directory not found"),
    ):
        async with http.get(f"/userdata{query}") as response:
            assert (response.status, await response.text()) == (status, text)
    async with http.get("/v2/userdata?path=..") as response:
        assert response.status == 403
    async with http.get("/v2/userdata?path=nothing") as response:
        assert response.status == 404


async def test_a_user_who_never_wrote_anything_has_no_files(start_server: Any) -> None:
    server = await start_server()
    async with aiohttp.ClientSession(server.url) as http:
        for path in ("/userdata?dir=.&recurse=true", "/userdata?dir=.&full_info=true", "/v2/userdata"):
            async with http.get(path) as response:
                assert (response.status, await response.json()) == (200, [])


async def test_user_files_never_run_in_the_page(http: aiohttp.ClientSession) -> None:
    for name in ("x.html", "x.svg", "user.js", "noending"):
        await http.post(f"/userdata/{name}", data=b"<script>alert(1)</script>")
        async with http.get(f"/userdata/{name}") as response:
            assert response.content_type == "application/octet-stream"
            assert response.headers["Content-Disposition"].startswith("attachment")


async def test_a_single_user_needs_no_name(http: aiohttp.ClientSession) -> None:
    async with http.get("/users") as response:
        assert await response.json() == {"storage": "server", "migrated": True}
    async with http.get("/settings", headers={"comfy-user": "anybody"}) as response:
        assert response.status == 200


async def test_users_are_kept_apart(start_server: Any) -> None:
    server = await start_server(multi_user=True)
    async with aiohttp.ClientSession(server.url) as http:
        async with http.post("/users", json={"username": "Anna K."}) as response:
            anna = await response.json()
        assert anna.startswith("Anna-K-_")
        for body, text in (
            ({"username": "Anna K."}, "Duplicate username."),
            ({}, "username not provided"),
            ({"username": "__system"}, "System User prefix not allowed"),
            ({"username": 7}, "username must be a string"),
        ):
            async with http.post("/users", json=body) as response:
                assert (response.status, await response.json()) == (400, {"error": text})
        async with http.get("/users") as response:
            assert await response.json() == {"storage": "server", "users": {anna: "Anna K."}}
        await http.post("/settings", json={"mine": 1}, headers={"comfy-user": anna})
        async with http.get("/settings", headers={"comfy-user": anna}) as response:
            assert await response.json() == {"mine": 1}
        async with http.get("/settings") as response:
            assert await response.json() == {}
        for user in ("nobody", "__system", "../default", "users.json"):
            async with http.get("/settings", headers={"comfy-user": user}) as response:
                assert response.status == 401
            async with http.get("/v2/userdata", headers={"comfy-user": user}) as response:
                assert response.status == 403

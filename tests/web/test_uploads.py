"""Files that come in: named, deduplicated, confined, whole or not at all."""

import io
import json
from typing import Any

import aiohttp
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.web.client import Server


async def upload(
    http: aiohttp.ClientSession, data: bytes, name: str = "x.png", **fields: str
) -> tuple[int, Any]:
    path = fields.pop("path", "/upload/image")
    with aiohttp.MultipartWriter("form-data") as form:
        part = form.append(data, {"Content-Type": "image/png"})
        part.headers["Content-Disposition"] = f'form-data; name="image"; filename="{name}"'
        for key, value in fields.items():
            form.append(value).set_content_disposition("form-data", name=key)
        async with http.post(path, data=form) as response:
            return response.status, await response.json()


async def test_a_file_is_stored_in_the_input_folder(http: aiohttp.ClientSession, server: Server) -> None:
    assert await upload(http, b"one", "a.png") == (200, {"name": "a.png", "subfolder": "", "type": "input"})
    assert (server.base / "input" / "a.png").read_bytes() == b"one"


async def test_an_equal_file_is_used_again_and_another_makes_room(
    http: aiohttp.ClientSession, server: Server
) -> None:
    for data, name in (
        (b"1", "d.png"),
        (b"1", "d.png"),
        (b"2", "d (1).png"),
        (b"2", "d (1).png"),
        (b"3", "d (2).png"),
    ):
        assert await upload(http, data, "d.png") == (200, {"name": name, "subfolder": "", "type": "input"})
    assert (await upload(http, b"4", "d.png", overwrite="true"))[1]["name"] == "d.png"
    assert (server.base / "input" / "d.png").read_bytes() == b"4"
    assert not list((server.base / "input").glob(".*"))


async def test_a_subfolder_is_made(http: aiohttp.ClientSession, server: Server) -> None:
    status, answer = await upload(http, b"x", "s.png", subfolder="one/two", type="temp")
    assert (status, answer) == (200, {"name": "s.png", "subfolder": "one/two", "type": "temp"})
    assert (server.base / "temp" / "one" / "two" / "s.png").is_file()


@pytest.mark.parametrize(
    "name",
    [
        "../x.png",
        "..\\\\x.png",
        "C:\\\\x.png",
        "a:stream",
        "CON",
        "nul.png",
        "x.",
        "x ",
        ".hidden",
        "x" * 300,
    ],
)
async def test_a_name_that_leads_elsewhere_is_refused(
    http: aiohttp.ClientSession, server: Server, name: str
) -> None:
    before = sorted(server.base.rglob("*.png"))
    status, answer = await upload(http, b"evil", name)
    assert status == 400
    assert answer["error"]["type"] == "invalid_filename"
    assert sorted(server.base.rglob("*.png")) == before


@pytest.mark.parametrize(
    "fields", [{"subfolder": "../x"}, {"subfolder": "/x"}, {"type": "models"}, {"type": "../x"}]
)
async def test_a_place_that_is_not_allowed_is_refused(
    http: aiohttp.ClientSession, fields: dict[str, str]
) -> None:
    assert (await upload(http, b"x", **fields))[0] == 400


async def test_a_link_does_not_lead_out(http: aiohttp.ClientSession, server: Server) -> None:
    outside = server.base / "outside"
    outside.mkdir()
    (server.base / "input" / "way").symlink_to(outside)
    assert (await upload(http, b"x", subfolder="way"))[0] == 400
    (outside / "f.png").write_bytes(b"original")
    (server.base / "input" / "f.png").symlink_to(outside / "f.png")
    assert (await upload(http, b"evil", "f.png", overwrite="true"))[0] == 200
    assert (outside / "f.png").read_bytes() == b"original"
    assert not list(outside.glob("x*"))


async def test_a_form_without_a_file_is_refused(http: aiohttp.ClientSession) -> None:
    for data in ({"image": "text"}, {"other": "x"}):
        form = aiohttp.FormData(data, quote_fields=False)
        form.add_field("file", b"x", filename="x")
        async with http.post("/upload/image", data=form) as response:
            assert response.status == 400
    assert (await upload(http, b"x", ""))[0] == 400


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=", b"x"),
        ("multipart/form-data; boundary=b", b"--b\r\nnothing"),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data; name=image\r\n\r\nx"),
        (
            "multipart/form-data; boundary=b",
            b"--b\r\nContent-Type: text/plain; charset=nope\r\n\r\nx\r\n--b--",
        ),
        ("multipart/form-data; boundary=b", b""),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="type"\r\n'
            b"Content-Type: text/plain; charset=nope\r\n\r\n"
            b"\xff\r\n--b--\r\n",
        ),
        ("multipart/form-data; boundary=" + "b" * 100, b"x"),
    ],
)
async def test_a_broken_form_is_refused(http: aiohttp.ClientSession, content_type: str, body: bytes) -> None:
    async with http.post("/upload/image", data=body, headers={"Content-Type": content_type}) as response:
        assert response.status == 400
        assert (await response.json())["error"]["message"]


async def test_a_mask_becomes_the_alpha_and_the_texts_stay(
    http: aiohttp.ClientSession, server: Server
) -> None:
    texts = PngInfo()
    texts.add_text("prompt", '{"1": {}}')
    Image.new("RGB", (4, 4), "red").save(server.base / "output" / "o.png", pnginfo=texts)
    buffer = io.BytesIO()
    Image.new("RGBA", (4, 4), (0, 0, 0, 77)).save(buffer, "PNG")
    reference = json.dumps({"filename": "o.png"})
    status, answer = await upload(
        http, buffer.getvalue(), "m.png", original_ref=reference, path="/upload/mask"
    )
    assert (status, answer["name"]) == (200, "m.png")
    with Image.open(server.base / "input" / "m.png") as picture:
        assert picture.getpixel((0, 0)) == (255, 0, 0, 77)
        assert picture.text["prompt"] == '{"1": {}}'


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "no json",
        "[]",
        "{}",
        '{"filename": 7}',
        '{"filename": "nothing.png"}',
        '{"filename": "../x.png"}',
        '{"filename": "o.png", "type": "x"}',
        '{"filename": "o.png", "type": []}',
        '{"filename": "o.png", "subfolder": ".."}',
        "[" * 10_000,
    ],
)
async def test_a_mask_without_its_picture_is_refused(http: aiohttp.ClientSession, reference: str) -> None:
    assert (await upload(http, b"x", "n.png", original_ref=reference, path="/upload/mask"))[0] == 400


async def test_a_body_over_the_limit_is_refused(start_server: Any) -> None:
    server = await start_server(max_upload_bytes=10_000, max_json_bytes=5_000)
    async with aiohttp.ClientSession(server.url) as http:
        assert (await upload(http, b"x" * 20_000, "big.png"))[0] == 413
        assert (await upload(http, b"x" * 5_000, "small.png"))[0] == 200
        for path in ("/prompt", "/queue", "/settings", "/interrupt"):
            async with http.post(path, data=b"x" * 20_000) as response:
                assert response.status == 413
        async with http.post("/userdata/big", data=b"x" * 20_000) as response:
            assert response.status == 413

        async def endless() -> Any:
            for _ in range(100):
                yield b"x" * 1000

        async with http.post("/prompt", data=endless()) as response:
            assert response.status == 413
        async with http.get("/system_stats") as response:
            assert response.status == 200

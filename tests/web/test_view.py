"""Files that go out: the order of checks, what is shown, what is only ever downloaded, ranges."""

import io
import os
from pathlib import Path

import aiohttp
import pytest
from PIL import Image

from tests.web.client import Server


@pytest.fixture(scope="module")
def output(server: Server) -> Path:
    folder = server.base / "output"
    picture = Image.new("RGBA", (6, 4), (10, 20, 30, 128))
    picture.save(folder / "a.png")
    (folder / "sub").mkdir()
    picture.save(folder / "sub" / "b.png")
    (folder / "big.bin").write_bytes(os.urandom(700_000))
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnope")
    (server.base / "secret.txt").write_text("secret")
    (folder / "link.png").symlink_to(server.base / "secret.txt")
    (folder / "linked").symlink_to(server.base)
    (server.base / "output-evil").mkdir()
    (server.base / "output-evil" / "a.png").write_bytes(b"evil")
    Image.new("L", (3, 3)).save(server.base / "input" / "in.png")
    return folder


async def test_a_picture_comes_as_it_is(http: aiohttp.ClientSession, output: Path) -> None:
    async with http.get("/view?filename=a.png&subfolder=&type=output") as response:
        assert response.status == 200
        assert response.content_type == "image/png"
        assert response.headers["Content-Disposition"] == 'filename="a.png"'
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Content-Security-Policy"].startswith("sandbox")
        assert "Cache-Control" not in response.headers
        assert await response.read() == (output / "a.png").read_bytes()
    async with http.get("/api/view?filename=b.png&subfolder=sub") as response:
        assert response.status == 200
    async with http.get("/view", params={"filename": "in.png [input]", "type": "output"}) as response:
        assert response.status == 200
    async with http.head("/view?filename=a.png") as response:
        assert response.status == 200
        assert await response.read() == b""


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 404),
        ({"filename": ""}, 400),
        ({"filename": " [output]"}, 400),
        ({"filename": "/etc/passwd"}, 400),
        ({"filename": "../secret.txt"}, 400),
        ({"filename": "..%2fsecret.txt"}, 400),
        ({"filename": "a..png"}, 400),
        ({"filename": "a.png", "type": "models"}, 400),
        ({"filename": "a.png", "type": "../output"}, 400),
        ({"filename": "a.png", "subfolder": ".."}, 403),
        ({"filename": "a.png", "subfolder": "../output-evil"}, 403),
        ({"filename": "a.png", "subfolder": "/etc"}, 403),
        ({"filename": "a.png", "subfolder": "..\\x"}, 403),
        ({"filename": "a\0.png"}, 400),
        ({"filename": "a\n.png"}, 400),
        ({"filename": "C:\\a.png"}, 400),
        ({"filename": "x" * 5000}, 400),
        ({"filename": "nothing.png"}, 404),
        ({"filename": "sub"}, 404),
        ({"filename": "link.png"}, 404),
        ({"filename": "secret.txt", "subfolder": "linked"}, 404),
        ({"filename": "a.png", "subfolder": "x" * 300}, 403),
        ({"filename": "broken.png", "preview": "webp"}, 400),
        ({"filename": "broken.png", "channel": "a"}, 400),
        ({"filename": "nothing.png", "preview": "webp"}, 404),
        ({"filename": "link.png", "preview": "webp"}, 404),
    ],
)
async def test_what_is_not_to_be_seen_is_refused(
    http: aiohttp.ClientSession, output: Path, query: dict[str, str], status: int
) -> None:
    async with http.get("/view", params=query) as response:
        assert response.status == status
        assert (await response.json())["error"]["message"]


async def test_only_the_last_component_of_a_filename_counts(
    http: aiohttp.ClientSession, output: Path
) -> None:
    async with http.get("/view?filename=elsewhere/a.png") as response:
        assert response.status == 200


@pytest.mark.parametrize(
    "name",
    [
        "x.html",
        "x.HTM",
        "x.xhtml",
        "x.svg",
        "x.xml",
        "x.mhtml",
        "x.js",
        "x.css",
        "x.pdf",
        "x.wasm",
        "x",
        "x.png.html",
    ],
)
async def test_active_content_is_never_shown(http: aiohttp.ClientSession, output: Path, name: str) -> None:
    (output / name).write_text("<script>alert(1)</script>")
    async with http.get("/view", params={"filename": name}) as response:
        assert response.content_type == "application/octet-stream"
        assert response.headers["Content-Disposition"].startswith("attachment")
        assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_drawing_is_shown_only_as_a_picture(http: aiohttp.ClientSession, output: Path) -> None:
    (output / "d.svg").write_text("<svg/>")
    async with http.get("/view?filename=d.svg", headers={"Sec-Fetch-Dest": "image"}) as response:
        assert response.content_type == "image/svg+xml"
        assert response.headers["Vary"] == "Sec-Fetch-Dest"
        assert response.headers["Content-Security-Policy"].startswith("sandbox")
    async with http.get("/view?filename=d.svg", headers={"Sec-Fetch-Dest": "document"}) as response:
        assert response.content_type == "application/octet-stream"


async def test_names_cannot_break_the_header(http: aiohttp.ClientSession, output: Path) -> None:
    (output / 'a"b ü.png').write_bytes(b"")
    async with http.get("/view", params={"filename": 'a"b ü.png'}) as response:
        assert response.status == 200
        assert (
            response.headers["Content-Disposition"]
            == "filename=\"a_b _.png\"; filename*=UTF-8''a%22b%20%C3%BC.png"
        )


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("preview=webp;90", "webp"),
        ("preview=jpeg", "jpeg"),
        ("preview=jpeg;50", "jpeg"),
        ("preview=x;y", "webp"),
        ("preview=", "webp"),
        ("preview=jpeg&channel=rgba", "webp"),
        ("preview=webp;9999", "webp"),
        ("channel=rgb", "png"),
        ("channel=a", "png"),
    ],
)
async def test_previews_and_channels_are_made(
    http: aiohttp.ClientSession, output: Path, query: str, kind: str
) -> None:
    async with http.get(f"/view?filename=a.png&{query}") as response:
        assert response.status == 200
        assert response.content_type == f"image/{kind}"
        picture = Image.open(io.BytesIO(await response.read()))
    assert picture.size == (6, 4)
    assert picture.format == kind.upper()
    if query == "channel=rgb":
        assert picture.mode == "RGB"
    if query == "channel=a":
        assert picture.getpixel((0, 0)) == (0, 0, 0, 128)


async def test_a_picture_that_claims_to_be_huge_is_refused(http: aiohttp.ClientSession, output: Path) -> None:
    data = bytearray((output / "a.png").read_bytes())
    data[16:24] = (60000).to_bytes(4, "big") * 2
    import zlib

    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    (output / "huge.png").write_bytes(data)
    async with http.get("/view?filename=huge.png&preview=webp") as response:
        assert response.status == 400


@pytest.mark.parametrize(
    ("asked", "status", "first", "last"),
    [
        ("bytes=0-9", 206, 0, 9),
        ("bytes=699990-", 206, 699_990, 699_999),
        ("bytes=-10", 206, 699_990, 699_999),
        ("bytes=0-999999999", 206, 0, 699_999),
        ("bytes=0-1,5-6", 200, 0, 699_999),
        ("bytes=0-,0-,0-", 200, 0, 699_999),
        ("lines=0-1", 200, 0, 699_999),
        ("bytes=700000-", 416, 0, 0),
        ("bytes=9-3", 416, 0, 0),
        ("bytes=-0", 416, 0, 0),
    ],
)
async def test_ranges(
    http: aiohttp.ClientSession, output: Path, asked: str, status: int, first: int, last: int
) -> None:
    data = (output / "big.bin").read_bytes()
    async with http.get("/view?filename=big.bin", headers={"Range": asked}) as response:
        assert response.status == status
        if status == 416:
            assert response.headers["Content-Range"] == "bytes */700000"
            return
        assert await response.read() == data[first : last + 1]
        if status == 206:
            assert response.headers["Content-Range"] == f"bytes {first}-{last}/700000"


async def test_unchanged_files_are_not_sent_again(http: aiohttp.ClientSession, output: Path) -> None:
    async with http.get("/view?filename=a.png") as response:
        tag, date = response.headers["ETag"], response.headers["Last-Modified"]
    for headers in ({"If-None-Match": tag}, {"If-None-Match": f'"x", W/{tag}'}, {"If-Modified-Since": date}):
        async with http.get("/view?filename=a.png", headers=headers) as response:
            assert response.status == 304
    for headers in ({"If-None-Match": '"x"'}, {"If-Modified-Since": "nonsense"}):
        async with http.get("/view?filename=a.png", headers=headers) as response:
            assert response.status == 200


async def test_the_newest_outputs_are_listed_first(http: aiohttp.ClientSession, output: Path) -> None:
    os.utime(output / "big.bin", (4e9, 4e9))
    async with http.get("/internal/files/output") as response:
        names = await response.json()
    assert names[0] == "big.bin"
    assert "link.png" not in names
    async with http.get("/internal/files/models") as response:
        assert response.status == 400


@pytest.mark.parametrize("filename", [".", "./", "./.", "sub/."])
@pytest.mark.parametrize("more", ["", "&subfolder=sub", "&preview=webp"])
async def test_a_name_of_a_folder_names_no_file(
    http: aiohttp.ClientSession, output: Path, filename: str, more: str
) -> None:
    async with http.get(f"/view?filename={filename}{more}") as response:
        assert response.status in {400, 404}
        assert (await response.json())["error"]["message"]

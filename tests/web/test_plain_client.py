"""A client made of nothing but the standard library, doing what the ecosystem's example programs do."""

import base64
import json
import os
import re
import runpy
import socket
import struct
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.web.client import Server, picture_prompt

GUIDE = Path(__file__).parents[2] / "docs" / "api.md"


class PlainSocket:
    """The client's half of the websocket protocol, as far as listening needs it."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.stream = connection.makefile("rb")

    def shake_hands(self, host: str, path: str) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade"]
        lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", ""]
        self.connection.sendall("\r\n".join(lines).encode())
        assert b" 101 " in self.stream.readline()
        while self.stream.readline().strip():
            pass

    def receive(self) -> str | bytes:
        first, second = self.stream.read(2)
        assert first & 0x80, "the message comes in one frame"
        length = second & 0x7F
        if length == 126:
            [length] = struct.unpack(">H", self.stream.read(2))
        elif length == 127:
            [length] = struct.unpack(">Q", self.stream.read(8))
        payload = self.stream.read(length)
        return payload.decode() if first & 0x0F == 1 else payload


@contextmanager
def plain_socket(server: Server, client_id: str) -> Iterator[PlainSocket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        plain = PlainSocket(connection)
        plain.shake_hands(f"127.0.0.1:{server.port}", f"/ws?clientId={client_id}")
        with plain.stream:
            yield plain


def queue_prompt(server: Server, prompt: dict[str, Any], client_id: str) -> str:
    data = json.dumps({"prompt": prompt, "client_id": client_id}).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{server.url}/prompt", data=data)) as response:
        return str(json.loads(response.read())["prompt_id"])


def get_images(server: Server, prompt_id: str) -> list[bytes]:
    with urllib.request.urlopen(f"{server.url}/history/{prompt_id}") as response:
        outputs = json.loads(response.read())[prompt_id]["outputs"]
    images = []
    for output in outputs.values():
        for image in output.get("images", []):
            query = urllib.parse.urlencode(image)
            with urllib.request.urlopen(f"{server.url}/view?{query}") as response:
                images.append(response.read())
    return images


@pytest.mark.parametrize("colour", ["red", "green"])
def test_a_plain_client_gets_its_picture(server: Server, colour: str) -> None:
    with plain_socket(server, "plain-client") as plain:
        prompt_id = queue_prompt(server, picture_prompt(colour=colour, width=33), "plain-client")
        while True:
            out = plain.receive()
            if isinstance(out, str):
                message = json.loads(out)
                if message["type"] == "executing":
                    data = message["data"]
                    if data["node"] is None and data["prompt_id"] == prompt_id:
                        break
    [picture] = get_images(server, prompt_id)
    with Image.open(BytesIO(picture)) as image:
        assert image.size == (33, 8)
        assert image.convert("RGB").getpixel((0, 0)) == {"red": (255, 0, 0), "green": (0, 128, 0)}[colour]


def test_the_client_of_the_guide_runs(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [program] = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert len(program.splitlines()) <= 30
    (tmp_path / "client.py").write_text(program.replace("http://127.0.0.1:8188", server.url))
    (tmp_path / "workflow_api.json").write_text(json.dumps(picture_prompt(width=34)))
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(tmp_path / "client.py"), run_name="__main__")
    [saved] = tmp_path.glob("*.png")
    with Image.open(saved) as image:
        assert image.size == (34, 8)

"""Does what is asked of the Hub arrive, and only that? A small hub on this machine stands for it."""

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from loaders import hub
from loaders.hub import Reference, choose, fetch, parse_reference
from nodes.api.errors import NodeError

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {
    "model_index.json": b"{}",
    "unet/config.json": b"{}",
    "unet/diffusion_pytorch_model.fp16.safetensors": b"half",
    "unet/diffusion_pytorch_model.safetensors": b"full precision",
    "everything.safetensors": b"all of it again",
    "pipeline.py": b"raise SystemExit('code of the repository ran')",
}


class Hub(BaseHTTPRequestHandler):
    """Answers for one repository, as the Hub does."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def answer(self, *, with_body: bool) -> None:
        path = self.path.partition("?")[0]
        if path.startswith("/api/models/artist/model/tree/"):
            tree = [
                {"type": "file", "path": name, "size": len(data), "oid": "0" * 40}
                for name, data in FILES.items()
            ]
            self.reply(json.dumps(tree).encode(), with_body)
        elif path.startswith("/api/models/artist/model"):
            siblings = [{"rfilename": name} for name in FILES]
            self.reply(
                json.dumps({"id": "artist/model", "sha": COMMIT, "siblings": siblings}).encode(), with_body
            )
        elif path.startswith("/artist/model/resolve/") and (name := path.split("/", 5)[5]) in FILES:
            self.asked.append(name)
            self.reply(FILES[name], with_body, ETag=f'"{hashlib.sha1(FILES[name]).hexdigest()}"')
        else:
            self.reply(b"no such thing", with_body, 404)

    def reply(self, body: bytes, with_body: bool, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Repo-Commit", COMMIT)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def small_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hub]]:
    import huggingface_hub
    from huggingface_hub import constants

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
    api = huggingface_hub.HfApi(endpoint=address)
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: api)
    original = huggingface_hub.snapshot_download
    monkeypatch.setattr(
        huggingface_hub,
        "snapshot_download",
        lambda *a, **k: original(*a, **k, endpoint=address, cache_dir=tmp_path / "cache"),
    )
    download = huggingface_hub.hf_hub_download
    monkeypatch.setattr(
        huggingface_hub,
        "hf_hub_download",
        lambda *a, **k: download(*a, **k, endpoint=address, cache_dir=tmp_path / "cache"),
    )
    Hub.asked = []
    yield Hub
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_pipeline_comes_without_code_and_without_a_second_copy(small_hub: type[Hub]) -> None:
    folder = fetch("artist/model")
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert found == {"model_index.json", "unet/config.json", "unet/diffusion_pytorch_model.fp16.safetensors"}
    assert set(small_hub.asked) == found
    small_hub.asked.clear()
    assert fetch(f"artist/model@{COMMIT}") == folder
    assert not small_hub.asked


def test_one_file_comes_alone(small_hub: type[Hub]) -> None:
    told: list[str] = []
    path = fetch("artist/model/everything.safetensors", told.append)
    assert path.read_bytes() == b"all of it again"
    assert set(small_hub.asked) == {"everything.safetensors"}
    assert told == ["fetching artist/model/everything.safetensors"]


@pytest.mark.parametrize("reference", ["artist/model/missing.safetensors", "nobody/nothing"])
def test_what_is_not_there_is_told(small_hub: type[Hub], reference: str) -> None:
    with pytest.raises(NodeError, match=f"{reference} cannot be had from the Hub"):
        fetch(reference)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a/b", Reference("a/b")),
        ("a/b@main", Reference("a/b", None, "main")),
        ("a/b/c/d.safetensors", Reference("a/b", "c/d.safetensors")),
        ("a/b/c.bin@refs/pr/1", Reference("a/b", "c.bin", "refs/pr/1")),
    ],
)
def test_references_are_read(text: str, expected: Reference) -> None:
    assert parse_reference(text) == expected


@pytest.mark.parametrize("text", ["", "a", "/a/b", "a/b/../c", "../a/b", "https://x/a/b", "a/b@", "a b/c"])
def test_malformed_references_are_refused(text: str) -> None:
    with pytest.raises(NodeError, match="no place on the Hub"):
        parse_reference(text)


def test_shards_stay_together_and_pickles_come_last() -> None:
    shards = [f"unet/model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    assert choose(["unet/model.bin", *shards]) == shards
    assert choose(["model.bin", "a/b/c.safetensors"]) == ["model.bin"]


def test_of_several_networks_the_usual_name_is_meant_or_none() -> None:
    assert choose(["other.safetensors", "model.safetensors"]) == ["model.safetensors"]
    with pytest.raises(NodeError, match=r"holds 2 files of weights; .*: a\.safetensors, b\.safetensors"):
        choose(["README.md", "a.safetensors", "b.safetensors"])


def test_without_the_library_its_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(hub.importlib, "import_module", missing)
    with pytest.raises(NodeError, match=r"requirements-hub\.txt"):
        fetch("a/b")

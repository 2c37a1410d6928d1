import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from loaders.embeddings import embedding_finder, find_file, read_embedding
from loaders.errors import BrokenFile
from loaders.folders import Folders

TWO = torch.arange(12.0).reshape(2, 6)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    made = Folders(tmp_path)
    made.create()
    return made


def pickled(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, path)
    return path


def test_a_name_is_found_with_and_without_ending_and_below_other_folders(folders: Folders) -> None:
    root = folders.models / "embeddings"
    for name in ("a.pt", "a.safetensors", "deep/er/b.bin", "deep/c.pt", "c.safetensors"):
        pickled(root / name, {"x": TWO})
    expected = {
        "a": "a.safetensors",
        "a.pt": "a.pt",
        "b": "deep/er/b.bin",
        "er/b": "deep/er/b.bin",
        "c": "c.safetensors",
        "deep/c": "deep/c.pt",
        "deep\\c": "deep/c.pt",
    }
    for name, path in expected.items():
        assert find_file(folders, name) == root / path
    for name in ("", "gone", "../a", "/etc/passwd", "deep"):
        assert find_file(folders, name) is None


CONTENTS: list[tuple[str, Any, Tensor]] = [
    ("string_to_param", {"string_to_token": {"*": 265}, "string_to_param": {"*": TWO}, "name": "x"}, TWO),
    ("one key", {"<token>": TWO}, TWO),
    ("first tensor", {"name": "x", "<token>": TWO, "step": torch.tensor(3)}, TWO),
    ("one row", {"emb_params": TWO[0]}, TWO[:1]),
    ("by encoder", {"clip_g": torch.zeros(2, 9), "clip_l": TWO}, TWO),
    ("list of tables", [{"a": TWO, "b": torch.zeros(1, 9)}, {"c": TWO[0]}], torch.cat([TWO, TWO[:1]])),
    (
        "bundle",
        {"bundle_emb.x.string_to_param.*": TWO, "bundle_emb.y.string_to_param.*": TWO},
        TWO.repeat(2, 1),
    ),
    ("bundle by encoder", {"bundle_emb.x.clip_l": TWO, "bundle_emb.x.clip_g": torch.zeros(1, 9)}, TWO),
    ("bare tensor", TWO, TWO),
]


def test_a_table_of_parameters_is_read_without_its_code(tmp_path: Path) -> None:
    """The first training programs pickled torch's own class for them."""
    table = nn.ParameterDict({"*": nn.Parameter(torch.randn(2, 1024))})
    path = pickled(tmp_path / "x.pt", {"string_to_token": {"*": torch.tensor(265)}, "string_to_param": table})
    assert torch.equal(read_embedding(path, 1024, "clip_h"), table["*"])


@pytest.mark.parametrize("names", [("clip_l", "clip_g"), ("text_encoders_0", "text_encoders_1")])
def test_a_file_for_two_encoders_gives_each_its_own(tmp_path: Path, names: tuple[str, str]) -> None:
    wide = torch.arange(16.0).reshape(2, 8)
    save_file({names[1]: wide, names[0]: TWO}, tmp_path / "x.safetensors")
    assert torch.equal(read_embedding(tmp_path / "x.safetensors", 6, "clip_l"), TWO)
    assert torch.equal(read_embedding(tmp_path / "x.safetensors", 8, "clip_g"), wide)


@pytest.mark.parametrize(("name", "content", "expected"), CONTENTS, ids=[c[0] for c in CONTENTS])
def test_vectors_are_found_where_each_program_puts_them(
    tmp_path: Path, name: str, content: Any, expected: Tensor
) -> None:
    assert torch.equal(read_embedding(pickled(tmp_path / "x.pt", content), 6, "clip_l"), expected)


def test_safetensors_hold_embeddings_too(tmp_path: Path) -> None:
    save_file({"emb_params": TWO.half()}, tmp_path / "x.safetensors")
    vectors = read_embedding(tmp_path / "x.safetensors", 6, "clip_l")
    assert vectors.dtype == torch.float32
    assert torch.equal(vectors, TWO)


class Attack:
    def __reduce__(self) -> Any:
        return os.system, ("exit 1",)


def test_an_archive_with_code_gives_its_raw_numbers_or_is_refused(tmp_path: Path) -> None:
    wide = torch.randn(3, 768)
    path = pickled(tmp_path / "x.pt", {"a": torch.zeros(2), "v": wide, "bad": Attack()})
    assert torch.equal(read_embedding(path, 768, "clip_l"), wide)
    with pytest.raises(BrokenFile, match="refused"):
        read_embedding(pickled(tmp_path / "y.pt", {"v": TWO, "bad": Attack()}), 768, "clip_l")


@pytest.mark.parametrize(
    "content", [{}, {"a": "text"}, [], torch.tensor(1.0), {"string_to_param": {"*": "x"}}]
)
def test_a_file_without_vectors_is_refused(tmp_path: Path, content: Any) -> None:
    with pytest.raises(BrokenFile):
        read_embedding(pickled(tmp_path / "x.pt", content), 6, "clip_l")


def test_the_finder_reads_each_file_once_and_knows_what_is_not_there(folders: Folders) -> None:
    path = pickled(folders.models / "embeddings" / "mine.pt", {"x": TWO})
    find = embedding_finder(folders)
    found = find("mine", 6, "clip_l")
    assert found is not None
    assert find("gone", 6, "clip_l") is None
    path.unlink()
    assert find("mine", 6, "clip_l") is found


def test_an_archive_of_huge_entries_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data/0", b"\0" * (2**28 + 4))
    with pytest.raises(BrokenFile):
        read_embedding(path, 768, "clip_l")

import pytest

from loaders.extra_paths import ExtraPathsError, read_extra_paths
from loaders.folders import Folders

CONFIG = """
other:
    base_path: elsewhere
    checkpoints: models/Stable-diffusion
    loras: |
        models/Lora
        $MORE_LORAS

first:
    is_default: true
    checkpoints: first
    brand_new: new/
empty:
"""


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("MORE_LORAS", str(tmp_path / "more"))
    path = tmp_path / "extra.yaml"
    path.write_text(CONFIG)
    return path


def test_folders_are_read_relative_to_their_file(config, tmp_path):
    found = read_extra_paths([config])
    other = tmp_path / "elsewhere" / "models"
    assert found.after == {
        "checkpoints": [other / "Stable-diffusion"],
        "loras": [other / "Lora", tmp_path / "more"],
    }
    assert found.before == {"checkpoints": [tmp_path / "first"], "brand_new": [tmp_path / "new"]}


def test_default_folders_are_searched_before_the_users_own(config, tmp_path):
    found = read_extra_paths([config])
    folders = Folders(tmp_path / "base", extra=found.after, preferred=found.before)
    assert folders.roots("checkpoints") == [
        tmp_path / "first",
        tmp_path / "base" / "models" / "checkpoints",
        tmp_path / "elsewhere" / "models" / "Stable-diffusion",
        tmp_path / "base" / "output" / "checkpoints",
    ]
    assert folders.keys()[-1] == "brand_new"
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "x.bin").write_bytes(b"x")
    assert folders.names("brand_new") == ["x.bin"]


@pytest.mark.parametrize("text", ["a: [", "- 1", "a: text", "\x00"])
def test_a_file_that_cannot_be_used_is_named(tmp_path, text):
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    with pytest.raises(ExtraPathsError, match=r"broken\.yaml"):
        read_extra_paths([path])
    with pytest.raises(ExtraPathsError, match=r"missing\.yaml"):
        read_extra_paths([tmp_path / "missing.yaml"])


def test_an_empty_file_names_nothing(tmp_path):
    path = tmp_path / "empty.yaml"
    path.write_text("# nothing\n")
    assert read_extra_paths([path]) == read_extra_paths([])

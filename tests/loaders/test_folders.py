import re
import threading
from pathlib import Path

import pytest

from loaders.folders import Folders
from nodes.api.errors import NodeError


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    made = Folders(tmp_path / "user", bundled=tmp_path / "assets" / "models")
    made.create()
    return made


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def test_model_files_are_listed_recursively_sorted_and_only_with_known_endings(folders: Folders) -> None:
    root = folders.models / "checkpoints"
    for name in ("b.safetensors", "a/c.CKPT", "notes.txt", ".git/d.pt"):
        touch(root / name)
    assert folders.names("checkpoints") == [str(Path("a", "c.CKPT")), "b.safetensors"]


def test_bundled_and_extra_files_follow_the_users_own_and_never_hide_them(tmp_path: Path) -> None:
    extra = tmp_path / "elsewhere"
    made = Folders(tmp_path, bundled=tmp_path / "assets", extra={"loras": [extra], "my_kind": [extra]})
    bundled = touch(tmp_path / "assets" / "loras" / "outline.safetensors")
    touch(tmp_path / "assets" / "loras" / "same.safetensors")
    own = touch(tmp_path / "models" / "loras" / "same.safetensors")
    touch(extra / "third.safetensors")
    assert made.names("loras") == ["outline.safetensors", "same.safetensors", "third.safetensors"]
    assert made.find("loras", "same.safetensors") == own
    assert made.find("loras", "outline.safetensors") == bundled
    assert made.names("my_kind") == ["third.safetensors"]
    assert made.keys()[-1] == "my_kind"


@pytest.mark.parametrize(("old", "new"), [("clip", "text_encoders"), ("unet", "diffusion_models")])
def test_both_folders_of_an_alias_pair_are_one_list_under_both_keys(
    folders: Folders, old: str, new: str
) -> None:
    touch(folders.models / old / "first.safetensors")
    touch(folders.models / new / "second.safetensors")
    assert folders.names(old) == folders.names(new) == ["first.safetensors", "second.safetensors"]


def test_a_link_to_a_folder_is_followed_and_a_circle_of_links_ends(folders: Folders, tmp_path: Path) -> None:
    touch(tmp_path / "store" / "x.safetensors")
    (folders.models / "vae" / "linked").symlink_to(tmp_path / "store")
    (tmp_path / "store" / "again").symlink_to(tmp_path / "store")
    assert folders.names("vae") == [str(Path("linked", "x.safetensors"))]
    assert folders.find("vae", "linked/x.safetensors").is_file()


def test_a_missing_file_is_refused_with_folder_name_and_places(folders: Folders) -> None:
    with pytest.raises(
        NodeError, match=r"checkpoints has no file 'gone.safetensors'; searched in .*checkpoints"
    ):
        folders.find("checkpoints", "gone.safetensors")
    with pytest.raises(NodeError, match="no model folder 'nonsense'"):
        folders.names("nonsense")


@pytest.mark.parametrize(
    "name",
    ["../secret", "a/../../secret", "/etc/passwd", "\\\\host\\share", "..\\secret", "a\0b", "//host/x"],
)
def test_names_that_lead_outside_are_refused(folders: Folders, tmp_path: Path, name: str) -> None:
    touch(tmp_path / "user" / "models" / "secret")
    for attempt in (
        lambda: folders.find("checkpoints", name),
        lambda: folders.input(name),
        lambda: folders.reserve(name, "png"),
    ):
        with pytest.raises(NodeError, match=r"outside|no file can have"):
            attempt()


def test_an_input_is_found_by_its_annotation(folders: Folders) -> None:
    paths = {kind: touch(folders.place(kind) / "sub" / "x.png") for kind in ("input", "output", "temp")}
    assert folders.input("sub/x.png") == paths["input"]
    for kind, path in paths.items():
        assert folders.input(f"sub/x.png [{kind}]") == path
    with pytest.raises(NodeError, match=r"the output folder has no file 'y.png'"):
        folders.input("y.png [output]")


def test_an_input_that_is_a_link_to_outside_is_refused(folders: Folders, tmp_path: Path) -> None:
    secret = touch(tmp_path / "secret.png")
    (folders.place("input") / "x.png").symlink_to(secret)
    with pytest.raises(NodeError, match=r"no file 'x.png'"):
        folders.input("x.png")


def test_inputs_are_listed_by_kind(folders: Folders) -> None:
    for name in ("b.png", "a.webp", "c.wav", "d.txt", "sub/e.png"):
        touch(folders.place("input") / name)
    assert folders.names("input") == ["a.webp", "b.png", "c.wav", "d.txt"]
    assert folders.names("input:image") == ["a.webp", "b.png"]


def test_saved_files_are_counted_across_endings_and_gaps_are_not_filled(folders: Folders) -> None:
    for name in ("Sfumato_00007_.png", "Sfumato_00009_.mp4", "Sfumato_x_.png", "Other_00100_.png"):
        touch(folders.place("output") / name)
    saved = folders.reserve("Sfumato", "png")
    assert saved.filename == "Sfumato_00010_.png"
    assert saved.record() == {"filename": "Sfumato_00010_.png", "subfolder": "", "type": "output"}
    assert saved.path.read_bytes() == b""


def test_a_prefix_may_hold_folders_and_tokens(folders: Folders) -> None:
    saved = folders.reserve("%year%/pictures/%width%x%height%_%unknown%", ".png", width=64, height=32)
    assert re.fullmatch(r"\d{4}.pictures", saved.subfolder)
    assert saved.filename == "64x32_%unknown%_00001_.png"
    assert folders.reserve("sub/", "png").filename == "sub_00001_.png"
    assert folders.reserve("", "png").filename == "_00001_.png"
    assert folders.reserve("", "png").filename == "_00002_.png"
    assert folders.reserve("a", "png", temporary=True).type == "temp"


def test_a_folder_linked_to_outside_is_not_saved_into(folders: Folders, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (folders.place("output") / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(NodeError, match="saving outside the output folder"):
        folders.reserve("link/x", "png")


def test_two_savers_at_once_never_get_the_same_file(folders: Folders) -> None:
    names: list[str] = []

    def save() -> None:
        names.extend(folders.reserve("race", "png").filename for _ in range(25))

    threads = [threading.Thread(target=save) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(names)) == 100


def test_a_stamp_changes_with_the_file_and_is_none_without_one(folders: Folders) -> None:
    path = touch(folders.place("input") / "x.png")
    before = folders.stamp("input", "x.png")
    path.write_bytes(b"longer")
    assert before is not None
    assert folders.stamp("input", "x.png") != before
    assert folders.stamp("input", "gone.png") is None


def test_diffusers_repositories_are_listed_by_folder(folders: Folders) -> None:
    touch(folders.models / "diffusers" / "small" / "model_index.json")
    touch(folders.models / "diffusers" / "small" / "unet" / "config.json")
    assert folders.names("diffusers") == ["small"]
    assert folders.find("diffusers", "small").is_dir()


@pytest.mark.parametrize(
    ("prefix", "message"),
    [
        ("a" * 300, "File name too long"),
        ("taken/x", "File exists|Not a directory"),
        ("a\0b", "no file can have"),
    ],
)
def test_what_cannot_be_created_is_said_in_a_sentence(tmp_path: Path, prefix: str, message: str) -> None:
    folders = Folders(tmp_path)
    folders.create()
    (folders.place("output") / "taken").write_text("a file where a folder is asked for")
    with pytest.raises(NodeError, match=message):
        folders.reserve(prefix, "png")


def test_autoencoders_with_names_stand_behind_the_files(tmp_path: Path) -> None:
    folders = Folders(tmp_path)
    folders.create()
    assert folders.names("vae:named") == ["pixel_space"]
    (tmp_path / "models" / "vae" / "own.safetensors").write_bytes(b"12")
    approximate = tmp_path / "models" / "vae_approx"
    halves = [approximate / f"taesd_{half}.safetensors" for half in ("encoder", "decoder")]
    halves[0].write_bytes(b"123")
    assert folders.names("vae:named") == ["own.safetensors", "pixel_space"]
    halves[1].write_bytes(b"4567")
    assert folders.names("vae:named") == ["own.safetensors", "taesd", "pixel_space"]
    assert folders.names("vae") == ["own.safetensors"]
    assert folders.find("vae:named", "own.safetensors").name == "own.safetensors"
    stamps = [folders.stamp("vae:named", name) for name in ("own.safetensors", "taesd", "pixel_space")]
    assert [stamp and stamp[0] for stamp in stamps] == [2, 7, None]


def test_all_weights_are_listed_together_behind_the_keys_of_their_folders(folders: Folders) -> None:
    touch(folders.models / "checkpoints" / "a.safetensors")
    touch(folders.models / "unet" / "deep" / "b.gguf.pt")
    touch(folders.models / "configs" / "c.yaml")
    repository = folders.models / "diffusers" / "d"
    touch(repository / "model_index.json")
    deep = str(Path("deep", "b.gguf.pt"))
    assert folders.names("models:all") == [
        "checkpoints/a.safetensors",
        f"diffusion_models/{deep}",
        "diffusers/d",
    ]
    assert folders.find("models:all", f"diffusion_models/{deep}").name == "b.gguf.pt"
    before = folders.stamp("models:all", "diffusers/d")
    touch(repository / "unet" / "weights.safetensors")
    assert folders.stamp("models:all", "diffusers/d") != before
    for name in ("../x", "checkpoints/../../x", "nowhere/x", ""):
        with pytest.raises(NodeError):
            folders.find("models:all", name)


def test_the_index_of_shards_is_listed_for_them(folders: Folders) -> None:
    touch(folders.models / "diffusion_models" / "big" / "x.safetensors.index.json")
    touch(folders.models / "diffusion_models" / "big" / "config.json")
    assert folders.names("diffusion_models") == [str(Path("big", "x.safetensors.index.json"))]

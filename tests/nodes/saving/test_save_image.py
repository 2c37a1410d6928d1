import json
import logging
import os
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image
from PIL.Image import Image as Picture

from nodes.api.errors import Cancelled, NodeError
from nodes.saving.image import preview, preview_mask, save

PROMPT = {"1": {"class_type": "KSampler", "inputs": {"seed": 2**64 - 1, "text": "ünïcode 🙂"}}}
WORKFLOW = {"nodes": [], "version": 0.4}


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_saved_picture_carries_its_graph(make_context, tmp_path) -> None:
    ctx = make_context(PROMPT, {"workflow": WORKFLOW, "more": [1]})
    save(ctx, torch.rand(1, 4, 6, 3))
    with Image.open(tmp_path / "output" / "ComfyUI_00001_.png") as picture:
        assert picture.size == (6, 4)
        assert picture.mode == "RGB"
        assert {key: json.loads(value) for key, value in picture.text.items()} == {
            "prompt": PROMPT,
            "workflow": WORKFLOW,
            "more": [1],
        }
        assert list(picture.text) == ["prompt", "workflow", "more"]
        assert picture.text["prompt"].isascii()


def test_metadata_is_in_plain_text_chunks_before_the_pixels(make_context, tmp_path) -> None:
    save(make_context(PROMPT), torch.rand(1, 4, 6, 3))
    data = (tmp_path / "output" / "ComfyUI_00001_.png").read_bytes()
    assert 0 < data.index(b"tEXtprompt\0") < data.index(b"IDAT")


def test_nothing_is_attached_where_metadata_is_switched_off(make_context, tmp_path) -> None:
    save(make_context(None, None), torch.rand(1, 4, 6, 3))
    with Image.open(tmp_path / "output" / "ComfyUI_00001_.png") as picture:
        assert picture.text == {}


def test_values_are_truncated_and_clipped(ctx, tmp_path) -> None:
    values = torch.tensor([-1.0, 0.0, 0.999, 1.0, 2.0, 128.9 / 255]).reshape(1, 1, 6, 1).expand(1, 1, 6, 3)
    save(ctx, values)
    with Image.open(tmp_path / "output" / "ComfyUI_00001_.png") as picture:
        assert numpy.array(picture)[0, :, 0].tolist() == [0, 0, 254, 255, 255, 128]


def test_eight_bit_pictures_survive_saving_and_loading(ctx, folders) -> None:
    from nodes.loading.image import load_image

    levels = torch.randint(0, 256, (1, 9, 7, 3), generator=torch.Generator().manual_seed(0))
    save(ctx, levels / 255)
    image, _ = load_image(ctx, "ComfyUI_00001_.png [output]")
    assert torch.equal((image * 255).round().long(), levels)


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_channels_decide_the_mode(ctx, tmp_path, channels: int, mode: str) -> None:
    save(ctx, torch.rand(1, 4, 4, channels))
    with Image.open(tmp_path / "output" / "ComfyUI_00001_.png") as picture:
        assert picture.mode == mode


def test_other_channels_are_refused_and_leave_no_file(ctx, tmp_path) -> None:
    with pytest.raises(NodeError, match=r"\(4, 4, 2\)"):
        save(ctx, torch.rand(1, 4, 4, 2))
    assert files(tmp_path / "output") == []


def test_a_batch_counts_on_and_is_shown_in_order(ctx, tmp_path) -> None:
    save(ctx, torch.rand(2, 4, 4, 3), "sub/name")
    save(ctx, torch.rand(1, 4, 4, 3), "sub/name")
    assert files(tmp_path / "output") == [f"sub/name_{number:05}_.png" for number in (1, 2, 3)]
    assert ctx.shown["images"][1] == {
        "filename": "name_00002_.png",
        "subfolder": "sub",
        "type": "output",
    }


def test_names_follow_size_and_place_in_the_batch(ctx, tmp_path) -> None:
    save(ctx, torch.rand(2, 4, 6, 3), "%width%x%height%-%batch_num%")
    assert files(tmp_path / "output") == ["6x4-0_00001_.png", "6x4-1_00001_.png"]
    save(ctx, torch.rand(1, 4, 6, 3), "%width%x%height%-%batch_num%")
    assert "6x4-0_00002_.png" in files(tmp_path / "output")


def test_a_prefix_that_leads_outside_is_refused(ctx) -> None:
    with pytest.raises(NodeError, match="outside"):
        save(ctx, torch.rand(1, 4, 4, 3), "../../escape")


def test_a_failed_write_leaves_nothing_behind(ctx, tmp_path, monkeypatch) -> None:
    def broken(self, file, **options) -> None:
        file.write(b"half a pict")
        raise OSError("no space left on device")

    monkeypatch.setattr(Image.Image, "save", broken)
    with pytest.raises(OSError, match="no space"):
        save(ctx, torch.rand(1, 4, 4, 3))
    assert files(tmp_path / "output") == []


def test_a_cancelled_job_stops_between_pictures(make_context, tmp_path) -> None:
    answers = iter([False, True])
    with pytest.raises(Cancelled):
        save(make_context(is_cancelled=lambda: next(answers)), torch.rand(2, 4, 4, 3))
    assert files(tmp_path / "output") == ["ComfyUI_00001_.png"]


def test_values_that_are_no_numbers_are_black_and_said(ctx, tmp_path, caplog) -> None:
    image = torch.ones(1, 2, 2, 3)
    image[0, 0, 0, 0] = float("nan")
    with caplog.at_level(logging.WARNING):
        save(ctx, image)
    assert "no numbers" in caplog.text
    with Image.open(tmp_path / "output" / "ComfyUI_00001_.png") as picture:
        assert numpy.array(picture)[0, 0].tolist() == [0, 255, 255]


def test_a_preview_goes_to_the_temp_folder_under_a_new_name(make_context, tmp_path) -> None:
    first, second = make_context(PROMPT), make_context(PROMPT)
    preview(first, torch.rand(1, 4, 4, 3))
    preview(second, torch.rand(1, 4, 4, 3))
    records = first.shown["images"] + second.shown["images"]
    assert {record["type"] for record in records} == {"temp"}
    assert len({record["filename"] for record in records}) == 2
    with Image.open(tmp_path / "temp" / records[0]["filename"]) as picture:
        assert json.loads(picture.text["prompt"]) == PROMPT
    assert files(tmp_path / "output") == []


def test_a_mask_is_shown_grey_and_without_metadata(make_context, tmp_path) -> None:
    ctx = make_context(PROMPT)
    preview_mask(ctx, torch.full((4, 4), 0.5))
    assert ctx.shown["animated"] == [False]
    with Image.open(tmp_path / "temp" / ctx.shown["images"][0]["filename"]) as picture:
        assert numpy.array(picture)[0, 0].tolist() == [127, 127, 127]
        assert picture.text == {}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_said_in_a_sentence_and_leaves_nothing(ctx, folders, monkeypatch) -> None:
    real = Picture.save

    def on_a_full_disk(picture, file, **options) -> None:
        with Path("/dev/full").open("wb") as full:
            os.dup2(full.fileno(), file.fileno())
        real(picture, file, **options)

    monkeypatch.setattr(Picture, "save", on_a_full_disk)
    with pytest.raises(NodeError, match=r"cannot save .*x_00001_\.png: No space left on device"):
        save(ctx, torch.rand(1, 64, 64, 3), "x")
    assert list(folders.place("output").iterdir()) == []

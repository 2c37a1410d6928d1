import json

import pytest
import torch
from PIL import Image

from nodes.saving.animation import save_png, save_webp

PROMPT = {"1": {"class_type": "KSampler", "inputs": {}}}
WORKFLOW = {"nodes": []}


def frames(count: int) -> torch.Tensor:
    return torch.linspace(0, 1, count).reshape(count, 1, 1, 1).expand(count, 4, 6, 3)


@pytest.mark.parametrize(("save", "ending"), [(save_webp, "webp"), (save_png, "png")])
def test_every_picture_is_a_frame(make_context, tmp_path, save, ending: str) -> None:
    ctx = make_context(PROMPT, {"workflow": WORKFLOW})
    options = {"method": "default"} if ending == "webp" else {}
    save(ctx, images=frames(3), fps=24.0, **options)
    assert ctx.shown["animated"] == [True]
    (record,) = ctx.shown["images"]
    assert record["filename"] == f"ComfyUI_00001_.{ending}"
    with Image.open(tmp_path / "output" / record["filename"]) as picture:
        assert picture.n_frames == 3
        shades = []
        for frame in range(3):
            picture.seek(frame)
            picture.load()
            assert int(picture.info["duration"]) == 41
            shades.append(picture.convert("RGB").getpixel((0, 0))[0])
        assert shades == [0, 127, 255]


def test_a_webp_carries_its_graph_in_exif(make_context, tmp_path) -> None:
    save_webp(make_context(PROMPT, {"workflow": WORKFLOW}), images=frames(2), method="fastest")
    with Image.open(tmp_path / "output" / "ComfyUI_00001_.webp") as picture:
        exif = picture.getexif()
        assert exif[0x0110] == f"prompt:{json.dumps(PROMPT)}"
        assert exif[0x010F] == f"workflow:{json.dumps(WORKFLOW)}"


def test_an_animated_png_carries_its_graph_in_private_chunks(make_context, tmp_path) -> None:
    save_png(make_context(PROMPT, {"workflow": WORKFLOW}), images=frames(2))
    data = (tmp_path / "output" / "ComfyUI_00001_.png").read_bytes()
    chunk = b"comfprompt\0" + json.dumps(PROMPT).encode()
    assert data.index(b"IDAT") < data.index(chunk)
    assert b"comfworkflow\0" + json.dumps(WORKFLOW).encode() in data


def test_one_picture_is_no_animation(make_context) -> None:
    ctx = make_context()
    save_png(ctx, images=frames(1))
    assert "animated" not in ctx.shown

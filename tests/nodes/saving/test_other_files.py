import io
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from executor.run.events import NodePreview
from nodes.api.declare import node_of
from nodes.api.errors import NodeError
from nodes.loading.latent import load
from nodes.loading.painter import paint
from nodes.loading.picture import capture, load_output
from nodes.saving.compare import compare
from nodes.saving.files import write_file
from nodes.saving.image import save as save_image
from nodes.saving.latent import save as save_latent
from nodes.saving.text import save as save_text
from nodes.saving.text import save_drawings
from nodes.saving.websocket import send
from schedulers.latent import LatentBatch

PROMPT = {"1": {"class_type": "KSampler", "inputs": {"text": "]]> <svg>"}}}
GENERATOR = torch.Generator().manual_seed(0)


def test_two_pictures_are_shown_apart(ctx, tmp_path) -> None:
    compare(ctx, torch.zeros(2, 4, 4, 3), torch.ones(1, 4, 4, 3))
    assert [len(ctx.shown[key]) for key in ("a_images", "b_images")] == [2, 1]
    record = ctx.shown["b_images"][0]
    assert record["type"] == "temp"
    assert record["filename"].startswith("comfy.compare.b_")
    with Image.open(tmp_path / "temp" / record["filename"]) as picture:
        assert picture.getpixel((0, 0)) == (255, 255, 255)


def test_one_picture_is_compared_with_nothing(ctx) -> None:
    compare(ctx, image_b=torch.ones(1, 4, 4, 3))
    assert not ctx.shown.get("a_images")
    assert len(ctx.shown["b_images"]) == 1


@pytest.mark.parametrize(
    ("text", "form", "written"),
    [
        ("a,ü\n", "csv", "a,ü\n"),
        ('{"a":[1]}', "json", '{\n  "a": [\n    1\n  ]\n}'),
        ("no json", "json", "no json"),
        ("# x", "md", "# x"),
    ],
)
def test_texts_are_saved_and_pass(ctx, tmp_path, text: str, form: str, written: str) -> None:
    assert save_text(ctx, text, "notes/x", form) == text
    assert (tmp_path / "output" / "notes" / f"x_00001_.{form}").read_text(encoding="utf-8") == written


def test_drawings_carry_their_graph(make_context, tmp_path) -> None:
    ctx = make_context(PROMPT)
    drawing = '<?xml version="1.0"?>\n<svg width="3">\n<svg x="1"/></svg>'
    save_drawings(ctx, [drawing, b"<svg></svg>"], "d")
    first = (tmp_path / "output" / "d_00001_.svg").read_text()
    assert first.startswith('<?xml version="1.0"?>\n<svg width="3"><metadata><![CDATA[')
    assert first.count("<metadata>") == 1
    assert first.endswith('</metadata>\n<svg x="1"/></svg>')
    from xml.etree import ElementTree

    texts = ElementTree.fromstring(first).find("metadata").text
    assert json.loads(texts) == {"prompt": PROMPT}
    assert [record["filename"] for record in ctx.shown["images"]] == ["d_00001_.svg", "d_00002_.svg"]


def test_drawings_are_left_alone_without_a_graph(ctx, tmp_path) -> None:
    save_drawings(ctx, "<svg/>", "d")
    assert (tmp_path / "output" / "d_00001_.svg").read_text() == "<svg/>"
    with pytest.raises(NodeError, match="an SVG drawing is text, not int"):
        save_drawings(ctx, [3], "d")


def test_latents_come_back(make_context, tmp_path) -> None:
    ctx = make_context(PROMPT)
    samples = torch.randn(2, 4, 5, 6, generator=GENERATOR)
    save_latent(ctx, LatentBatch(samples, torch.ones(1, 1, 8, 8)))
    (record,) = ctx.shown["latents"]
    assert record == {"filename": "ComfyUI_00001_.latent", "subfolder": "latents", "type": "output"}
    path = tmp_path / "output" / "latents" / record["filename"]
    assert sorted(load_file(path)) == ["latent_format_version_0", "latent_tensor"]
    loaded = load(ctx, "latents/ComfyUI_00001_.latent [output]")
    assert torch.equal(loaded.samples, samples)
    assert loaded.noise_mask is None


def test_old_latents_are_scaled_back(ctx, tmp_path) -> None:
    samples = torch.randn(1, 4, 2, 2, generator=GENERATOR)
    save_file({"latent_tensor": samples.half()}, tmp_path / "input" / "old.latent")
    torch.testing.assert_close(load(ctx, "old.latent").samples, samples.half().float() / 0.18215)
    assert ctx.files.names("input:latent") == ["old.latent"]


def test_what_is_no_latent_is_refused(ctx, tmp_path) -> None:
    (tmp_path / "input" / "x.latent").write_bytes(b"not a tensor at all")
    with pytest.raises(NodeError, match=r"x\.latent cannot be read as a latent"):
        load(ctx, "x.latent")
    save_file({"other": torch.zeros(1)}, tmp_path / "input" / "y.latent")
    with pytest.raises(NodeError, match=r"y\.latent holds no latent_tensor, but other"):
        load(ctx, "y.latent")


def test_saved_pictures_are_opened_again(ctx) -> None:
    levels = torch.randint(0, 256, (1, 6, 5, 3), generator=GENERATOR) / 255
    save_image(ctx, levels)
    name = ctx.shown["images"][0]["filename"]
    for written in (f"{name} [output]", name):
        torch.testing.assert_close(load_output(ctx, written)[0], levels, atol=1 / 254, rtol=0)
    torch.testing.assert_close(capture(ctx, f"{name} [output]"), levels, atol=1 / 254, rtol=0)
    with pytest.raises(NodeError, match="no picture was taken yet"):
        capture(ctx, "")


def painted(tmp_path: Path) -> str:
    picture = Image.new("RGBA", (64, 80), (0, 0, 0, 0))
    picture.paste((255, 0, 51, 255), (0, 0, 32, 80))
    picture.paste((0, 255, 0, 51), (32, 0, 64, 80))
    (tmp_path / "input" / "painter").mkdir()
    picture.save(tmp_path / "input" / "painter" / "x.png")
    return "painter/x.png"


def test_strokes_are_laid_over_a_sheet(ctx: Any, tmp_path: Path) -> None:
    name = painted(tmp_path)
    image, mask = paint(ctx, mask=name, width=64, height=80, bg_color="#ff0000")
    assert image.shape == (1, 80, 64, 3)
    assert image[0, 0, 0].tolist() == pytest.approx([1, 0, 0.2])
    assert image[0, 0, 40].tolist() == pytest.approx([0.8, 0.2, 0])
    assert [mask[0, 5, 5], mask[0, 5, 40]] == pytest.approx([1, 0.2])


def test_strokes_are_fitted_to_a_picture(ctx: Any, tmp_path: Path) -> None:
    image, mask = paint(ctx, torch.zeros(2, 40, 32, 3), mask=painted(tmp_path))
    assert image.shape == (2, 40, 32, 3)
    assert mask.shape == (1, 40, 32)
    assert image[1, 20, 5].tolist() == pytest.approx([1, 0, 0.2])


def test_nothing_painted_changes_nothing(ctx: Any) -> None:
    base = torch.rand(1, 8, 8, 3, generator=GENERATOR)
    image, mask = paint(ctx, base)
    assert torch.equal(image, base)
    assert mask.shape == (1, 8, 8)
    assert mask.sum() == 0


def test_a_file_that_cannot_be_written_leaves_nothing(ctx: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    saved = ctx.files.reserve("x", "txt")
    monkeypatch.setattr("os.replace", full)
    with pytest.raises(NodeError, match=r"cannot save .*x_00001_\.txt: No space left on device"):
        write_file(saved, b"data")
    assert list(saved.path.parent.iterdir()) == []


def test_pictures_are_sent_whole_even_without_previews(make_context, tmp_path) -> None:
    ctx = make_context(preview_method="none")
    images = torch.randint(0, 256, (2, 300, 700, 4), generator=GENERATOR) / 255
    send(ctx, images)
    sent = [event for event in ctx.events if isinstance(event, NodePreview)]
    assert [(event.format, event.width, event.height) for event in sent] == [("png", 700, 300)] * 2
    with Image.open(io.BytesIO(sent[1].data)) as picture:
        assert picture.mode == "RGBA"
        assert list(picture.tobytes()[:8]) == (images[1, 0, :2] * 255).to(torch.uint8).flatten().tolist()
    assert list((tmp_path / "output").iterdir()) == []
    assert math.isnan(node_of(send).fingerprint(images=None))

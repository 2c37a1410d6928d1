"""Deep PNG, OpenEXR and AVIF, each read back by something that did not write it."""

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from PIL import Image

from nodes.api.declare import node_of
from nodes.api.errors import NodeError
from nodes.saving.advanced import Avif, Exr, Moving, Png, Still, hlg_to_light, save

PROMPT = {"1": {"class_type": "KSampler", "inputs": {"seed": 1}}}
WORKFLOW = {"nodes": [], "name": "ü"}
GENERATOR = torch.Generator().manual_seed(0)


def read_deep_png(data: bytes) -> tuple[numpy.ndarray, dict[str, str]]:
    """The samples (H, W, C) and texts of a 16-bit PNG without interlacing."""
    place, packed, texts = 8, b"", {}
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        kind, body = data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        assert struct.unpack(">I", data[place + 8 + length : place + 12 + length])[0] == zlib.crc32(
            kind + body
        )
        place += 12 + length
        if kind == b"IHDR":
            width, height, depth, colour, *rest = struct.unpack(">IIBBBBB", body)
            assert (depth, rest) == (16, [0, 0, 0])
            channels = {0: 1, 2: 3, 6: 4}[colour]
        elif kind == b"tEXt":
            key, _, text = body.partition(b"\0")
            texts[key.decode("latin-1")] = text.decode("latin-1")
        elif kind == b"IDAT":
            packed += body
    raw = zlib.decompress(packed)
    stride = width * channels * 2
    above, rows = bytes(stride), []
    for row in range(height):
        start = row * (stride + 1)
        assert raw[start] in (0, 2)
        line = raw[start + 1 : start + 1 + stride]
        above = bytes((a + b) % 256 for a, b in zip(line, above, strict=True)) if raw[start] else line
        rows.append(above)
    return numpy.frombuffer(b"".join(rows), ">u2").reshape(height, width, channels), texts


def read_exr(data: bytes) -> tuple[dict[str, numpy.ndarray], dict[str, tuple[str, bytes]]]:
    """The channels (H, W) by name and the attributes of a ZIP-compressed scan line file."""

    def word(place: int) -> tuple[str, int]:
        end = data.index(b"\0", place)
        return data[place:end].decode(), end + 1

    assert struct.unpack("<i", data[:4])[0] == 20000630
    place, attributes = 8, {}
    while data[place]:
        name, place = word(place)
        kind, place = word(place)
        (length,) = struct.unpack("<i", data[place : place + 4])
        attributes[name] = (kind, data[place + 4 : place + 4 + length])
        place += 4 + length
    left, top, right, bottom = struct.unpack("<4i", attributes["dataWindow"][1])
    width, height = right - left + 1, bottom - top + 1
    listed, names = attributes["channels"][1], []
    at = 0
    while listed[at]:
        end = listed.index(b"\0", at)
        (kind,) = struct.unpack("<i", listed[end + 1 : end + 5])
        names.append((listed[at:end].decode(), {1: "<f2", 2: "<f4"}[kind]))
        at = end + 17
    size = sum(numpy.dtype(kind).itemsize for _, kind in names) * width
    found = {name: numpy.zeros((height, width), kind) for name, kind in names}
    blocks = -(-height // 16)
    for offset in struct.unpack(f"<{blocks}Q", data[place + 1 : place + 1 + 8 * blocks]):
        first, length = struct.unpack("<ii", data[offset : offset + 8])
        lines = min(16, height - first)
        body = data[offset + 8 : offset + 8 + length]
        if length < size * lines:
            values = list(zlib.decompress(body))
            for index in range(1, len(values)):
                values[index] = (values[index - 1] + values[index] - 128) % 256
            half = (len(values) + 1) // 2
            mixed = bytearray(len(values))
            mixed[0::2], mixed[1::2] = bytes(values[:half]), bytes(values[half:])
            body = bytes(mixed)
        at = 0
        for line in range(first, first + lines):
            for name, kind in names:
                step = numpy.dtype(kind).itemsize * width
                found[name][line] = numpy.frombuffer(body[at : at + step], kind)
                at += step
    return found, attributes


def saved(ctx: Any, tmp_path: Path) -> list[Path]:
    return [tmp_path / "output" / item["filename"] for item in ctx.shown["images"]]


@pytest.fixture
def context(make_context) -> Any:
    return make_context(PROMPT, {"workflow": WORKFLOW})


def test_eight_bits_are_those_of_save_image(context, tmp_path) -> None:
    images = torch.rand(2, 5, 7, 3, generator=GENERATOR)
    assert save(context, images, "x", format=Png()) is images
    paths = saved(context, tmp_path)
    assert [path.name for path in paths] == ["x_00001_.png", "x_00002_.png"]
    with Image.open(paths[1]) as picture:
        assert json.loads(picture.text["workflow"]) == WORKFLOW
        assert torch.equal(torch.tensor(numpy.array(picture)), (images[1] * 255).to(torch.uint8))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_are_exact(context, tmp_path, channels: int) -> None:
    levels = torch.randint(0, 65536, (1, 6, 9, channels), generator=GENERATOR)
    save(context, levels / 65535, "x", format=Png("16-bit"))
    (path,) = saved(context, tmp_path)
    samples, texts = read_deep_png(path.read_bytes())
    assert samples.tolist() == levels[0].tolist()
    assert {key: json.loads(text) for key, text in texts.items()} == {"prompt": PROMPT, "workflow": WORKFLOW}
    with Image.open(path) as picture:
        assert picture.size == (9, 6)
        picture.load()
        assert json.loads(picture.text["prompt"]) == PROMPT


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("depth", ["16-bit float", "32-bit float"])
def test_light_is_written_as_it_is(context, tmp_path, channels: int, depth: str) -> None:
    light = 3 * torch.rand(1, 37, 11, channels, generator=GENERATOR) - 0.5
    light[:, :20] = 0.25
    save(context, light, "x", format=Exr(depth, "linear"))
    found, attributes = read_exr(saved(context, tmp_path)[0].read_bytes())
    assert list(found) == {1: ["Y"], 3: ["B", "G", "R"], 4: ["A", "B", "G", "R"]}[channels]
    kind = numpy.float16 if depth == "16-bit float" else numpy.float32
    for name, plane in found.items():
        expected = light[0, ..., "RGBA".index(name) if channels > 1 else 0].numpy().astype(kind)
        assert numpy.array_equal(plane, expected)
    assert json.loads(attributes["prompt"][1]) == PROMPT
    assert json.loads(attributes["workflow"][1]) == WORKFLOW


def test_screen_values_become_light_and_alpha_stays(context, tmp_path) -> None:
    image = torch.tensor([0.0, 0.04045, 0.5, 1.0]).reshape(1, 1, 4, 1).repeat(1, 2, 1, 4)
    save(context, image, "x", format=Exr("32-bit float", "sRGB"))
    found, attributes = read_exr(saved(context, tmp_path)[0].read_bytes())
    assert found["R"][0] == pytest.approx([0.0, 0.0031308, 0.2140411, 1.0], abs=1e-6)
    assert found["A"][0] == pytest.approx([0.0, 0.04045, 0.5, 1.0])
    assert struct.unpack("<8f", attributes["chromaticities"][1])[:2] == pytest.approx((0.64, 0.33))


def test_hybrid_log_gamma_becomes_scene_light(context, tmp_path) -> None:
    # BT.2100: E' = sqrt(3 E) up to E = 1/12, a ln(12 E - b) + c above; 1 is 1.
    light = torch.tensor([0.0, 1 / 48, 1 / 12, 0.5, 1.0], dtype=torch.float64)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    signal = torch.where(
        light <= 1 / 12, (3 * light).sqrt(), a * torch.log((12 * light - b).clamp(min=1e-9)) + c
    )
    torch.testing.assert_close(hlg_to_light(signal), light, atol=1e-7, rtol=0)
    save(context, torch.full((1, 2, 2, 3), 0.5), "x", format=Exr("32-bit float", "HDR"))
    found, attributes = read_exr(saved(context, tmp_path)[0].read_bytes())
    assert found["G"] == pytest.approx(1 / 12)
    assert struct.unpack("<8f", attributes["chromaticities"][1])[0] == pytest.approx(0.708)


def test_avif_pictures_and_films(context, make_context, tmp_path) -> None:
    smooth = torch.linspace(0, 1, 32).reshape(1, 1, 32, 1).repeat(2, 32, 1, 3)
    smooth[1] = 1 - smooth[1]
    save(context, smooth, "still%batch_num%", format=Avif(Still()))
    paths = saved(context, tmp_path)
    assert [path.name for path in paths] == ["still0_00001_.avif", "still1_00001_.avif"]
    with Image.open(paths[1]) as picture:
        found = torch.tensor(numpy.array(picture.convert("RGB"))) / 255
        assert (found - smooth[1]).abs().mean() < 0.02
        assert "prompt:" in picture.getexif()[0x0110]
    other = make_context(PROMPT)
    save(other, smooth, "film", format=Avif(Moving(fps=8.0)))
    assert other.shown["animated"] == [True]
    (path,) = saved(other, tmp_path)
    with Image.open(path) as picture:
        picture.load()
        assert (picture.n_frames, picture.info["duration"]) == (2, 125)


def test_a_worse_quality_makes_smaller_files(context, tmp_path) -> None:
    noise = torch.rand(1, 64, 64, 3, generator=GENERATOR)
    for crf in (1, 18, 63):
        save(context, noise, "x", format=Avif(Still(), crf=crf))
    sizes = [path.stat().st_size for path in saved(context, tmp_path)]
    assert sizes[0] > sizes[1] > sizes[2]


def test_flat_names_of_nested_choices_arrive(context, tmp_path) -> None:
    inputs = {"format": "avif", "format.save_mode": "animated", "format.save_mode.fps": 4.0, "format.crf": 30}
    node_of(save).function(context, images=torch.rand(2, 16, 16, 3), filename_prefix="x", **inputs)
    with Image.open(saved(context, tmp_path)[0]) as picture:
        picture.load()
        assert (picture.n_frames, picture.info["duration"]) == (2, 250)


def test_pictures_of_two_channels_are_refused(context) -> None:
    with pytest.raises(NodeError, match="1, 3 or 4 channels, not 2"):
        save(context, torch.zeros(1, 4, 4, 2), "x", format=Png("16-bit"))

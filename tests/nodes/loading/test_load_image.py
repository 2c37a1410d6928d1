from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image

from nodes.api.errors import NodeError
from nodes.loading.image import load_image, load_mask


@pytest.fixture
def put(tmp_path):
    def put(name: str, picture: Image.Image, **options) -> str:
        path: Path = tmp_path / "input" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path, **options)
        return name

    return put


def gradient(mode: str = "RGB", width: int = 3, height: int = 2) -> Image.Image:
    bands = Image.new(mode, (0, 0)).getbands()
    levels = numpy.arange(width * height * len(bands)).reshape(height, width, len(bands)) * 5
    return Image.fromarray(levels.astype(numpy.uint8).squeeze())


def test_a_coloured_picture_has_an_empty_mask_of_64(ctx, put) -> None:
    image, mask = load_image(ctx, put("a.png", gradient()))
    assert image.shape == (1, 2, 3, 3)
    assert image.dtype is torch.float32
    assert (image[0, 0, 1] * 255).tolist() == [15, 20, 25]
    assert mask.shape == (1, 64, 64)
    assert not mask.any()


def test_alpha_is_dropped_from_the_picture_and_turned_round_in_the_mask(ctx, put) -> None:
    picture = Image.new("RGBA", (2, 1), (255, 128, 0, 0))
    picture.putpixel((1, 0), (1, 2, 3, 255))
    image, mask = load_image(ctx, put("a.png", picture))
    assert (image[0, 0] * 255).tolist() == [[255, 128, 0], [1, 2, 3]]
    assert mask.flatten().tolist() == [1.0, 0.0]


def test_grey_with_alpha_and_palettes_with_transparency_have_masks(ctx, put) -> None:
    grey = Image.new("LA", (1, 1), (100, 51))
    image, mask = load_image(ctx, put("grey.png", grey))
    assert (image * 255).flatten().tolist() == [100, 100, 100]
    assert mask.flatten().tolist() == [pytest.approx(0.8)]
    palette = Image.new("P", (2, 1), 0)
    palette.putpalette([10, 20, 30, 40, 50, 60])
    palette.putpixel((1, 0), 1)
    image, mask = load_image(ctx, put("palette.png", palette, transparency=0))
    assert (image[0, 0] * 255).tolist() == [[10, 20, 30], [40, 50, 60]]
    assert mask.flatten().tolist() == [1.0, 0.0]


@pytest.mark.parametrize("mode", ["L", "1", "CMYK"])
def test_other_modes_become_colours(ctx, put, mode: str) -> None:
    image, mask = load_image(ctx, put("a.tif", Image.new(mode, (2, 2))))
    assert image.shape == (1, 2, 2, 3)
    assert mask.shape == (1, 64, 64)


def test_sixteen_bits_of_grey_keep_their_depth(ctx, put) -> None:
    levels = numpy.array([[0, 256, 32768, 65535]], dtype=numpy.uint16)
    name = put("deep.png", Image.fromarray(levels))
    image, _ = load_image(ctx, name)
    assert torch.allclose(image[0, 0, :, 0], torch.from_numpy(levels[0].astype(numpy.float32)) / 65535)
    assert torch.allclose(load_mask(ctx, name, "red")[0, 0], image[0, 0, :, 0])
    whole = numpy.array([[0, 65535, 70000]], dtype=numpy.int32)
    image, _ = load_image(ctx, put("deeper.tif", Image.fromarray(whole)))
    assert image[0, 0, :, 0].tolist() == [0.0, 1.0, 1.0]


def test_the_exif_orientation_is_applied(ctx, put) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image, _ = load_image(ctx, put("a.png", gradient(), exif=exif))
    assert image.shape == (1, 3, 2, 3)
    assert load_mask(ctx, "a.png", "red").shape == (1, 3, 2)


@pytest.mark.parametrize("ending", ["gif", "png", "webp", "tif"])
def test_every_frame_is_loaded(ctx, put, ending: str) -> None:
    frames = [Image.new("RGB", (4, 2), (shade, 0, 0)) for shade in (0, 128, 255)]
    options = {"lossless": True} if ending == "webp" else {}
    name = put(f"a.{ending}", frames[0], save_all=True, append_images=frames[1:], **options)
    image, mask = load_image(ctx, name)
    assert (image[:, 0, 0, 0] * 255).tolist() == pytest.approx([0, 128, 255], abs=1)
    assert mask.shape[0] == 3
    assert load_mask(ctx, name, "red").shape == (1, 2, 4)


def test_pages_of_another_size_are_left_out(ctx, put) -> None:
    pages = [Image.new("RGB", size) for size in ((4, 2), (2, 2), (4, 2))]
    image, _ = load_image(ctx, put("a.tif", pages[0], save_all=True, append_images=pages[1:]))
    assert image.shape == (2, 2, 4, 3)


def test_frames_with_and_without_alpha_have_masks_of_one_size(ctx, put) -> None:
    pages = [Image.new("RGB", (4, 2)), Image.new("RGBA", (4, 2), (0, 0, 0, 0))]
    _, mask = load_image(ctx, put("a.tif", pages[0], save_all=True, append_images=pages[1:]))
    assert mask.shape == (2, 2, 4)
    assert mask[:, 0, 0].tolist() == [0, 1]


@pytest.mark.parametrize(("channel", "level"), [("red", 10), ("green", 20), ("blue", 30)])
def test_colours_become_masks_as_they_are(ctx, put, channel: str, level: int) -> None:
    mask = load_mask(ctx, put("a.png", Image.new("RGB", (3, 2), (10, 20, 30))), channel)
    assert mask.shape == (1, 2, 3)
    assert (mask * 255).unique().tolist() == [level]


def test_alpha_as_a_mask(ctx, put) -> None:
    assert (load_mask(ctx, put("a.png", Image.new("RGBA", (3, 2), (0, 0, 0, 51))), "alpha") == 0.8).all()
    opaque = load_mask(ctx, put("b.png", gradient()), "alpha")
    assert opaque.shape == (1, 2, 3)
    assert not opaque.any()


def test_a_picture_cut_short_is_read_as_far_as_it_goes_with_a_warning(ctx, put, tmp_path, caplog) -> None:
    noise = numpy.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=numpy.uint8)
    path = tmp_path / "input" / put("a.jpg", Image.fromarray(noise))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    image, _ = load_image(ctx, "a.jpg")
    assert image.shape == (1, 64, 64, 3)
    assert "a.jpg is damaged" in caplog.text
    from PIL import ImageFile

    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_is_refused_by_name(ctx, tmp_path, content: bytes) -> None:
    (tmp_path / "input" / "bad.png").write_bytes(content)
    with pytest.raises(NodeError, match=r"bad\.png cannot be read"):
        load_image(ctx, "bad.png")


def test_a_missing_picture_is_refused_by_name(ctx) -> None:
    with pytest.raises(NodeError, match=r"gone\.png"):
        load_image(ctx, "gone.png")


def test_names_can_say_their_folder(ctx, put, tmp_path) -> None:
    put("clip/a.png", gradient())
    assert load_image(ctx, "clip/a.png [input]")[0].shape == (1, 2, 3, 3)
    with pytest.raises(NodeError):
        load_image(ctx, "../a.png")


def test_of_several_views_the_first_is_loaded(ctx, put) -> None:
    views = [Image.new("RGB", (8, 8), (shade, 0, 0)) for shade in (200, 10)]
    name = put("a.mpo", views[0], format="MPO", save_all=True, append_images=views[1:])
    image, _ = load_image(ctx, name)
    assert image.shape == (1, 8, 8, 3)
    assert image[0, 0, 0, 0] > 0.7

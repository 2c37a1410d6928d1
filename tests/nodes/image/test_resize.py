import math

import pytest
import torch
from torch import Tensor

from models.resize import bislerp, crop_to_aspect
from nodes.api.errors import NodeError
from nodes.image.resize import missing_side, resize, resize_mask
from nodes.image.scale import resize_and_pad, scale, scale_by, scale_to_longest, scale_to_total_pixels


def ramp(height: int, width: int, channels: int = 3) -> Tensor:
    return torch.linspace(0, 1, height * width * channels).reshape(1, height, width, channels)


@pytest.mark.parametrize(
    ("side", "factor", "expected"), [(5, 0.5, 2), (7, 0.5, 4), (3, 0.5, 2), (1, 2.5, 2), (3, 2.5, 8)]
)
def test_a_half_is_rounded_to_the_even_number(side: int, factor: float, expected: int) -> None:
    result = scale_by(image=ramp(side, side), upscale_method="area", scale_by=factor)
    assert result.shape == (1, expected, expected, 3)


def test_zero_by_zero_leaves_pictures_alone() -> None:
    image = ramp(3, 5)
    assert scale(image=image, upscale_method="bilinear", width=0, height=0, crop="disabled") is image


def test_one_zero_keeps_the_aspect_ratio() -> None:
    result = scale(image=ramp(4, 6), upscale_method="bilinear", width=0, height=10, crop="disabled")
    assert result.shape == (1, 10, 15, 3)
    assert missing_side(1, 0, 1000, 1) == (1, 1)


def test_a_side_of_nothing_is_refused_with_its_size() -> None:
    with pytest.raises(NodeError, match="0x0"):
        scale_by(image=ramp(4, 4), upscale_method="bilinear", scale_by=0.01)


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(NodeError, match="'cubic'"):
        resize(torch.zeros(1, 3, 2, 2), 4, 4, "cubic")


@pytest.mark.parametrize(
    ("height", "width", "target", "kept"),
    [
        (10, 20, (10, 10), (10, 10)),
        (20, 10, (10, 10), (10, 10)),
        (7, 12, (5, 5), (7, 8)),
        (4, 4, (9, 9), (4, 4)),
    ],
)
def test_the_centre_crop_cuts_both_sides_alike(
    height: int, width: int, target: tuple[int, int], kept: tuple[int, int]
) -> None:
    cut = crop_to_aspect(torch.arange(height * width).reshape(1, 1, height, width), *target)
    assert cut.shape[-2:] == kept
    top, left = (height - kept[0]) // 2, (width - kept[1]) // 2
    assert cut[0, 0, 0, 0] == top * width + left


def test_bilinear_does_not_smooth_before_it_shrinks() -> None:
    stripes = torch.zeros(1, 1, 1, 8)
    stripes[..., ::4] = 1.0
    assert resize(stripes, 2, 1, "bilinear").flatten().tolist() == [0.0, 0.0]
    assert resize(stripes, 2, 1, "area").flatten().tolist() == [0.25, 0.25]


def test_bicubic_may_leave_the_range() -> None:
    edge = torch.zeros(1, 1, 1, 8)
    edge[..., 4:] = 1.0
    assert resize(edge, 16, 1, "bicubic").max() > 1.0


def test_lanczos_works_at_eight_bits_and_truncates() -> None:
    flat = torch.full((2, 3, 6, 6), 0.999)
    result = resize(flat, 3, 3, "lanczos")
    assert result.shape == (2, 3, 3, 3)
    assert torch.equal(result, torch.full_like(result, 254 / 255))


def test_lanczos_agrees_with_pillow() -> None:
    import numpy
    from PIL import Image

    pixels = numpy.random.default_rng(0).integers(0, 256, (9, 7, 4), dtype=numpy.uint8)
    expected = numpy.array(Image.fromarray(pixels).resize((5, 11), Image.Resampling.LANCZOS))
    samples = torch.from_numpy(pixels).float().div(255).movedim(-1, 0)[None]
    ours = resize(samples, 5, 11, "lanczos")[0].movedim(0, -1).mul(255).round()
    assert torch.equal(ours, torch.from_numpy(expected).float())


def test_lanczos_refuses_masks() -> None:
    with pytest.raises(NodeError, match="not 1"):
        resize(torch.zeros(1, 1, 4, 4), 2, 2, "lanczos")


def test_masks_of_every_layout_are_resized() -> None:
    for shape in ((4, 4), (2, 4, 4), (2, 1, 4, 4)):
        assert resize_mask(torch.ones(shape), 3, 5).shape[-2:] == (5, 3)


def slerp(first: list[float], second: list[float], ratio: float) -> list[float]:
    """The formula of the reference for one pair of vectors, in plain numbers."""
    lengths = [math.hypot(*vector) for vector in (first, second)]
    units = [
        [value / length if length else 0.0 for value in vector]
        for vector, length in zip((first, second), lengths, strict=True)
    ]
    dot = sum(a * b for a, b in zip(*units, strict=True))
    if dot > 1 - 1e-5:
        return first
    if dot < 1e-5 - 1:
        return [a * (1 - ratio) + b * ratio for a, b in zip(first, second, strict=True)]
    omega = math.acos(dot)
    length = lengths[0] * (1 - ratio) + lengths[1] * ratio
    parts = [math.sin((1 - ratio) * omega) / math.sin(omega), math.sin(ratio * omega) / math.sin(omega)]
    return [(parts[0] * a + parts[1] * b) * length for a, b in zip(*units, strict=True)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([1.0, 0.0], [0.0, 1.0]),
        ([2.0, 0.0], [0.0, 4.0]),
        ([1.0, 2.0], [2.0, 4.0]),
        ([1.0, 2.0], [-2.0, -4.0]),
        ([0.0, 0.0], [3.0, 4.0]),
    ],
)
def test_bislerp_turns_vectors_on_the_sphere(first: list[float], second: list[float]) -> None:
    latent = torch.tensor([first, second]).T.reshape(1, 2, 1, 2)
    wide = bislerp(latent, 4, 1)[0, :, 0, :].T
    # New cells lie at 0 (clamped), 0.25, 0.75 and 1 between the two old ones.
    expected = [slerp(first, second, ratio) for ratio in (0.0, 0.25, 0.75)]
    assert torch.allclose(wide[:3], torch.tensor(expected), atol=1e-6)


def test_bislerp_of_equal_vectors_changes_nothing() -> None:
    latent = torch.randn(1, 4, 1, 1, generator=torch.Generator().manual_seed(0)).expand(2, 4, 3, 5)
    assert torch.allclose(bislerp(latent, 10, 6), latent[:, :, :1, :1].expand(2, 4, 6, 10), atol=1e-6)


def test_bislerp_keeps_type_and_never_gives_anything_but_numbers() -> None:
    latent = torch.randn(2, 4, 5, 3, generator=torch.Generator().manual_seed(1)).half()
    latent[:, :, 2, 1] = 0
    result = bislerp(latent, 7, 4)
    assert result.shape == (2, 4, 4, 7)
    assert result.dtype is torch.float16
    assert torch.isfinite(result).all()


def test_total_pixels_and_longest_side() -> None:
    image = ramp(8, 16)
    megapixels = scale_to_total_pixels(
        image=image, upscale_method="area", megapixels=32 / 1024**2, resolution_steps=1
    )
    assert megapixels.shape[1:3] == (4, 8)
    stepped = scale_to_total_pixels(
        image=image, upscale_method="area", megapixels=200 / 1024**2, resolution_steps=8
    )
    assert stepped.shape[1:3] == (8, 24) or stepped.shape[1:3] == (8, 16)
    assert scale_to_longest(image=image, upscale_method="area", largest_size=5).shape[1:3] == (2, 5)
    tall = scale_to_longest(image=ramp(16, 8), upscale_method="area", largest_size=4)
    assert tall.shape[1:3] == (4, 2)
    assert scale_to_longest(image=ramp(3, 3), upscale_method="area", largest_size=7).shape[1:3] == (7, 7)


def test_a_padded_picture_is_centred_on_its_colour() -> None:
    result = resize_and_pad(
        image=torch.full((1, 2, 4, 3), 0.5),
        target_width=8,
        target_height=8,
        padding_color="white",
        interpolation="bilinear",
    )
    assert result.shape == (1, 8, 8, 3)
    assert (result[:, 2:6] == 0.5).all()
    assert (result[:, :2] == 1.0).all()
    assert (result[:, 6:] == 1.0).all()

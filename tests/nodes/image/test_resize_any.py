import pytest
import torch

from nodes.api.declare import node_of
from nodes.api.errors import NodeError
from nodes.image.resize_any import (
    Dimensions,
    Height,
    Longer,
    Match,
    Multiplier,
    Rule,
    Shorter,
    TotalPixels,
    Width,
    resize_either,
)
from nodes.image.scale import scale_for_kontext

GENERATOR = torch.Generator().manual_seed(0)
LANDSCAPE = torch.rand(2, 48, 64, 3, generator=GENERATOR)
PORTRAIT = torch.rand(1, 64, 48, 4, generator=GENERATOR)
MASK = torch.rand(2, 48, 64, generator=GENERATOR)


@pytest.mark.parametrize(
    ("rule", "landscape", "portrait"),
    [
        (Multiplier(0.5), (32, 24), (24, 32)),
        (Dimensions(20, 10), (20, 10), (20, 10)),
        (Dimensions(0, 24), (32, 24), (18, 24)),
        (Dimensions(0, 0), (64, 48), (48, 64)),
        (Longer(32), (32, 24), (24, 32)),
        (Shorter(24), (32, 24), (24, 32)),
        (Width(32), (32, 24), (32, 43)),
        (Height(24), (32, 24), (18, 24)),
        # sqrt(10485 / 3072) = 1.84745
        (TotalPixels(0.01), (118, 89), (89, 118)),
        (Match(torch.zeros(1, 5, 7, 3)), (7, 5), (7, 5)),
        (Match(torch.zeros(1, 5, 7)), (7, 5), (7, 5)),
        (Match(torch.zeros(5, 7)), (7, 5), (7, 5)),
    ],
)
def test_each_rule_gives_its_size(rule: Rule, landscape: tuple[int, int], portrait: tuple[int, int]) -> None:
    for picture, (width, height) in ((LANDSCAPE, landscape), (PORTRAIT, portrait)):
        found = resize_either(picture, rule)
        assert found.shape == (picture.shape[0], height, width, picture.shape[3])
    assert resize_either(MASK, rule).shape == (2, *landscape[::-1])


def test_shrinking_by_area_averages() -> None:
    halved = resize_either(LANDSCAPE, Multiplier(0.5), "area")
    expected = LANDSCAPE.reshape(2, 24, 2, 32, 2, 3).mean(dim=(2, 4))
    torch.testing.assert_close(halved, expected)
    torch.testing.assert_close(
        resize_either(MASK, Multiplier(0.5), "area"), MASK.reshape(2, 24, 2, 32, 2).mean(dim=(2, 4))
    )


def test_cropping_keeps_the_middle_and_stretching_does_not() -> None:
    ramp = torch.linspace(0, 1, 64).repeat(1, 16, 1).unsqueeze(-1).repeat(1, 1, 1, 3)
    cropped = resize_either(ramp, Dimensions(16, 16, "center"), "nearest-exact")
    assert torch.equal(cropped, ramp[:, :, 24:40])
    stretched = resize_either(ramp, Dimensions(16, 16, "disabled"), "nearest-exact")
    assert torch.equal(stretched, ramp[:, :, 2::4])
    assert torch.equal(resize_either(ramp, Match(ramp[:, :, :16], "center"), "nearest-exact"), cropped)


def test_masks_can_be_resized_by_lanczos() -> None:
    found = resize_either(torch.full((1, 8, 8), 0.5), Multiplier(2.0), "lanczos")
    assert found.shape == (1, 16, 16)
    assert (found == 127 / 255).all()


def test_nothing_changes_where_both_sides_are_left_open() -> None:
    assert resize_either(LANDSCAPE, Dimensions(0, 0), "lanczos") is LANDSCAPE


def test_a_size_of_nothing_is_refused() -> None:
    with pytest.raises(NodeError, match="'scale longer dimension' makes 1x0 of a 64x1 picture"):
        resize_either(torch.zeros(1, 1, 64, 3), Longer(1))


def test_the_engine_calls_it_with_flat_names() -> None:
    inputs = {"resize_type": "scale longer dimension", "resize_type.longer_size": 32}
    found = node_of(resize_either).function(input=LANDSCAPE, scale_method="area", **inputs)
    assert torch.equal(found, resize_either(LANDSCAPE, Longer(32), "area"))


@pytest.mark.parametrize(
    ("size", "expected"),
    [((64, 64), (1024, 1024)), ((64, 48), (1184, 880)), ((30, 100), (672, 1568)), ((200, 90), (1504, 688))],
)
def test_kontext_pictures_get_the_nearest_known_format(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    width, height = size
    found = scale_for_kontext(torch.zeros(1, height, width, 3))
    assert (found.shape[2], found.shape[1]) == expected

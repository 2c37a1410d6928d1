import pytest
import torch

from nodes.api.errors import NodeError
from nodes.image.colour_space import SPACES, convert, to_xyz
from nodes.image.histogram import STRAIGHT, edit_curve, histogram
from nodes.saving.exr import SRGB_PRIMARIES


def grey(value: float) -> torch.Tensor:
    return torch.full((1, 1, 1, 3), value)


@pytest.mark.parametrize(
    ("space", "light", "value"),
    [
        ("HDR", 1 / 12, 0.5),
        ("HDR", 1.0, 1.0),
        ("HDR PQ", 1.0, 0.5807),
        ("HDR PQ", 10_000 / 203, 1.0),
        ("HDR ACEScct", 0.18, 0.4135884),
        ("HDR ACEScct", 0.0, 0.0729055),
        ("HDR LogC3", 0.18, 0.391007),
        ("HDR LogC3", 0.0, 0.092809),
        ("sRGB", 0.2140411, 0.5),
    ],
)
def test_grey_has_the_values_of_the_standards(space: str, light: float, value: float) -> None:
    assert float(convert(grey(light), "linear", space).mean()) == pytest.approx(value, abs=2e-4)


@pytest.mark.parametrize("space", SPACES)
def test_colours_come_back(space: str) -> None:
    colours = torch.rand(2, 4, 5, 4, generator=torch.Generator().manual_seed(0)) * 0.9 + 0.05
    there = convert(colours, "sRGB", space)
    assert torch.equal(there[..., 3], colours[..., 3])
    back = convert(there, space, "sRGB")
    assert torch.allclose(back, colours, atol=2e-3 if space == "HDR" else 1e-4)


def test_primaries_are_those_of_the_standard() -> None:
    known = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    assert torch.allclose(to_xyz(SRGB_PRIMARIES), torch.tensor(known, dtype=torch.float64), atol=2e-4)
    red = torch.tensor([1.0, 0.0, 0.0]).reshape(1, 1, 1, 3)
    # The published matrix from linear sRGB to ACEScg.
    assert convert(red, "linear", "linear ACEScg").flatten().tolist() == pytest.approx(
        [0.6131, 0.0702, 0.0206], abs=2e-3
    )


def test_grey_pictures_have_no_colours() -> None:
    with pytest.raises(NodeError, match="3 channels"):
        convert(torch.zeros(1, 2, 2, 1))


def test_a_histogram_counts_the_first_picture() -> None:
    image = torch.zeros(2, 2, 2, 3)
    image[0, 0, 0] = torch.tensor([1.0, 0.5, -3.0])
    image[1] = 0.7
    found = histogram(image)
    assert [sum(counts) for counts in found] == [12, 4, 4, 4, 4]
    assert (found.red[255], found.red[0], found.green[128], found.blue[0]) == (1, 3, 1, 4)
    assert found.luminance[0] == 3
    assert found.rgb[0] == 10


def test_a_curve_is_put_in_order_and_checked() -> None:
    assert edit_curve() == STRAIGHT
    drawn = edit_curve({"points": [[1, 0], [0, 0.5]], "interpolation": "linear"})
    assert drawn == {"points": [[0.0, 0.5], [1.0, 0.0]], "interpolation": "linear"}
    for wrong in (None, [[0, 0]], {"points": [[0, 0], [2, 1]]}, {"points": [[0, 0], ["a", 1]]}):
        with pytest.raises(NodeError, match="at least two points"):
            edit_curve(wrong)
    with pytest.raises(NodeError, match="not 'wild'"):
        edit_curve({"points": [[0, 0], [1, 1]], "interpolation": "wild"})

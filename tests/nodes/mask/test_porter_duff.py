import pytest
import torch

from nodes.api.errors import NodeError
from nodes.mask.porter_duff import RULES, composite

SOURCE, OVER = 0.8, 0.2


def pixel(mode: str, source_opacity: float, destination_opacity: float) -> tuple[float, float]:
    """Colour and opacity that two single pixels come to."""
    image, mask = composite(
        torch.full((1, 1, 1, 3), SOURCE),
        torch.full((1, 1, 1), 1 - source_opacity),
        torch.full((1, 1, 1, 3), OVER),
        torch.full((1, 1, 1), 1 - destination_opacity),
        mode,
    )
    return float(image[0, 0, 0, 0]), 1 - float(mask)


@pytest.mark.parametrize(
    ("mode", "colour", "opacity"),
    [
        ("ADD", 1.0, 1.0),
        ("CLEAR", 0.0, 0.0),
        ("DARKEN", OVER, 1.0),
        ("LIGHTEN", SOURCE, 1.0),
        ("MULTIPLY", SOURCE * OVER, 1.0),
        ("SCREEN", SOURCE + OVER - SOURCE * OVER, 1.0),
        ("OVERLAY", 2 * SOURCE * OVER, 1.0),
        ("SRC", SOURCE, 1.0),
        ("SRC_OVER", SOURCE, 1.0),
        ("SRC_IN", SOURCE, 1.0),
        ("SRC_ATOP", SOURCE, 1.0),
        ("SRC_OUT", 0.0, 0.0),
        ("DST", OVER, 1.0),
        ("DST_OVER", OVER, 1.0),
        ("DST_IN", OVER, 1.0),
        ("DST_ATOP", OVER, 1.0),
        ("DST_OUT", 0.0, 0.0),
        ("XOR", 0.0, 0.0),
    ],
)
def test_opaque_pictures(mode: str, colour: float, opacity: float) -> None:
    assert pixel(mode, 1.0, 1.0) == pytest.approx((colour, opacity), abs=1e-6)


@pytest.mark.parametrize("mode", ["SRC_OVER", "DST_OVER", "XOR", "ADD", "SCREEN"])
def test_what_lies_over_nothing_stays(mode: str) -> None:
    assert pixel(mode, 0.5, 0.0) == pytest.approx((SOURCE, 0.5), abs=1e-6)
    assert pixel(mode, 0.0, 0.5) == pytest.approx((OVER, 0.5), abs=1e-6)


def test_half_transparent_pictures_mix() -> None:
    expected = (0.5 * SOURCE + 0.5 * 0.5 * OVER) / 0.75
    assert pixel("SRC_OVER", 0.5, 0.5) == pytest.approx((expected, 0.75), abs=1e-6)


@pytest.mark.parametrize("mode", RULES)
def test_sizes_and_batches_are_fitted_to_the_destination(mode: str) -> None:
    image, mask = composite(
        torch.rand(3, 8, 8, 3), torch.rand(2, 5, 5), torch.rand(4, 4, 6, 3), torch.rand(4, 6), mode
    )
    assert image.shape == (1, 4, 6, 3)
    assert mask.shape == (1, 4, 6)
    assert torch.isfinite(image).all()


def test_other_channels_are_refused() -> None:
    with pytest.raises(NodeError, match="4 channels but destination has 3"):
        composite(torch.rand(1, 2, 2, 4), torch.rand(1, 2, 2), torch.rand(1, 2, 2, 3), torch.rand(1, 2, 2))

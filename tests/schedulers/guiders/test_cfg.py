"""Does guidance move from the negative prediction by its scale?"""

import torch

from schedulers.guiders.cfg import Guidance

X, POSITIVE, NEGATIVE = torch.randn(3, 1, 4, 3, 3, generator=torch.Generator().manual_seed(1))
SIGMA = 2.0


def test_scale_one_needs_the_positive_only_and_changes_nothing() -> None:
    guider = Guidance(1.0)
    assert guider.needs == ("positive",)
    assert guider.combine(X, SIGMA, {"positive": POSITIVE}) is POSITIVE


def test_scale_zero_is_the_negative_prediction() -> None:
    guider = Guidance(0.0)
    assert guider.needs == ("positive", "negative")
    assert torch.equal(guider.combine(X, SIGMA, {"positive": POSITIVE, "negative": NEGATIVE}), NEGATIVE)


def test_guidance_is_linear_in_its_scale() -> None:
    both = {"positive": POSITIVE, "negative": NEGATIVE}
    expected = NEGATIVE + 7.5 * (POSITIVE - NEGATIVE)
    torch.testing.assert_close(Guidance(7.5).combine(X, SIGMA, both), expected)


def test_the_negative_can_be_asked_for_at_scale_one_too() -> None:
    assert Guidance(1.0, always_negative=True).needs == ("positive", "negative")

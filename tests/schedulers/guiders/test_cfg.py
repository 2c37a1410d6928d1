"""Does guidance move from the negative prediction by its scale?"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from schedulers.guiders.cfg import Guidance
from tests.schedulers.toys import SAMPLING

X, POSITIVE, NEGATIVE = torch.randn(3, 1, 4, 3, 3, generator=torch.Generator().manual_seed(1))
SIGMA = 2.0


def predict(x: Tensor, sigma: float, names: Sequence[str], under: Sequence[object] = ()) -> dict[str, Tensor]:
    assert x is X
    assert sigma == SIGMA
    assert not under
    return {name: {"positive": POSITIVE, "negative": NEGATIVE}[name] for name in names}


def denoise(guider: Guidance) -> tuple[Tensor, Tensor]:
    return guider.denoise(X, SIGMA, predict, SAMPLING)


def test_scale_one_needs_the_positive_only_and_changes_nothing() -> None:
    guider = Guidance(1.0)
    assert guider.needs(SAMPLING) == ("positive",)
    denoised, negative = denoise(guider)
    assert denoised is POSITIVE
    assert not negative.any()


def test_scale_zero_is_the_negative_prediction() -> None:
    guider = Guidance(0.0)
    assert guider.needs(SAMPLING) == ("positive", "negative")
    assert torch.equal(denoise(guider)[0], NEGATIVE)


def test_guidance_is_linear_in_its_scale() -> None:
    denoised, negative = denoise(Guidance(7.5))
    torch.testing.assert_close(denoised, NEGATIVE + 7.5 * (POSITIVE - NEGATIVE))
    assert negative is NEGATIVE


def test_the_negative_can_be_asked_for_at_scale_one_too() -> None:
    assert Guidance(1.0).needs(replace(SAMPLING, always_negative=True)) == ("positive", "negative")

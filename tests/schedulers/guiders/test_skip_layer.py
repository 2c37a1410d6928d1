"""Does skip-layer guidance come to what its formula says? Checked against a second way to compute it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from models.adapters.skipped_layers import SkippedLayers
from schedulers.guiders.cfg import Guidance
from schedulers.guiders.rule import Guided, Sampling, apply_rules
from schedulers.guiders.skip_layer import SkipLayer, SkipLayerNegative
from tests.schedulers.toys import SAMPLING, TABLE

LAYERS = SkippedLayers(("middle_block.1.transformer_blocks.0",))
X, POSITIVE, NEGATIVE, WITHOUT = torch.randn(
    4, 2, 4, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(2)
)
SCALE, EARLY, LATE = 6.0, TABLE.percent_to_sigma(0.1), TABLE.percent_to_sigma(0.8)


class Answers:
    """Predicts the constants above and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[tuple[str, ...], tuple[Any, ...]]] = []

    def __call__(
        self, x: Tensor, sigma: float, names: Sequence[str], under: Sequence[Any] = ()
    ) -> dict[str, Tensor]:
        self.asked.append((tuple(names), tuple(under)))
        known = {"positive": POSITIVE, "negative": NEGATIVE}
        return dict.fromkeys(names, WITHOUT) if under else {name: known[name] for name in names}


def result(rule: SkipLayer, sigma: float = EARLY) -> Tensor:
    first = Guided(X, sigma, SCALE, POSITIVE, NEGATIVE, True, Answers(), SAMPLING)
    return apply_rules((rule,), first).result


def plain() -> Tensor:
    return NEGATIVE + SCALE * (POSITIVE - NEGATIVE)


@pytest.mark.parametrize("rescaling", [0.0, 0.4, 1.0])
def test_guidance_is_that_of_diffusers(rescaling: float) -> None:
    guiders = pytest.importorskip("diffusers.guiders")
    oracle = guiders.SkipLayerGuidance(
        guidance_scale=SCALE,
        skip_layer_guidance_scale=2.8,
        skip_layer_guidance_layers=[0],
        guidance_rescale=rescaling,
    )
    expected = oracle.forward(POSITIVE, NEGATIVE, WITHOUT).pred
    torch.testing.assert_close(result(SkipLayer(LAYERS, 2.8, rescaling=rescaling)), expected)


def test_what_comes_out_is_brought_back_by_a_share_picture_by_picture() -> None:
    denoised = result(SkipLayer(LAYERS, 2.0, rescaling=0.7))
    for row in range(2):
        moved = plain()[row] + 2.0 * (POSITIVE[row] - WITHOUT[row])
        spread = (POSITIVE[row] - POSITIVE[row].mean()).norm() / (moved - moved.mean()).norm()
        torch.testing.assert_close(denoised[row], 0.7 * spread * moved + 0.3 * moved)


def test_it_holds_in_its_part_of_sampling_only() -> None:
    rule = SkipLayer(LAYERS, 2.0, start=0.1, end=0.15)
    assert torch.equal(result(rule, LATE), plain())
    assert torch.equal(result(replace(rule, scale=0.0)), plain())
    for edge in (0.1, 0.15):
        moved = plain() + 2.0 * (POSITIVE - WITHOUT)
        torch.testing.assert_close(result(rule, TABLE.percent_to_sigma(edge)), moved)
    assert torch.equal(result(rule, TABLE.percent_to_sigma(0.09)), plain())


def sampling(*rules: SkipLayerNegative) -> Sampling:
    return replace(SAMPLING, spoiling=rules)


def test_the_negative_prediction_is_made_without_the_layers_and_not_twice() -> None:
    answers, rule = Answers(), SkipLayerNegative(LAYERS, end=0.5)
    denoised, negative = Guidance(SCALE).denoise(X, EARLY, answers, sampling(rule))
    torch.testing.assert_close(denoised, WITHOUT + SCALE * (POSITIVE - WITHOUT))
    assert torch.equal(negative, WITHOUT)
    assert answers.asked == [(("positive",), ()), (("negative",), (LAYERS,))]
    answers = Answers()
    denoised, _ = Guidance(SCALE).denoise(X, LATE, answers, sampling(rule))
    torch.testing.assert_close(denoised, plain())
    assert answers.asked == [(("positive", "negative"), ())]


def test_where_the_negative_prompt_is_not_evaluated_nothing_is_left_out() -> None:
    answers = Answers()
    denoised, _ = Guidance(1.0).denoise(X, EARLY, answers, sampling(SkipLayerNegative(LAYERS)))
    assert torch.equal(denoised, POSITIVE)
    assert answers.asked == [(("positive",), ())]

"""Do guidance rules do what their formulas say? Checked against the formulas written out, row by row."""

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from models.adapters.attention_edits import IdentityAttention, ScoreBox
from models.noise import Flow
from schedulers.guiders.attention import PerturbedAttention, SelfAttention, blurred
from schedulers.guiders.frequency import FrequencyDecoupled, FrequencyScaled, assembled, pyramid
from schedulers.guiders.projection import AdaptiveProjected, PerpNeg, TangentialDamping
from schedulers.guiders.rescaling import (
    DynamicThresholding,
    MagnitudeAware,
    Mahiro,
    Normed,
    NormedNoise,
    Renormed,
    Rescaled,
    ZeroStar,
)
from schedulers.guiders.rule import Guided, Rule, apply_rules, started
from schedulers.guiders.scaling import EpsilonScaling, ScaleByFrame, ScaleInPart, TemporalScoreRescaling
from schedulers.path import Path
from schedulers.tables import sigma_table
from tests.schedulers.toys import SAMPLING, TABLE, entry

X, POSITIVE, NEGATIVE, EMPTY = torch.randn(
    4, 2, 4, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1)
)
SIGMA, SCALE = 3.0, 6.0


def answers(x: Tensor, sigma: float, names: Sequence[str], under: Sequence[object] = ()) -> dict[str, Tensor]:
    if under:
        assert under == (IdentityAttention(),)
        return {"positive": EMPTY}
    return {name: {"perp_neg_empty": EMPTY, "negative": x * 0.5}[name] for name in names}


def guided(scale: float = SCALE, *, has_negative: bool = True) -> Guided:
    negative = NEGATIVE if has_negative else torch.zeros_like(NEGATIVE)
    return Guided(X, SIGMA, scale, POSITIVE, negative, has_negative, answers, SAMPLING)


def plain(scale: float = SCALE) -> Tensor:
    return NEGATIVE + scale * (POSITIVE - NEGATIVE)


def result(*rules: Rule, scale: float = SCALE) -> Tensor:
    return apply_rules(rules, guided(scale)).result


def test_rescaling_by_no_share_is_plain_guidance() -> None:
    torch.testing.assert_close(result(Rescaled(0.0)), plain())


def test_full_rescaling_gives_velocities_the_deviation_of_the_positive() -> None:
    denoised = result(Rescaled(1.0))
    root = math.sqrt(1 + SIGMA**2)
    for row in range(2):
        ours, wanted = ((X[row] / root**2 - one[row]) * root / SIGMA for one in (denoised, POSITIVE))
        assert float(ours.std()) == pytest.approx(float(wanted.std()), rel=1e-9)


def test_renormed_guidance_is_never_longer_than_the_positive_prediction() -> None:
    denoised = result(Renormed(1.0))
    lengths, wanted = (one.flatten(1).norm(dim=1) for one in (denoised, POSITIVE))
    torch.testing.assert_close(lengths, wanted)
    torch.testing.assert_close(result(Renormed(0.0)), plain())
    torch.testing.assert_close(result(Renormed(1.0, below=SIGMA)), POSITIVE)


def test_zero_star_scales_the_negative_to_come_nearest() -> None:
    denoised = result(ZeroStar())
    for row in range(2):
        up, down = (X[row] - POSITIVE[row]).flatten(), (X[row] - NEGATIVE[row]).flatten()
        best = float(up @ down / (down @ down))
        expected = plain()[row] + NEGATIVE[row] * (best - 1) * (1 - SCALE)
        torch.testing.assert_close(denoised[row], expected, rtol=1e-6, atol=1e-6)


def test_normed_guidance_is_nowhere_longer_than_the_positive_prediction() -> None:
    denoised = result(Normed())
    assert bool((denoised.norm(dim=1) <= POSITIVE.norm(dim=1) * (1 + 1e-6)).all())
    torch.testing.assert_close(result(Normed(0.5)), denoised * 0.5)


def test_normed_noise_is_as_long_as_the_positive_noise_everywhere() -> None:
    def noise(rule: NormedNoise) -> Tensor:
        return X - result(rule)

    wanted = (X - POSITIVE).norm(dim=1)
    torch.testing.assert_close(noise(NormedNoise()).norm(dim=1), wanted)
    plainly = X - plain()
    torch.testing.assert_close(noise(NormedNoise(0.0)), plainly)
    torch.testing.assert_close(noise(NormedNoise(0.25)), plainly * 0.75 + noise(NormedNoise()) * 0.25)
    silent = replace(guided(), positive=X, negative=X)
    torch.testing.assert_close(apply_rules((NormedNoise(),), silent).result, X)


def test_mahiro_is_plain_guidance_where_the_prompts_agree() -> None:
    same = replace(guided(), negative=POSITIVE)
    torch.testing.assert_close(apply_rules((Mahiro(),), same).result, POSITIVE)
    opposite = replace(guided(), negative=-POSITIVE, scale=1.0)
    torch.testing.assert_close(apply_rules((Mahiro(),), opposite).result, POSITIVE)


def test_dynamic_thresholding_at_its_own_scale_is_plain_guidance() -> None:
    torch.testing.assert_close(result(DynamicThresholding(SCALE)), plain())
    strong = result(DynamicThresholding(3.0), scale=20.0)
    centred, weak = (one - one.mean(dim=(2, 3), keepdim=True) for one in (strong, plain(3.0)))
    torch.testing.assert_close(centred.abs().amax(dim=(2, 3)), weak.abs().amax(dim=(2, 3)))


def test_magnitude_aware_guidance_weakens_with_the_size_of_the_difference() -> None:
    torch.testing.assert_close(result(MagnitudeAware(0.0)), plain())
    torch.testing.assert_close(result(MagnitudeAware(1e9)), POSITIVE)


def test_adaptive_projection_with_all_of_the_parallel_part_adds_one_positive() -> None:
    rule = AdaptiveProjected(eta=1.0, norm_threshold=0.0)
    torch.testing.assert_close(result(*started([rule])), plain(SCALE + 1))


def test_adaptive_projection_drops_what_lies_along_the_positive() -> None:
    changed = started([AdaptiveProjected(eta=0.0, norm_threshold=0.0)])[0].apply(guided())
    moved = changed.positive - NEGATIVE - (POSITIVE - NEGATIVE) / SCALE
    for row in range(2):
        assert float(moved[row].flatten() @ POSITIVE[row].flatten()) == pytest.approx(0.0, abs=1e-9)


def test_adaptive_projection_limits_and_remembers_guidance() -> None:
    (short,) = started([AdaptiveProjected(eta=1.0, norm_threshold=2.0)])
    moved = short.apply(guided()).positive - NEGATIVE - (POSITIVE - NEGATIVE) / SCALE
    torch.testing.assert_close(moved.flatten(1).norm(dim=1), torch.full((2,), 2.0, dtype=torch.float64))
    rule = AdaptiveProjected(eta=1.0, norm_threshold=0.0, momentum=-0.5)
    (remembering,) = started([rule])
    first = remembering.apply(guided()).positive
    second = remembering.apply(replace(guided(), sigma=SIGMA / 2)).positive
    torch.testing.assert_close(second, first - 0.5 * (POSITIVE - NEGATIVE))
    torch.testing.assert_close(remembering.apply(guided()).positive, first)
    assert started([rule])[0] is not remembering
    with pytest.raises(ValueError, match="scale other than 0"):
        remembering.apply(guided(0.0))


def test_tangential_damping_keeps_the_main_direction_of_both_scores() -> None:
    changed = TangentialDamping().apply(guided())
    for row in range(2):
        scores = torch.stack([(X[row] - one[row]).flatten() for one in (NEGATIVE, POSITIVE)])
        main = torch.linalg.svd(scores, full_matrices=False)[2][0]
        expected = X[row] - ((scores[0] @ main) * main).view_as(X[row])
        torch.testing.assert_close(changed.negative[row], expected)
    alone = guided(has_negative=False)
    assert TangentialDamping().apply(alone) is alone


def test_perp_neg_ignores_a_negative_that_lies_along_the_positive() -> None:
    rule = PerpNeg((entry(1),), neg_scale=0.7)
    assert list(rule.lists) == ["perp_neg_empty"]
    along = replace(guided(), negative=EMPTY + 0.3 * (POSITIVE - EMPTY))
    torch.testing.assert_close(rule.apply(along).result, EMPTY + SCALE * (POSITIVE - EMPTY))
    denoised, wanted, unwanted = rule.apply(guided()).result, POSITIVE - EMPTY, NEGATIVE - EMPTY
    across = unwanted - (unwanted * wanted).sum() / (wanted * wanted).sum() * wanted
    torch.testing.assert_close(denoised, EMPTY + SCALE * (wanted - 0.7 * across))


def test_perturbed_attention_moves_away_from_the_spoilt_prediction() -> None:
    torch.testing.assert_close(result(PerturbedAttention(2.0)), plain() + 2.0 * (POSITIVE - EMPTY))
    torch.testing.assert_close(result(PerturbedAttention(0.0)), plain())


def test_self_attention_guidance_blurs_where_attention_looks() -> None:
    box = ScoreBox()
    rule = SelfAttention(box, scale=0.8, blur=2.0)
    torch.testing.assert_close(result(rule), plain())
    box.scores = torch.full((2, 2, 4, 4), 0.1, dtype=torch.float64)
    box.scores[..., 0] = 0.9
    corner = torch.zeros(1, 1, 8, 8, dtype=torch.float64)
    corner[..., :4, :4] = 1
    spoilt = blurred(NEGATIVE, 2.0) * corner + NEGATIVE * (1 - corner)
    again = (spoilt + X - NEGATIVE) * 0.5
    torch.testing.assert_close(result(rule), plain() + 0.8 * (spoilt - again))
    assert box.scores is None


def test_a_blur_keeps_the_mean_and_flattens() -> None:
    flat = torch.ones(1, 3, 8, 8)
    torch.testing.assert_close(blurred(flat, 2.0), flat)
    assert float(blurred(X, 2.0).std()) < 0.5 * float(X.std())
    assert blurred(X, 0.0) is X


def test_a_scale_holds_in_its_part_of_sampling() -> None:
    middle, late = TABLE.percent_to_sigma(0.5), TABLE.percent_to_sigma(0.9)
    rule = ScaleInPart(0.4, 0.6, inside=2.0)
    assert rule.apply(replace(guided(), sigma=middle)).scale == 2.0
    assert rule.apply(replace(guided(), sigma=late)).scale == SCALE
    interval = ScaleInPart(0.4, 0.6, outside=1.0)
    assert interval.apply(replace(guided(), sigma=late)).scale == 1.0


def test_the_scale_rises_by_frame() -> None:
    denoised = result(ScaleByFrame(2.0))
    torch.testing.assert_close(denoised[0], plain(2.0)[0])
    torch.testing.assert_close(denoised[1], plain(SCALE)[1])
    torch.testing.assert_close(result(ScaleByFrame(2.0, "triangle")), plain(2.0))


def test_scaling_noise_leaves_noise_in() -> None:
    torch.testing.assert_close(result(EpsilonScaling(1.25)), X - (X - plain()) / 1.25)


def test_score_rescaling_by_one_changes_nothing_and_below_one_narrows() -> None:
    torch.testing.assert_close(result(TemporalScoreRescaling(1.0)), plain())
    signal = 0.5**2 / SIGMA**2
    share = (signal + 1) / (signal / 0.9 + 1)
    torch.testing.assert_close(result(TemporalScoreRescaling(0.9, 0.5)), X + share * (plain() - X))


def test_score_rescaling_leaves_pure_noise_of_a_flow_alone() -> None:
    table = sigma_table(Flow())
    sampling = replace(SAMPLING, path=Path(table.percent_to_sigma, flow=True), table=table)
    start = replace(guided(), sigma=1.0, sampling=sampling, denoised=POSITIVE)
    assert TemporalScoreRescaling().apply(start) is start


def test_frequencies_scaled_by_one_change_nothing() -> None:
    torch.testing.assert_close(result(FrequencyScaled(1.0, 1.0)), plain(), rtol=1e-5, atol=1e-5)
    slow = FrequencyScaled(0.0, 1.0, cutoff=2).apply(guided()).positive - NEGATIVE
    torch.testing.assert_close(slow.mean(dim=(2, 3)), torch.zeros(2, 4).double(), rtol=0, atol=1e-6)
    everything = FrequencyScaled(2.0, 1.0, cutoff=100).apply(guided()).positive - NEGATIVE
    torch.testing.assert_close(everything, 2 * (POSITIVE - NEGATIVE), rtol=1e-5, atol=1e-5)


def test_a_pyramid_is_put_together_again() -> None:
    for shape in ((2, 4, 8, 8), (1, 4, 7, 5)):
        planes = torch.randn(shape)
        torch.testing.assert_close(assembled(pyramid(planes, 3)), planes)


def test_frequency_decoupled_guidance_with_one_scale_is_plain_guidance() -> None:
    torch.testing.assert_close(result(FrequencyDecoupled(SCALE, SCALE)), plain())
    slow = torch.ones(1, 1, 8, 8, dtype=torch.float64).expand_as(X)
    flat = replace(guided(), positive=slow, negative=-slow)
    torch.testing.assert_close(FrequencyDecoupled(3.0, 9.0).apply(flat).result, -slow + 3.0 * 2 * slow)


def test_the_last_combining_rule_wins_and_the_others_go_in_order() -> None:
    torch.testing.assert_close(result(Rescaled(1.0), Renormed(0.0)), plain())
    ours = result(EpsilonScaling(2.0), Normed(0.5))
    torch.testing.assert_close(ours, result(Normed(0.5)) * 0 + _normed(X - (X - plain()) / 2.0, 0.5))


def _normed(planes: Tensor, strength: float) -> Tensor:
    shrink = (POSITIVE.norm(dim=1, keepdim=True) / (planes.norm(dim=1, keepdim=True) + 1e-8)).clamp(max=1.0)
    return planes * shrink * strength

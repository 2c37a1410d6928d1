"""Does a hook have the strength that its keyframes say, and do defaults hold where nothing else does?"""

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from models.conditioner import PlainConditioner, Surroundings
from models.noise import NoiseTable
from schedulers.batching import ConditionedDenoiser
from schedulers.conditioning import CellArea, ConditioningValue, Setting, resolve
from schedulers.hooks import ClipHooks, HookRun, Hooks, Keyframe, KeyframeRun, Keyframes, WeightHook
from schedulers.prediction import NetworkDenoiser
from schedulers.tables import sigma_table
from tests.schedulers.toys import entry, toy_model

TABLE = sigma_table(NoiseTable())


def run_of(*frames: Keyframe, highest: float = 10.0) -> KeyframeRun:
    """Keyframes along a run whose noise levels fall from 10 to 0."""
    return KeyframeRun(Keyframes().with_frames(*frames), lambda start: 10.0 * (1.0 - start), highest)


def strengths(run: KeyframeRun, sigmas: Sequence[float]) -> list[float]:
    return [run.strength(sigma) for sigma in sigmas]


def test_without_keyframes_a_hook_is_as_strong_as_it_is() -> None:
    assert strengths(run_of(), (9.0, 1.0)) == [1.0, 1.0]


def test_keyframes_hold_from_their_start_in_whatever_order_they_were_made() -> None:
    run = run_of(Keyframe(0.2, 0.6), Keyframe(0.5, 0.0), Keyframe(0.8, 0.3))
    assert strengths(run, (10.0, 7.5, 7.0, 5.0, 4.0, 1.0)) == [0.5, 0.5, 0.8, 0.8, 0.2, 0.2]


def test_the_first_keyframe_holds_before_its_start() -> None:
    assert strengths(run_of(Keyframe(0.3, 0.5)), (10.0, 6.0, 4.0)) == [0.3, 0.3, 0.3]


def test_keyframes_that_begin_before_the_run_are_passed_over() -> None:
    run = run_of(Keyframe(0.1, 0.0), Keyframe(0.2, 0.1), Keyframe(0.3, 0.4), highest=6.0)
    assert strengths(run, (6.0, 5.0)) == [0.3, 0.3]


def test_a_keyframe_within_the_run_is_sure_of_its_evaluations_even_where_steps_leap_over_it() -> None:
    frames = (Keyframe(0.1, 0.0, 0), Keyframe(0.2, 0.3, 2), Keyframe(0.3, 0.4, 1))
    assert strengths(run_of(*frames), (10.0, 5.0, 4.0, 3.0)) == [0.1, 0.2, 0.2, 0.3]
    leaping = (Keyframe(0.1, 0.0, 0), Keyframe(0.2, 0.3, 0), Keyframe(0.3, 0.4, 0))
    assert strengths(run_of(*leaping), (10.0, 5.0, 4.0, 3.0)) == [0.1, 0.3, 0.3, 0.3]


def test_asking_again_at_the_same_noise_level_changes_nothing() -> None:
    frames = (Keyframe(0.1, 0.0, 2), Keyframe(0.2, 0.0, 0))
    assert strengths(run_of(*frames), (9.0, 9.0, 9.0, 8.0, 7.0)) == [0.1, 0.1, 0.1, 0.1, 0.2]


def test_hooks_that_share_keyframes_move_on_together_and_others_by_themselves() -> None:
    shared, own = Keyframes(), Keyframes()
    run = HookRun(None, lambda start: start, 1.0)
    assert run.of(shared) is run.of(shared)
    assert run.of(shared) is not run.of(own)
    with pytest.raises(ValueError, match="need a model"):
        _ = run.model


def hook(name: str, *frames: Keyframe) -> WeightHook:
    changes: Any = name
    return WeightHook(changes, keyframes=Keyframes().with_frames(*frames))


def test_a_hook_that_comes_twice_holds_once() -> None:
    first, second = Hooks((hook("a"), hook("b"))), Hooks((hook("b", Keyframe(0.5)), hook("c")))
    joined = first.joined(None, second)
    assert [held.changes for held in joined.hooks] == ["a", "b", "c"]
    assert joined.hooks[1].keyframes.frames == ()


def test_texts_are_encoded_anew_where_the_strength_of_any_hook_changes() -> None:
    hooks = Hooks(
        (
            hook("a", Keyframe(0.5, 0.0), Keyframe(0.5, 0.2), Keyframe(1.0, 0.6)),
            hook("b", Keyframe(0.3, 0.4)),
            hook("c"),
        )
    )
    assert ClipHooks(hooks, scheduled=True).spans() == [
        (0.0, 0.4, (0.5, 1.0, 1.0)),
        (0.4, 0.6, (0.5, 0.3, 1.0)),
        (0.6, 1.0, (1.0, 0.3, 1.0)),
    ]
    assert ClipHooks(hooks).spans() == [(0.0, 1.0, (1.0, 1.0, 1.0))]


X = torch.randn(2, 4, 16, 16, generator=torch.Generator().manual_seed(3))


def answers(*entries: ConditioningValue) -> tuple[torch.Tensor, int]:
    """What entries come to at sigma 2, and how many rows the network had to answer."""
    model = toy_model()
    setting = Setting(PlainConditioner(), Surroundings(X, X, None, 0, X.device), TABLE.percent_to_sigma)
    positive = tuple(one for part in entries for one in part)
    lists = resolve({"positive": positive}, setting)
    with torch.no_grad():
        denoised = ConditionedDenoiser(NetworkDenoiser.of(model), lists)(X, 2.0, ("positive",))["positive"]
    return denoised, sum(len(x) for x, _, _ in model.network.calls) // len(X)


DEFAULT: dict[str, Any] = {"extra": {"default": True}}
HALF = torch.zeros(1, 16, 16)
HALF[:, :, :8] = 1.0


def test_a_default_alone_holds_everywhere() -> None:
    assert torch.equal(answers((entry(1, **DEFAULT),))[0], answers((entry(1),))[0])


def test_a_default_fills_what_masks_leave() -> None:
    filled, _ = answers((entry(1, mask=HALF),), (entry(2, **DEFAULT),))
    first, second = answers((entry(1),))[0], answers((entry(2),))[0]
    assert torch.allclose(filled, torch.where(HALF[:, None] > 0, first, second), atol=1e-6)


def test_a_default_takes_the_part_that_is_left_where_others_are_weak() -> None:
    weak = entry(1, mask=HALF, mask_strength=0.25)
    filled, _ = answers((weak,), (entry(2, strength=9.0, **DEFAULT),))
    first, second = answers((entry(1),))[0], answers((entry(2),))[0]
    share = 0.25 * HALF[:, None]
    assert torch.allclose(filled, share * first + (1 - share) * second, atol=1e-6)


def test_a_default_with_an_area_fills_its_part_only() -> None:
    area = CellArea(8, 16, 0, 0)
    filled, _ = answers((entry(1, mask=HALF),), (entry(2, area=area, **DEFAULT),))
    first = answers((entry(1),))[0]
    assert torch.allclose(filled[:, :, :, :8], first[:, :, :, :8], atol=1e-6)
    assert filled[:, :, 8:, 8:].abs().max() == 0
    assert filled[:, :, :8, 8:].abs().min() > 0


def test_a_default_for_which_nothing_is_left_is_not_evaluated() -> None:
    alone, rows = answers((entry(1),))
    filled, same_rows = answers((entry(1),), (entry(2, **DEFAULT),))
    assert torch.equal(filled, alone)
    assert same_rows == rows == 1
    later = entry(1, end=0.1)
    assert torch.equal(answers((later,), (entry(2, **DEFAULT),))[0], answers((entry(2),))[0])


def test_a_text_holds_only_while_both_its_windows_do() -> None:
    narrow: dict[str, Any] = {"extra": {"clip_start_percent": 0.0, "clip_end_percent": 0.1}}
    assert answers((entry(1, **narrow),))[1] == 0
    wide: dict[str, Any] = {"extra": {"clip_start_percent": 0.2, "clip_end_percent": 1.0}}
    assert answers((entry(1, start=0.1, **wide),))[1] == 1
    assert answers((entry(1, start=0.1, end=0.3, **wide),))[1] == 0

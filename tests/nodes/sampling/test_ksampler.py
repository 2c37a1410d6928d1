from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from executor.run.events import NodePreview, NodeProgress
from models.diffusion import LatentFormat
from nodes.api.errors import Cancelled, NodeError
from nodes.conditioning.text import encode
from nodes.latent.batch import pick
from nodes.latent.empty import empty
from nodes.sampling.ksampler import ksampler, ksampler_advanced
from schedulers.conditioning import Entry
from schedulers.latent import LatentBatch
from schedulers.noise import initial_noise
from schedulers.sample import sample
from schedulers.samplers.table import SAMPLERS
from schedulers.sigmas import SCHEDULES, ksampler_sigmas


@pytest.fixture
def inputs(ctx, checkpoint) -> dict[str, Any]:
    return {
        "model": checkpoint.model,
        "steps": 3,
        "cfg": 3.0,
        "sampler_name": "euler",
        "scheduler": "normal",
        "positive": encode(ctx, "a red circle", checkpoint.clip),
        "negative": encode(ctx, "", checkpoint.clip),
        "latent_image": empty(64, 64, 1),
    }


def picture(seed: int = 0, count: int = 1) -> LatentBatch:
    return LatentBatch(torch.randn(count, 4, 8, 8, generator=torch.Generator().manual_seed(seed)))


def direct(checkpoint, inputs: dict[str, Any], latent: Tensor, seed: int, denoise: float = 1.0) -> Tensor:
    base = checkpoint.model.base
    sigmas = ksampler_sigmas(base, inputs["sampler_name"], inputs["scheduler"], inputs["steps"], denoise)
    return sample(
        base,
        initial_noise(latent.shape, seed),
        latent,
        inputs["positive"],
        inputs["negative"],
        cfg=inputs["cfg"],
        sampler=inputs["sampler_name"],
        sigmas=sigmas,
        seed=seed,
    )


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_on_the_menu_runs(ctx, inputs, sampler: str) -> None:
    small = {"sampler_name": sampler, "steps": 2, "cfg": 1.0, "latent_image": empty(32, 32, 1)}
    result = ksampler(ctx, **inputs | small, seed=1).samples
    assert result.shape == (1, 4, 4, 4)
    assert torch.isfinite(result).all()


@pytest.mark.parametrize("sampler", ["euler", "euler_ancestral", "dpmpp_2m_sde"])
def test_the_seed_fixes_the_picture(ctx, inputs, sampler: str) -> None:
    chosen = inputs | {"sampler_name": sampler}
    first = ksampler(ctx, **chosen, seed=1).samples
    assert torch.equal(first, ksampler(ctx, **chosen, seed=1).samples)
    assert not torch.equal(first, ksampler(ctx, **chosen, seed=2).samples)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_on_the_menu_runs(ctx, inputs, schedule: str) -> None:
    small = {"scheduler": schedule, "cfg": 1.0, "latent_image": empty(32, 32, 1)}
    assert torch.isfinite(ksampler(ctx, **inputs | small, seed=0).samples).all()


def test_the_node_is_the_sampler_with_its_noise(ctx, inputs, checkpoint) -> None:
    expected = direct(checkpoint, inputs, torch.zeros(1, 4, 8, 8), 5)
    assert torch.equal(ksampler(ctx, **inputs, seed=5).samples, expected)


def test_the_largest_seed_runs(ctx, inputs) -> None:
    assert torch.isfinite(ksampler(ctx, **inputs, seed=2**64 - 1).samples).all()


def test_denoise_takes_the_last_steps_of_a_longer_schedule(ctx, inputs, checkpoint) -> None:
    start = picture()
    result = ksampler(ctx, **inputs | {"latent_image": start}, seed=5, denoise=0.5)
    assert torch.equal(result.samples, direct(checkpoint, inputs, start.samples, 5, 0.5))
    untouched = ksampler(ctx, **inputs | {"latent_image": start}, seed=5, denoise=0.0)
    assert torch.equal(untouched.samples, start.samples)


def test_every_step_is_reported(ctx, inputs) -> None:
    ksampler(ctx, **inputs, seed=0)
    steps = [(event.value, event.total) for event in ctx.events if isinstance(event, NodeProgress)]
    assert steps == [(1, 3), (2, 3), (3, 3)]


def with_colours(model: Any) -> Any:
    factors = ((0.3, 0.2, 0.1), (0.1, 0.2, 0.3), (-0.1, 0.1, 0.2), (-0.2, -0.3, 0.5))
    return model.with_base(replace(model.base, latent=LatentFormat(rgb_factors=factors)))


def test_previews_come_at_most_ten_times_a_second(ctx, inputs, monkeypatch) -> None:
    clock = iter([0.0, 0.05, 0.12])
    monkeypatch.setattr("nodes.sampling.run.time", SimpleNamespace(monotonic=lambda: next(clock)))
    ksampler(ctx, **inputs | {"model": with_colours(inputs["model"])}, seed=0)
    previews = [event for event in ctx.events if isinstance(event, NodePreview)]
    assert [(event.width, event.height) for event in previews] == [(8, 8), (8, 8)]


def test_there_are_no_previews_where_they_are_switched_off(make_context, inputs) -> None:
    ctx = make_context(preview_method="none")
    ksampler(ctx, **inputs | {"model": with_colours(inputs["model"])}, seed=0)
    assert not any(isinstance(event, NodePreview) for event in ctx.events)


def test_a_cancelled_job_stops_at_the_next_step(make_context, inputs) -> None:
    ctx = make_context()
    answers = iter([False, True])
    cancelled = make_context(is_cancelled=lambda: next(answers))
    with pytest.raises(Cancelled):
        ksampler(cancelled, **inputs, seed=0)
    assert len([event for event in cancelled.events if isinstance(event, NodeProgress)]) == 1
    assert torch.isfinite(ksampler(ctx, **inputs, seed=0).samples).all()


def test_a_picked_latent_gets_the_noise_of_its_place(ctx, inputs) -> None:
    whole = ksampler(ctx, **inputs | {"latent_image": empty(64, 64, 3)}, seed=3).samples
    alone = ksampler(ctx, **inputs | {"latent_image": pick(empty(64, 64, 3), 1, 1)}, seed=3)
    assert torch.allclose(alone.samples, whole[1:2], atol=1e-4 * float(whole.abs().max()))
    assert alone.batch_index == (1,)


def test_outside_its_mask_a_picture_stays(ctx, inputs) -> None:
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., :4] = 1
    start = replace(picture(), noise_mask=mask)
    result = ksampler(ctx, **inputs | {"latent_image": start}, seed=0)
    assert torch.allclose(result.samples[..., 4:], start.samples[..., 4:], atol=1e-5)
    assert not torch.allclose(result.samples[..., :4], start.samples[..., :4], atol=0.1)
    assert result.noise_mask is mask


def advanced(ctx: Any, inputs: dict[str, Any], **changes: Any) -> LatentBatch:
    defaults = {
        "add_noise": "enable",
        "noise_seed": 4,
        "return_with_leftover_noise": "disable",
        "start_at_step": 0,
        "end_at_step": 10_000,
    }
    made: LatentBatch = ksampler_advanced(ctx, **inputs | defaults | changes)
    return made


def test_the_advanced_sampler_alone_is_the_simple_one(ctx, inputs) -> None:
    assert torch.equal(advanced(ctx, inputs).samples, ksampler(ctx, **inputs, seed=4).samples)


def test_two_samplers_can_share_the_steps(ctx, inputs) -> None:
    whole = advanced(ctx, inputs | {"steps": 5})
    first = advanced(ctx, inputs | {"steps": 5}, end_at_step=2, return_with_leftover_noise="enable")
    second = advanced(ctx, inputs | {"steps": 5, "latent_image": first}, add_noise="disable", start_at_step=2)
    assert torch.allclose(second.samples, whole.samples, atol=1e-3 * float(whole.samples.abs().max()))


def test_without_leftover_noise_the_cut_schedule_ends_clean(ctx, inputs) -> None:
    noisy = advanced(ctx, inputs, end_at_step=2, return_with_leftover_noise="enable").samples
    clean = advanced(ctx, inputs, end_at_step=2).samples
    assert not torch.allclose(noisy, clean)


def test_no_steps_leave_the_latent_alone(ctx, inputs) -> None:
    start = picture()
    result = advanced(ctx, inputs | {"latent_image": start}, start_at_step=3)
    assert torch.equal(result.samples, start.samples)


def test_an_empty_latent_takes_the_channels_of_the_model(ctx, inputs) -> None:
    blank = LatentBatch(torch.zeros(1, 16, 8, 8))
    result = ksampler(ctx, **inputs | {"latent_image": blank}, seed=4)
    assert torch.equal(result.samples, ksampler(ctx, **inputs, seed=4).samples)
    with pytest.raises(NodeError, match="16 channels but this model wants 4"):
        ksampler(ctx, **inputs | {"latent_image": LatentBatch(torch.ones(1, 16, 8, 8))}, seed=4)


def test_prompts_of_another_text_encoder_are_refused_by_name(ctx, inputs) -> None:
    stranger = (Entry(torch.zeros(1, 77, 96)),)
    with pytest.raises(NodeError, match=r"negative .* 96 .* 64"):
        ksampler(ctx, **inputs | {"negative": stranger}, seed=0)


def test_inputs_are_not_changed(ctx, inputs) -> None:
    start = picture()
    before = start.samples.clone()
    weights = {name: value.clone() for name, value in inputs["model"].base.network.state_dict().items()}
    ksampler(ctx, **inputs | {"latent_image": start}, seed=0)
    assert torch.equal(start.samples, before)
    after = inputs["model"].base.network.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in weights.items())

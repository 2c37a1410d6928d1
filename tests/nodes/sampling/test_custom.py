"""Do the nodes of custom sampling agree with the classic samplers and with one another?"""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from models.adapters.patch import Patched
from models.diffusion import DiffusionModel
from models.noise import Flow
from nodes.api.declare import node_of
from nodes.api.errors import NodeError
from nodes.conditioning.text import encode
from nodes.latent.empty import empty
from nodes.sampling import guidance, guiders, model_sampling, operations, samplers
from nodes.sampling.custom import (
    add_noise,
    disable_noise,
    random_noise,
    sampler_custom,
    sampler_custom_advanced,
)
from nodes.sampling.ksampler import ksampler
from nodes.sampling.schedules import basic
from nodes.sampling.shelf import diffusers_scheduler
from nodes.sampling.sigmas import split
from schedulers.latent import LatentBatch
from schedulers.noise import initial_noise
from schedulers.samplers.table import SAMPLERS

SEED, CFG = 7, 3.0


@pytest.fixture
def prompts(ctx, checkpoint) -> dict[str, Any]:
    texts = {"positive": "a red circle", "negative": "", "other": "a blue square"}
    return {name: encode(ctx, text, checkpoint.clip) for name, text in texts.items()}


@pytest.fixture
def model(checkpoint) -> Any:
    return checkpoint.model


@pytest.fixture
def flow(checkpoint) -> Any:
    return checkpoint.model.with_base(replace(checkpoint.model.base, prediction="flow", noise=Flow(3.0)))


def picture() -> LatentBatch:
    return LatentBatch(torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(3)))


def drawn(ctx, guider, sigmas: Tensor, sampler: Any = SAMPLERS["euler"], **changes: Any) -> Any:
    given = {
        "noise": random_noise(noise_seed=SEED),
        "sampler": sampler,
        "latent_image": empty(32, 32, 1),
    } | changes
    return sampler_custom_advanced(ctx, guider=guider, sigmas=sigmas, **given)


def guided(ctx, model, prompts, sigmas: Tensor, cfg: float = CFG, **changes: Any) -> Tensor:
    guider = guiders.classifier_free(
        model=model, positive=prompts["positive"], negative=prompts["negative"], cfg=cfg
    )
    return drawn(ctx, guider, sigmas, **changes).output.samples


def levels(model, steps: int = 3) -> Tensor:
    return basic(model=model, scheduler="simple", steps=steps)


def test_all_three_ways_to_sample_give_the_same_picture(ctx, model, prompts) -> None:
    sigmas, (positive, negative) = levels(model), (prompts["positive"], prompts["negative"])
    classic = ksampler(
        ctx,
        model=model,
        seed=SEED,
        steps=3,
        cfg=CFG,
        sampler_name="dpmpp_2m_sde",
        scheduler="simple",
        positive=positive,
        negative=negative,
        latent_image=empty(32, 32, 1),
    ).samples
    custom = sampler_custom(
        ctx,
        model=model,
        noise_seed=SEED,
        cfg=CFG,
        positive=positive,
        negative=negative,
        sampler=samplers.select(sampler_name="dpmpp_2m_sde"),
        sigmas=sigmas,
        latent_image=empty(32, 32, 1),
    )
    advanced = guided(ctx, model, prompts, sigmas, sampler=SAMPLERS["dpmpp_2m_sde"])
    assert torch.equal(classic, custom.output.samples)
    assert torch.equal(classic, advanced)


def test_the_second_output_is_the_last_estimate(ctx, model, prompts) -> None:
    guider = guiders.basic(model=model, conditioning=prompts["positive"])
    whole = drawn(ctx, guider, levels(model))
    torch.testing.assert_close(whole.output.samples, whole.denoised_output.samples)
    part = drawn(ctx, guider, levels(model)[:-1])
    assert float((part.output.samples - part.denoised_output.samples).abs().max()) > 0.1


def test_without_levels_the_latent_comes_back(ctx, model, prompts) -> None:
    guider = guiders.basic(model=model, conditioning=prompts["positive"])
    latent = picture()
    result = drawn(ctx, guider, torch.zeros(0), latent_image=latent)
    assert result.output.samples is latent.samples
    assert result.denoised_output.samples is latent.samples


@pytest.mark.parametrize("kind", ["model", "flow"])
def test_two_samplers_that_share_the_levels_draw_the_same_picture_as_one(ctx, request, prompts, kind) -> None:
    model = request.getfixturevalue(kind)
    sigmas = levels(model, 4)
    whole = guided(ctx, model, prompts, sigmas)
    high, low = split(sigmas=sigmas, step=2)
    half = guided(ctx, model, prompts, high)
    rest = guided(ctx, model, prompts, low, noise=disable_noise(), latent_image=LatentBatch(half))
    torch.testing.assert_close(rest, whole, rtol=1e-4, atol=1e-4)


def test_guiders_agree_where_they_should(ctx, model, prompts) -> None:
    sigmas, positive, negative = levels(model), prompts["positive"], prompts["negative"]
    plain = guided(ctx, model, prompts, sigmas)
    alone = guided(ctx, model, prompts, sigmas, cfg=1.0)

    def result(guider: Any) -> Tensor:
        return drawn(ctx, guider, sigmas).output.samples

    same = {"model": model, "cond1": positive, "cond2": negative, "negative": negative}
    both = {"model": model, "positive": positive, "negative": negative, "empty_conditioning": negative}
    pairs = [
        (guiders.basic(model=model, conditioning=positive), alone),
        (guiders.dual(**same, cfg_conds=CFG, cfg_cond2_negative=2.0, style="regular"), plain),
        (guiders.dual(**same, cfg_conds=CFG, cfg_cond2_negative=1.0, style="nested"), plain),
        (guiders.dual(**same, cfg_conds=1.0, cfg_cond2_negative=1.0, style="regular"), alone),
        (guiders.dual(**same, cfg_conds=1.0, cfg_cond2_negative=CFG, style="nested"), plain),
        (guiders.perp_neg(**both, cfg=CFG), plain),
        (guiders.perp_neg(**both, cfg=CFG, neg_scale=0.0), plain),
        (guiders.perp_neg(**both, cfg=1.0, neg_scale=0.0), alone),
        (guiders.dual_model(model=model, positive=positive, negative=negative, cfg=CFG), plain),
        (guiders.dual_model(model=model, model_negative=model, positive=positive, cfg=CFG), alone),
    ]
    for guider, expected in pairs:
        torch.testing.assert_close(result(guider), expected, rtol=1e-4, atol=1e-4)
    with pytest.raises(NodeError, match="nothing to guide by"):
        guiders.dual_model(model=model, positive=positive)


def test_a_weaker_model_is_kept_away_from(ctx, model, prompts) -> None:
    sigmas = levels(model)
    weak = model_sampling.discrete(model=model, sampling="x0")
    guider = guiders.dual_model(model=model, model_negative=weak, positive=prompts["positive"], cfg=2.0)
    ours = drawn(ctx, guider, sigmas[:2]).denoised_output.samples
    strong, away = (
        drawn(
            ctx, guiders.basic(model=one, conditioning=prompts["positive"]), sigmas[:2]
        ).denoised_output.samples
        for one in (model, weak)
    )
    torch.testing.assert_close(ours, away + 2.0 * (strong - away), rtol=1e-4, atol=1e-3)


def test_perp_neg_is_the_same_as_node_and_as_guider(ctx, model, prompts) -> None:
    sigmas = levels(model)
    positive, negative, other = (prompts[name] for name in ("positive", "negative", "other"))
    guider = guiders.perp_neg(
        model=model, positive=positive, negative=other, empty_conditioning=negative, cfg=CFG, neg_scale=0.5
    )
    ruled = guidance.perp_neg(model=model, empty_conditioning=negative, neg_scale=0.5)
    plain = guiders.classifier_free(model=ruled, positive=positive, negative=other, cfg=CFG)
    ours, theirs = (drawn(ctx, one, sigmas).output.samples for one in (guider, plain))
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-3)


RULES = {
    name: value
    for name, value in vars(guidance).items()
    if hasattr(value, "node") and name not in ("perp_neg", "differential_diffusion")
}


@pytest.mark.parametrize("name", RULES)
def test_every_rule_changes_the_picture_and_leaves_the_model_as_it_is(ctx, model, prompts, name: str) -> None:
    sigmas = levels(model)
    ruled = RULES[name](model=model)
    ruled = ruled[0] if isinstance(ruled, tuple) else ruled
    changes: dict[str, Any] = {}
    if "by_frame" in name:
        changes["latent_image"] = empty(32, 32, 2)
    ours = guided(ctx, ruled, prompts, sigmas, cfg=9.0, **changes)
    plain = guided(ctx, model, prompts, sigmas, cfg=9.0, **changes)
    assert bool(ours.isfinite().all())
    assert not torch.equal(ours, plain)
    assert model.base.rules == ()
    assert ruled.base.network is model.base.network
    assert node_of(RULES[name]).spec.id


def test_a_grey_mask_is_drawn_for_a_part_of_the_steps(ctx, model, prompts) -> None:
    sigmas, latent = levels(model, 4), picture()
    ruled = guidance.differential_diffusion(model=model)
    halves = torch.ones(1, 4, 4)
    halves[..., :2] = 0
    masked = replace(latent, noise_mask=halves)
    ours, plain = (guided(ctx, one, prompts, sigmas, latent_image=masked) for one in (ruled, model))
    assert torch.equal(ours, plain)
    torch.testing.assert_close(ours[..., :2], latent.samples[..., :2], rtol=1e-4, atol=1e-4)

    def change(grey: float) -> float:
        masked = replace(latent, noise_mask=torch.full((1, 4, 4), grey))
        ours = guided(ctx, ruled, prompts, sigmas, latent_image=masked)
        return float((ours - latent.samples).abs().mean())

    changes = [change(grey) for grey in (0.0, 0.4, 0.9, 1.0)]
    assert changes[0] == pytest.approx(0.0, abs=1e-4)
    assert changes[1] < changes[2] <= changes[3]


def test_add_noise_puts_on_what_lies_between_the_ends(model, flow) -> None:
    latent, sigmas = picture(), torch.tensor([5.0, 2.0, 1.0])
    noise = random_noise(noise_seed=SEED)
    drawn_noise = initial_noise(latent.samples.shape, SEED)
    noisy = add_noise(model=model, noise=noise, sigmas=sigmas, latent_image=latent).samples
    scale = model.base.latent.scale
    torch.testing.assert_close(noisy, latent.samples + 4.0 * drawn_noise / scale, rtol=1e-4, atol=1e-4)
    mixed = add_noise(model=flow, noise=noise, sigmas=sigmas[:0] + 1, latent_image=latent)
    assert mixed is latent
    mixed = add_noise(model=flow, noise=noise, sigmas=torch.tensor([0.25]), latent_image=latent).samples
    expected = latent.samples * 0.75 + 0.25 * drawn_noise / scale
    torch.testing.assert_close(mixed, expected, rtol=1e-4, atol=1e-4)


SAMPLER_NODES = {
    "euler_ancestral": lambda: samplers.euler_ancestral(),
    "euler_ancestral_cfg_pp": lambda: samplers.euler_ancestral_cfg_pp(),
    "euler_cfg_pp": lambda: samplers.euler_cfg_pp(version="regular"),
    "lms": lambda: samplers.lms(),
    "dpmpp_2s_ancestral": lambda: samplers.dpmpp_2s_ancestral(),
    "dpmpp_sde": lambda: samplers.dpmpp_sde(noise_device="cpu"),
    "dpmpp_2m_sde": lambda: samplers.dpmpp_2m_sde(solver_type="midpoint", noise_device="cpu"),
    "dpmpp_2m_sde_heun_gpu": lambda: samplers.dpmpp_2m_sde(solver_type="heun", noise_device="gpu"),
    "dpmpp_3m_sde": lambda: samplers.dpmpp_3m_sde(noise_device="cpu"),
    "dpm_adaptive": lambda: samplers.dpm_adaptive_method(),
    "er_sde": lambda: samplers.er_sde(solver_type="ER-SDE"),
    "sa_solver": lambda: samplers.sa_solver(model=None, use_pece=False, simple_order_2=False),
    "sa_solver_pece": lambda: samplers.sa_solver(model=None, use_pece=True, simple_order_2=False),
    "seeds_2": lambda: samplers.seeds_2(solver_type="phi_1"),
    "exp_heun_2_x0": lambda: samplers.seeds_2(solver_type="phi_2", eta=0.0, r=1.0),
    "exp_heun_2_x0_sde": lambda: samplers.seeds_2(solver_type="phi_2", r=1.0),
    "lcm": lambda: SAMPLERS["lcm"],
}


@pytest.mark.parametrize("name", SAMPLER_NODES)
def test_sampler_nodes_at_their_defaults_are_the_named_samplers(ctx, model, prompts, name: str) -> None:
    sigmas = levels(model, 4)
    ours = guided(ctx, model, prompts, sigmas, sampler=SAMPLER_NODES[name]())
    assert torch.equal(ours, guided(ctx, model, prompts, sigmas, sampler=SAMPLERS[name]))


@pytest.mark.parametrize(
    "sampler",
    [
        samplers.euler_ancestral(eta=0.0),
        samplers.dpmpp_2m_sde(solver_type="midpoint", eta=0.0, noise_device="cpu"),
        samplers.dpmpp_sde(eta=0.0, noise_device="cpu"),
        samplers.dpmpp_3m_sde(eta=0.0, noise_device="cpu"),
        samplers.dpmpp_2s_ancestral(eta=0.0),
        samplers.er_sde(solver_type="ODE"),
        samplers.er_sde(solver_type="Reverse-time SDE", eta=0.0),
        samplers.seeds_2(solver_type="phi_1", eta=0.0),
        samplers.sa_solver(model=None, eta=0.0, use_pece=False, simple_order_2=True),
    ],
)
def test_without_noise_samplers_are_blind_to_the_seed(ctx, model, prompts, sampler) -> None:
    sigmas, latent = levels(model, 4), picture()
    one = guided(ctx, model, prompts, sigmas, sampler=sampler, noise=disable_noise(), latent_image=latent)
    other = guided(
        ctx,
        model,
        prompts,
        sigmas,
        sampler=sampler,
        noise=replace(disable_noise(), seed=5),
        latent_image=latent,
    )
    assert torch.equal(one, other)


def test_consistency_sampling_can_enlarge_the_picture(ctx, model, prompts) -> None:
    sampler = samplers.lcm_upscale_method(scale_ratio=2.0, scale_steps=2, upscale_method="bilinear")
    assert guided(ctx, model, prompts, levels(model), sampler=sampler).shape == (1, 4, 8, 8)


MODEL_SAMPLING = {
    **{
        f"discrete {sampling}": lambda model, sampling=sampling: model_sampling.discrete(
            model=model, sampling=sampling, zsnr=True
        )
        for sampling in model_sampling.DISCRETE
    },
    **{
        f"edm {sampling}": lambda model, sampling=sampling: model_sampling.continuous_edm(
            model=model, sampling=sampling
        )
        for sampling in model_sampling.CONTINUOUS
    },
    "v": lambda model: model_sampling.continuous_v(model=model, sampling="v_prediction"),
    "cascade": lambda model: model_sampling.stable_cascade(model=model),
    "sd3": lambda model: model_sampling.sd3(model=model),
    "aura": lambda model: model_sampling.aura_flow(model=model),
    "noise": lambda model: model_sampling.noise_scale(model=model, noise_scale=1.5),
    "flux": lambda model: model_sampling.flux(model=model),
    "ltxv": lambda model: model_sampling.ltxv(model=model),
}


@pytest.mark.parametrize("name", MODEL_SAMPLING)
def test_every_way_of_sampling_a_model_runs(ctx, model, prompts, name: str) -> None:
    changed = MODEL_SAMPLING[name](model)
    assert changed.base.network is model.base.network
    sampler = samplers.dpmpp_sde(noise_device="cpu")
    assert bool(guided(ctx, changed, prompts, levels(changed), sampler=sampler).isfinite().all())


def test_shifts_grow_with_the_picture() -> None:
    model = Patched(DiffusionModel(torch.nn.Identity(), "sd15"))
    assert model_sampling.flux(model=model).base.noise.mu == pytest.approx(1.15)
    assert model_sampling.flux(model=model, width=256, height=256).base.noise.mu == pytest.approx(0.5)
    assert model_sampling.ltxv(model=model).base.noise.mu == pytest.approx(2.05)
    with pytest.raises(NodeError, match="shift must be above 0"):
        model_sampling.sd3(model=model, shift=0.0)
    with pytest.raises(NodeError, match="sigma_min must be above 0"):
        model_sampling.continuous_v(model=model, sampling="v_prediction", sigma_min=0.0)


def test_operations_change_latents_and_guidance(ctx, model, prompts) -> None:
    latent = LatentBatch(torch.randn(1, 4, 24, 24, generator=torch.Generator().manual_seed(1)))
    for operation in (operations.tone_map(multiplier=1.0), operations.sharpen()):
        changed = operations.apply(samples=latent, operation=operation).samples
        assert changed.shape == latent.samples.shape
        assert not torch.equal(changed, latent.samples)
        ruled = operations.apply_to_guidance(model=model, operation=operation)
        sigmas = levels(model)
        assert not torch.equal(guided(ctx, ruled, prompts, sigmas), guided(ctx, model, prompts, sigmas))
    same = operations.apply(samples=latent, operation=operations.sharpen(alpha=0.0)).samples
    torch.testing.assert_close(same, latent.samples, rtol=1e-4, atol=1e-5)
    length = latent.samples.norm(dim=1)
    mapped = operations.apply(samples=latent, operation=operations.tone_map(multiplier=1.0)).samples
    top = length.std() * 5 + length.mean()
    torch.testing.assert_close(mapped.norm(dim=1), length / (length / top + 1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["DPMSolverMultistepScheduler", "DDIMScheduler", "PNDMScheduler"])
def test_a_scheduler_of_diffusers_is_a_sampler_with_its_levels(ctx, model, prompts, name: str) -> None:
    chosen = diffusers_scheduler(model=model, scheduler_name=name, steps=4)
    assert len(chosen.sigmas) == 5
    ours = guided(ctx, model, prompts, chosen.sigmas, sampler=chosen.sampler)
    assert bool(ours.isfinite().all())


def test_prompts_that_are_weighed_against_are_told_as_negative_ones(model, prompts) -> None:
    one = prompts["positive"]
    two = guiders.dual(model=model, cond1=one, cond2=one, negative=one, style="regular")
    perp = guiders.perp_neg(model=model, positive=one, negative=one, empty_conditioning=one)
    (rule,) = guidance.perp_neg(model=model, empty_conditioning=one).base.rules
    for lists, name in (
        (two.lists, "middle"),
        (perp.lists, "perp_neg_empty"),
        (rule.lists, "perp_neg_empty"),
    ):
        assert [entry.extra["prompt_type"] for entry in lists[name]] == ["negative"]
    assert "prompt_type" not in two.lists["positive"][0].extra

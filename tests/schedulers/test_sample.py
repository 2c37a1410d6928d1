"""Does sampling as a whole follow the rules that make equal seeds give equal pictures?"""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from models.diffusion import DiffusionModel
from models.noise import Flow, NoiseLevels, NoiseTable
from schedulers.noise import initial_noise
from schedulers.prediction import NetworkDenoiser
from schedulers.sample import sample
from schedulers.samplers.table import SAMPLERS
from schedulers.sigmas import SCHEDULES, ksampler_sigmas
from schedulers.step import Step
from tests.schedulers.toys import ToyNetwork, entry, toy_model

MODEL = toy_model()
SHAPE = (2, 4, 8, 8)
EMPTY = torch.zeros(SHAPE)
POSITIVE, NEGATIVE = (entry(1),), (entry(2),)


def picture(
    sampler: str = "euler",
    schedule: str = "normal",
    *,
    steps: int = 5,
    cfg: float = 3.0,
    seed: int = 17,
    latent: torch.Tensor = EMPTY,
    denoise: float = 1.0,
    **options: object,
) -> torch.Tensor:
    sigmas = ksampler_sigmas(MODEL, sampler, schedule, steps, denoise)
    noise = initial_noise(SHAPE, seed)
    return sample(
        MODEL,
        noise,
        latent,
        POSITIVE,
        NEGATIVE,
        cfg=cfg,
        sampler=sampler,
        sigmas=sigmas,
        seed=seed,
        **options,
    )


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_runs_on_every_schedule(sampler: str, schedule: str) -> None:
    first = picture(sampler, schedule, steps=4)
    assert first.dtype == torch.float32
    assert first.shape == SHAPE
    assert first.isfinite().all()
    assert not first.requires_grad


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_same_seed_gives_the_same_picture_and_another_another(sampler: str) -> None:
    first = picture(sampler)
    assert torch.equal(first, picture(sampler))
    assert not torch.equal(first, picture(sampler, seed=18))


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_few_steps_work_too(sampler: str, steps: int) -> None:
    assert picture(sampler, steps=steps).isfinite().all()


def test_euler_written_out_by_hand_is_the_same() -> None:
    sigmas = ksampler_sigmas(MODEL, "euler", "karras", 4)
    network = NetworkDenoiser.of(MODEL)
    x = initial_noise(SHAPE, 17) * math.sqrt(1 + float(sigmas[0]) ** 2)
    embeddings = [each[0].embedding.repeat(2, 1, 1) for each in (POSITIVE, NEGATIVE)]
    with torch.no_grad():
        for index in range(4):
            sigma, sigma_next = float(sigmas[index]), float(sigmas[index + 1])
            positive, negative = (network(x, sigma, embedding) for embedding in embeddings)
            denoised = negative + 3.0 * (positive - negative)
            x = x + (x - denoised) / sigma * (sigma_next - sigma)
    torch.testing.assert_close(picture("euler", "karras", steps=4), x / 0.18215, rtol=1e-4, atol=1e-4)


def test_at_scale_one_the_negative_prompt_is_not_computed() -> None:
    model = toy_model()
    assert isinstance(model.network, ToyNetwork)
    sigmas = ksampler_sigmas(model, "euler", "normal", 3)
    options = {"sampler": "euler", "sigmas": sigmas, "seed": 0}
    noise = initial_noise(SHAPE, 0)
    guided = sample(model, noise, EMPTY, POSITIVE, NEGATIVE, cfg=1.0, **options)
    assert [call[0].shape[0] for call in model.network.calls] == [2, 2, 2]
    alone = sample(model, noise, EMPTY, POSITIVE, (), cfg=1.0, **options)
    assert torch.equal(guided, alone)


def test_a_latent_with_a_picture_is_scaled_and_an_empty_one_is_not() -> None:
    seen: list[Step] = []
    latent = torch.full(SHAPE, 2.0)
    model = toy_model(scale=0.5, shift=1.0)
    zero_noise = torch.zeros(SHAPE)

    def first_input(start: torch.Tensor) -> torch.Tensor:
        assert isinstance(model.network, ToyNetwork)
        model.network.calls.clear()
        sample(
            model,
            zero_noise,
            start,
            POSITIVE,
            NEGATIVE,
            cfg=1.0,
            sampler="euler",
            sigmas=torch.tensor([1.0, 0.5]),
            seed=0,
            on_step=seen.append,
        )
        return model.network.calls[0][0] * math.sqrt(2.0)

    torch.testing.assert_close(first_input(latent), torch.full(SHAPE, 0.5))
    assert not first_input(torch.zeros(SHAPE)).any()
    assert len(seen) == 2


def test_no_sigmas_give_the_latent_back() -> None:
    latent = torch.randn(SHAPE)
    assert torch.equal(picture(latent=latent, denoise=0.0), latent)


def test_little_noise_stays_near_the_picture_and_more_goes_further() -> None:
    latent = torch.randn(SHAPE, generator=torch.Generator().manual_seed(5)) * 3
    distances = [
        float((picture(latent=latent, denoise=part, steps=8) - latent).norm()) for part in (0.1, 0.4, 0.9)
    ]
    assert distances == sorted(distances)


def test_two_halves_of_a_schedule_make_the_whole() -> None:
    def part(latent: torch.Tensor, noise: torch.Tensor, start: int, end: int, *, full: bool) -> torch.Tensor:
        sigmas = ksampler_sigmas(MODEL, "heun", "karras", 8, 1.0, start, end, force_full_denoise=full)
        return sample(
            MODEL, noise, latent, POSITIVE, NEGATIVE, cfg=3.0, sampler="heun", sigmas=sigmas, seed=17
        )

    half = part(EMPTY, initial_noise(SHAPE, 17), 0, 4, full=False)
    whole = part(half, torch.zeros(SHAPE), 4, 8, full=True)
    torch.testing.assert_close(whole, picture("heun", "karras", steps=8), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    "sampler", [name for name in SAMPLERS if not name.startswith(("uni_pc", "dpm_fast", "dpm_adaptive"))]
)
def test_a_mask_leaves_the_rest_of_the_picture_as_it_was(sampler: str) -> None:
    latent = torch.randn(SHAPE, generator=torch.Generator().manual_seed(5)) * 3
    mask = torch.zeros(1, 64, 64)
    mask[..., 32:] = 1
    result = picture(sampler, latent=latent, noise_mask=mask, denoise=0.8)
    torch.testing.assert_close(result[..., :4], latent[..., :4], rtol=1e-5, atol=1e-5)
    assert (result[..., 4:] - latent[..., 4:]).abs().mean() > 0.1


def test_a_mask_of_ones_changes_nothing() -> None:
    assert torch.equal(picture(noise_mask=torch.ones(8, 8)), picture())


def test_ddim_is_euler_but_for_the_noise_outside_a_mask() -> None:
    latent = torch.randn(SHAPE, generator=torch.Generator().manual_seed(5)) * 3
    mask = torch.zeros(8, 8)
    mask[:, 4:] = 1
    assert torch.equal(picture("ddim", latent=latent), picture("euler", latent=latent))
    ddim, euler = (picture(name, latent=latent, noise_mask=mask) for name in ("ddim", "euler"))
    assert not torch.equal(ddim[..., 4:], euler[..., 4:])


def test_ddim_reseeds_the_global_generator_with_the_next_seed() -> None:
    picture("ddim", seed=17)
    after = torch.randn(3)
    torch.manual_seed(18)
    torch.randn(SHAPE)
    assert torch.equal(after, torch.randn(3))


@pytest.mark.parametrize("sampler", ["euler", "euler_ancestral", "dpmpp_2m_sde", "lcm", "uni_pc"])
def test_sampling_leaves_the_global_generator_where_the_first_noise_left_it(sampler: str) -> None:
    picture(sampler, seed=17)
    after = torch.randn(3)
    torch.manual_seed(17)
    torch.randn(SHAPE)
    assert torch.equal(after, torch.randn(3))


def test_the_sigmas_of_the_caller_are_not_changed() -> None:
    sigmas = ksampler_sigmas(MODEL, "uni_pc", "normal", 5)
    before = sigmas.clone()
    noise = initial_noise(SHAPE, 1)
    sample(MODEL, noise, EMPTY, POSITIVE, NEGATIVE, cfg=2.0, sampler="uni_pc", sigmas=sigmas, seed=1)
    assert torch.equal(sigmas, before)


def test_what_a_step_listener_raises_ends_sampling() -> None:
    seen: list[int] = []

    def stop(step: Step) -> None:
        seen.append(step.index)
        if step.index == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        picture(on_step=stop)
    assert seen == [0, 1]


def test_wrong_arguments_are_refused_with_what_came() -> None:
    with pytest.raises(ValueError, match="unknown sampler 'eular'; known are euler, "):
        picture("eular")
    options = {"cfg": 1.0, "sampler": "euler", "sigmas": torch.tensor([1.0, 0.0]), "seed": 0}
    with pytest.raises(ValueError, match=r"noise is \(1, 4, 2, 2\) but the latent is \(2, 4, 8, 8\)"):
        sample(MODEL, torch.zeros(1, 4, 2, 2), EMPTY, POSITIVE, NEGATIVE, **options)


class Scaled(nn.Module):
    """What a network comes to that was trained on everything, pictures and noise, so many times as large."""

    def __init__(self, network: nn.Module, scale: float) -> None:
        super().__init__()
        self.network, self.scale = network, scale

    def forward(self, x: Tensor, t: Tensor, context: Tensor) -> Tensor:
        return self.network(x / self.scale, t, context) * self.scale


@pytest.mark.parametrize("sampler", ["euler", "euler_ancestral", "dpmpp_sde", "ddim"])
@pytest.mark.parametrize(("prediction", "noise"), [("eps", NoiseTable()), ("flow", Flow())])
def test_all_noise_is_as_strong_as_the_model_was_trained_on(
    sampler: str, prediction: str, noise: NoiseLevels
) -> None:
    plain = replace(toy_model(prediction, scale=1.0), noise=noise)
    scale, generator = 4.0, torch.Generator().manual_seed(2)
    scaled = replace(plain, network=Scaled(plain.network, scale), noise_scale=scale)
    latent = torch.randn(SHAPE, generator=generator)
    mask = (torch.rand(1, 8, 8, generator=generator) > 0.5).float()
    sigmas = ksampler_sigmas(plain, sampler, "simple", 5, 0.8)

    def drawn(model: DiffusionModel, start: Tensor) -> Tensor:
        given = {"cfg": 2.0, "sampler": sampler, "sigmas": sigmas, "seed": 3, "noise_mask": mask}
        return sample(model, initial_noise(SHAPE, 3), start, POSITIVE, NEGATIVE, **given)

    torch.testing.assert_close(
        drawn(scaled, latent * scale), drawn(plain, latent) * scale, rtol=1e-4, atol=1e-4
    )

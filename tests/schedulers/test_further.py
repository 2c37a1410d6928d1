"""Do the schedulers of diffusers that were made for one network step as ours do?"""

import math
from typing import Any

import numpy
import pytest
import torch
from torch import Tensor

from models.noise import Cosine, Flow
from schedulers.path import Path
from schedulers.shelf import combination
from schedulers.spacing import SPACINGS, Options
from schedulers.tables import StepTable, sigma_table
from tests.schedulers.parity import CONFIG, COUNTS, DENOISE, SHAPE, START, close, ours, output_of
from tests.schedulers.toys import TABLE

diffusers = pytest.importorskip("diffusers")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),
]


class Listed:
    """Noise written down beforehand, in order."""

    def __init__(self, noises: list[Tensor]) -> None:
        self.left = list(noises)

    def __call__(self, sigma: float, sigma_next: float) -> Tensor:
        return self.left.pop(0)


def drawn(count: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(9)
    return [torch.randn(SHAPE, generator=generator, dtype=torch.float64) for _ in range(count)]


def spread(kept: float) -> float:
    """The noise level where so much of the picture's variance is kept."""
    return math.sqrt((1 - kept) / kept)


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction", "sample"])
@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("steps", COUNTS)
def test_the_solver_of_cogvideox(
    kind: str, spacing: Any, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {**CONFIG, "timestep_spacing": spacing, "prediction_type": kind, "snr_shift_scale": 1.0}
    scheduler = diffusers.CogVideoXDPMScheduler(**config)
    scheduler.set_timesteps(steps)
    noises = drawn(steps)
    x, old, back = START.clone(), None, None
    for index, t in enumerate(scheduler.timesteps):
        # Steps of second order draw twice there and use the second.
        where = "diffusers.schedulers.scheduling_dpm_cogvideox.randn_tensor"
        monkeypatch.setattr(where, lambda *a, now=noises[index], **k: now)
        sigma = spread(float(scheduler.alphas_cumprod[t]))
        out = output_of(kind, x, DENOISE(x * math.sqrt(1 + sigma**2), sigma), sigma)
        x, old = scheduler.step(out, old, t, back, x)
        back = t
    start = math.sqrt(1 + spread(float(scheduler.alphas_cumprod[scheduler.timesteps[0]])) ** 2)
    sigmas, mine = ours("CogVideoXDPMScheduler", steps, Options(spacing, 1), start, noise=Listed(noises))
    close(mine / math.sqrt(1 + float(sigmas[-1]) ** 2), x)


@pytest.mark.parametrize("steps", COUNTS)
def test_the_cosine_levels_of_wuerstchen(steps: int) -> None:
    scheduler = diffusers.DDPMWuerstchenScheduler()
    scheduler.set_timesteps(steps)
    table = sigma_table(Cosine())
    kept = [float(scheduler._alpha_cumprod(t, "cpu")) for t in scheduler.timesteps]
    levels = [spread(one) for one in kept]
    sigmas, mine = ours(
        "DDPMWuerstchenScheduler", steps, Options(), math.sqrt(1 + levels[0] ** 2), table=table
    )
    torch.testing.assert_close(sigmas, torch.tensor(levels), rtol=1e-3, atol=1e-6)
    x, generator = START.clone(), torch.Generator().manual_seed(9)
    for sigma, t in zip(levels[:-1], scheduler.timesteps[:-1], strict=True):
        out = output_of("epsilon", x, DENOISE(x * math.sqrt(1 + sigma**2), sigma), sigma)
        x = scheduler.step(out, t[None], x, generator=generator, return_dict=False)[0]
    close(mine / math.sqrt(1 + levels[-1] ** 2), x)


@pytest.mark.parametrize("steps", COUNTS)
@pytest.mark.parametrize("name", ["FlowMapEulerDiscreteScheduler", "MiniMaxH3Scheduler"])
def test_even_parts_of_a_flow(name: str, steps: int) -> None:
    scheduler = getattr(diffusers, name)(shift=3.0)
    counts_levels = name == "MiniMaxH3Scheduler"
    scheduler.set_timesteps(steps + counts_levels)
    table = sigma_table(Flow(3.0))
    sigmas, mine = ours(name, steps, Options(), 1.0, Path(table.percent_to_sigma, flow=True), table)
    torch.testing.assert_close(sigmas, scheduler.sigmas.float(), rtol=1e-5, atol=1e-6)
    x = START.clone()
    for index, t in enumerate(scheduler.timesteps):
        sigma = float(scheduler.sigmas[index])
        velocity = (x - DENOISE(x, sigma)) / sigma
        x = scheduler.step(-velocity if counts_levels else velocity, t, x, return_dict=False)[0]
    close(mine, x)


@pytest.mark.parametrize("rule", ["bh1", "bh2"])
@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("steps", COUNTS)
def test_uni_pc_of_helios_on_a_flow(steps: int, order: int, rule: Any) -> None:
    scheduler = diffusers.HeliosScheduler(
        stages=1,
        solver_order=order,
        solver_type=rule,
        use_dynamic_shifting=True,
        time_shift_type="linear",
    )
    scheduler.set_timesteps(steps, sigmas=numpy.linspace(0.999, 0, steps + 1)[:-1], mu=3.0)
    table = sigma_table(Flow(3.0))
    path = Path(table.percent_to_sigma, flow=True)
    options = Options(order=order, solver_type="heun" if rule == "bh2" else "midpoint")
    sigmas, mine = ours("HeliosScheduler", steps, options, 1.0, path, table)
    torch.testing.assert_close(sigmas, scheduler.sigmas.float(), rtol=1e-5, atol=1e-6)
    x = START.clone()
    for index, t in enumerate(scheduler.timesteps):
        sigma = float(scheduler.sigmas[index])
        velocity = (x - DENOISE(x, sigma)) / sigma
        x = scheduler.step(velocity, t, x, return_dict=False)[0]
    close(mine, x)


@pytest.mark.parametrize("steps", COUNTS)
def test_distilled_helios_goes_back_to_its_first_noise(steps: int) -> None:
    scheduler = diffusers.HeliosDMDScheduler(stages=1, shift=3.0)
    scheduler.set_timesteps(steps)
    table = sigma_table(Flow(3.0))
    path = Path(table.percent_to_sigma, flow=True)
    sigmas, mine = ours("HeliosDMDScheduler", steps, Options(), 1.0, path, table)
    torch.testing.assert_close(sigmas, scheduler.sigmas.float(), rtol=1e-5, atol=1e-6)
    video = START[:, :, None]
    told = {
        "dmd_noisy_tensor": video,
        "dmd_sigmas": scheduler.sigmas,
        "dmd_timesteps": scheduler.timesteps,
        "all_timesteps": scheduler.timesteps,
        "return_dict": False,
    }
    x = video
    for index, t in enumerate(scheduler.timesteps):
        sigma = float(scheduler.sigmas[index])
        velocity = (x - DENOISE(x[:, :, 0], sigma)[:, :, None]) / sigma
        x = scheduler.step(velocity, t, x, cur_sampling_step=index, **told)[0]
    close(mine, x[:, :, 0])


@pytest.mark.parametrize("steps", COUNTS[1:])
def test_unclip_on_its_own_table(steps: int) -> None:
    scheduler = diffusers.UnCLIPScheduler(clip_sample=False)
    scheduler.set_timesteps(steps)
    # In float32 its first beta is not what its table says: 7e-4.
    kept = scheduler.alphas_cumprod = scheduler.alphas_cumprod.double()
    scheduler.alphas = kept / torch.cat([kept.new_ones(1), kept[:-1]])
    scheduler.betas = 1 - scheduler.alphas
    table = StepTable(((1 - kept) / kept).sqrt(), len(kept))
    levels = [spread(float(kept[t])) for t in scheduler.timesteps]
    sigmas, mine = ours("UnCLIPScheduler", steps, Options(), math.sqrt(1 + levels[0] ** 2), table=table)
    torch.testing.assert_close(sigmas, torch.tensor([*levels, 0.0]), rtol=1e-6, atol=1e-6)
    x, generator = START.clone(), torch.Generator().manual_seed(9)
    following = [*scheduler.timesteps[1:], None]
    for sigma, t, later in zip(levels, scheduler.timesteps, following, strict=True):
        out = output_of("epsilon", x, DENOISE(x * math.sqrt(1 + sigma**2), sigma), sigma)
        x = scheduler.step(out, t, x, later, generator=generator, return_dict=False)[0]
    close(mine, x)


def test_the_two_steps_of_the_consistency_decoder() -> None:
    scheduler = diffusers.schedulers.ConsistencyDecoderScheduler()
    scheduler.set_timesteps(2)
    levels = [
        float(scheduler.sqrt_one_minus_alphas_cumprod[t] / scheduler.sqrt_alphas_cumprod[t])
        for t in scheduler.timesteps
    ]
    sigmas, mine = ours("ConsistencyDecoderScheduler", 2, Options(), math.sqrt(1 + levels[0] ** 2))
    torch.testing.assert_close(sigmas, torch.tensor([*levels, 0.0]), rtol=2e-5, atol=1e-6)
    x, generator = START.clone(), torch.Generator().manual_seed(9)
    for sigma, t in zip(levels, scheduler.timesteps, strict=True):
        denoised = DENOISE(x * math.sqrt(1 + sigma**2), sigma)
        out = (denoised - scheduler.c_skip[t] * x) / scheduler.c_out[t]
        x = scheduler.step(out, t, x, generator=generator, return_dict=False)[0]
    close(mine, x)
    with pytest.raises(ValueError, match="takes 2 steps, got 4"):
        combination("ConsistencyDecoderScheduler", 4, TABLE)


@pytest.mark.parametrize("steps", COUNTS[1:])
def test_heun_with_churn(steps: int) -> None:
    scheduler = diffusers.schedulers.KarrasVeScheduler()
    scheduler.set_timesteps(steps)
    # What is called a level there is its square.
    levels = [*scheduler.schedule.double().flip(0).sqrt().tolist(), 0.0]
    sigmas, mine = ours("KarrasVeScheduler", steps, Options(), 100.0, dtype=torch.float32)
    torch.testing.assert_close(sigmas, torch.tensor(levels), rtol=1e-5, atol=1e-6)
    x, generator = START * 100.0, torch.Generator().manual_seed(9)
    for index in range(steps):
        sigma, later = float(sigmas[index]), float(sigmas[index + 1])
        within = 0.05 <= sigma <= 50
        x, raised = scheduler.add_noise_to_input(x, sigma, generator if within else None)
        out = (DENOISE(x, raised) - x) / raised
        ahead, slope = scheduler.step(out, raised, later, x, return_dict=False)
        if later > 0:
            out = (DENOISE(ahead, later) - ahead) / later
            ahead = scheduler.step_correct(out, raised, later, x, ahead, slope, return_dict=False)[0]
        x = ahead
    close(mine, x)


@pytest.mark.parametrize("steps", COUNTS[1:])
def test_predictor_and_corrector(steps: int) -> None:
    scheduler = diffusers.ScoreSdeVeScheduler()
    scheduler.set_timesteps(steps)
    scheduler.set_sigmas(steps)
    levels = [*scheduler.discrete_sigmas.flip(0).tolist(), 0.0]
    sigmas, mine = ours("ScoreSdeVeScheduler", steps, Options(), 1348.0, noise=Listed(drawn(2 * steps)))
    torch.testing.assert_close(sigmas, torch.tensor(levels), rtol=1e-5, atol=1e-6)
    scheduler.discrete_sigmas = sigmas.double()[:-1].flip(0)
    x, generator = START * 1348.0, torch.Generator().manual_seed(9)
    for index, t in enumerate(scheduler.timesteps):
        sigma = float(sigmas[index])
        score = (DENOISE(x, sigma) - x) / sigma**2
        x = corrected(scheduler, score, x, generator)
        score = (DENOISE(x, sigma) - x) / sigma**2
        x, mean = scheduler.step_pred(score, t, x, generator=generator, return_dict=False)
    close(mine, mean)


def corrected(scheduler: Any, score: Tensor, x: Tensor, generator: torch.Generator) -> Tensor:
    """The corrector of diffusers with noise in double precision: it draws in the default one."""
    torch.set_default_dtype(torch.float64)
    try:
        return scheduler.step_correct(score, x, generator=generator, return_dict=False)[0]
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("steps", COUNTS)
def test_euler_maruyama(steps: int) -> None:
    scheduler = diffusers.schedulers.ScoreSdeVpScheduler()
    scheduler.set_timesteps(steps)
    times = scheduler.timesteps.double()
    levels = [math.sqrt(math.expm1(float(t) ** 2 * 19.9 / 2 + float(t) * 0.1)) for t in times]
    sigmas, mine = ours("ScoreSdeVpScheduler", steps, Options(), math.sqrt(1 + levels[0] ** 2))
    torch.testing.assert_close(sigmas, torch.tensor([*levels, 0.0]), rtol=1e-4, atol=1e-6)
    x, mean, generator = START.clone(), START, torch.Generator().manual_seed(9)
    for sigma, t in zip(levels, times, strict=True):
        out = output_of("epsilon", x, DENOISE(x * math.sqrt(1 + sigma**2), sigma), sigma)
        x, mean = scheduler.step_pred(out, x, t, generator=generator)
    close(mine, mean)


@pytest.mark.parametrize("eta", [0.0, 0.7])
@pytest.mark.parametrize("steps", COUNTS)
def test_repaint_goes_back_up(steps: int, eta: float) -> None:
    config = {key: value for key, value in CONFIG.items() if key != "steps_offset"}
    scheduler = diffusers.RePaintScheduler(**config, clip_sample=False, eta=eta)
    scheduler.set_timesteps(steps)
    kept = scheduler.alphas_cumprod = scheduler.alphas_cumprod.double()
    width, noises = 1000 // steps, []
    x, generator = START.clone(), torch.Generator().manual_seed(9)
    last = int(scheduler.timesteps[0]) + 1
    for t in scheduler.timesteps.tolist():
        if t < last:
            sigma = spread(float(kept[t]))
            state = generator.get_state()
            out = output_of("epsilon", x, DENOISE(x * math.sqrt(1 + sigma**2), sigma), sigma)
            nothing = torch.zeros(SHAPE, dtype=torch.float64)
            x = scheduler.step(out, t, x, nothing, nothing, generator=generator, return_dict=False)[0]
            if eta and t >= width:
                again = torch.Generator()
                again.set_state(state)
                noises.append(torch.randn(SHAPE, generator=again, dtype=torch.float64))
        else:
            before, x = x, scheduler.undo_step(x, last, generator=generator)
            ratio = float(kept[last + width - 1]) / (float(kept[last - 1]) if last else 1.0)
            noises.append((x - math.sqrt(ratio) * before) / math.sqrt(1 - ratio))
        last = t
    start = math.sqrt(1 + spread(float(kept[scheduler.timesteps[0]])) ** 2)
    sigmas, mine = ours("RePaintScheduler", steps, Options(eta=eta), start, noise=Listed(noises))
    assert len(sigmas) == len(scheduler.timesteps) + 1
    close(mine, x)

"""Do combinations whose noise or angles come in other ways there step as the schedulers of diffusers do?"""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from models.noise import Flow
from schedulers.further import FURTHER
from schedulers.guiders.cfg import Guidance
from schedulers.path import Path
from schedulers.sample import sample_guided
from schedulers.shelf import combination
from schedulers.spacing import SPACINGS, Options
from schedulers.tables import sigma_table
from tests.schedulers.parity import CONFIG, COUNTS, DENOISE, SHAPE, START, close, ours
from tests.schedulers.toys import entry, toy_model

diffusers = pytest.importorskip("diffusers")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),
]


class Numbered:
    """One noise for each step of a schedule, however often it is asked for."""

    def __init__(self, sigmas: Tensor) -> None:
        self.sigmas = [float(sigma) for sigma in sigmas]

    def __call__(self, sigma: Any, sigma_next: Any) -> Tensor:
        places = [abs(float(sigma) - one) for one in self.sigmas]
        generator = torch.Generator().manual_seed(places.index(min(places)))
        return torch.randn(SHAPE, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("rule", ["midpoint", "heun"])
@pytest.mark.parametrize("steps", COUNTS[1:])
def test_the_solver_of_stable_audio(steps: int, rule: Any) -> None:
    scheduler = diffusers.CosineDPMSolverMultistepScheduler(solver_type=rule)
    scheduler.set_timesteps(steps)
    noise = scheduler.noise_sampler = Numbered(scheduler.sigmas)
    sigmas, mine = ours(
        "CosineDPMSolverMultistepScheduler", steps, Options(solver_type=rule), 500.0, noise=noise
    )
    torch.testing.assert_close(sigmas, scheduler.sigmas, rtol=1e-5, atol=1e-6)
    x = START * 500.0
    for index, t in enumerate(scheduler.timesteps):
        sigma = float(scheduler.sigmas[index])
        spread = math.sqrt(sigma**2 + 1)
        out = (x / spread**2 - DENOISE(x, sigma)) * spread / sigma
        x = scheduler.step(out, t, x, return_dict=False)[0]
    close(mine, x)


@pytest.mark.parametrize("steps", COUNTS)
def test_the_angles_of_sana_sprint(steps: int) -> None:
    scheduler = diffusers.SCMScheduler(sigma_data=1.0)
    middle = 1.3 if steps == 2 else None
    scheduler.set_timesteps(steps, max_timesteps=1.5707, intermediate_timesteps=middle)
    start = math.tan(1.5707)
    sigmas, mine = ours("SCMScheduler", steps, Options(), math.sqrt(1 + start**2), dtype=torch.float32)
    torch.testing.assert_close(sigmas.atan(), scheduler.timesteps, rtol=1e-6, atol=1e-6)
    scheduler.timesteps = sigmas.double().atan()
    x, generator = START.clone(), torch.Generator().manual_seed(9)
    noise = "diffusers.schedulers.scheduling_scm.randn_tensor"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(noise, lambda *a, **k: torch.randn(SHAPE, generator=generator))
        for t in scheduler.timesteps[:-1]:
            sigma = math.tan(float(t))
            out = (torch.cos(t) * x - DENOISE(x * math.sqrt(1 + sigma**2), sigma)) / torch.sin(t)
            x = scheduler.step(out, t, x, return_dict=False)[0]
    close(mine, x)


@pytest.mark.parametrize("steps", COUNTS[1:])
def test_ancestral_steps_of_ltx(steps: int) -> None:
    scheduler = diffusers.schedulers.LTXEulerAncestralRFScheduler()
    scheduler.set_timesteps(steps)
    table = sigma_table(Flow())
    path = Path(table.percent_to_sigma, flow=True)
    sigmas, mine = ours(
        "LTXEulerAncestralRFScheduler", steps, Options(), 1.0, path, table, dtype=torch.float32
    )
    torch.testing.assert_close(sigmas, scheduler.sigmas, rtol=1e-5, atol=1e-5)
    x, generator = START.float(), torch.Generator().manual_seed(9)
    for index, t in enumerate(scheduler.timesteps):
        sigma = float(scheduler.sigmas[index])
        velocity = (x - DENOISE(x, sigma)) / sigma
        x = scheduler.step(velocity, t, x, generator=generator, return_dict=False)[0]
    close(mine, x)


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("steps", COUNTS)
def test_the_solver_of_the_sde(steps: int, spacing: Any) -> None:
    scheduler = diffusers.DPMSolverSDEScheduler(**CONFIG, timestep_spacing=spacing)
    scheduler.set_timesteps(steps)
    levels = torch.tensor(list(dict.fromkeys(scheduler.sigmas.tolist())))
    noise = scheduler.noise_sampler = Numbered(levels)
    start = float(levels[0])
    sigmas, mine = ours("DPMSolverSDEScheduler", steps, Options(spacing, 1), start, noise=noise)
    torch.testing.assert_close(sigmas, levels, rtol=2e-5, atol=1e-6)
    # In float32 the split of its ancestral steps is coarse.
    scheduler.sigmas = scheduler.sigmas.double()
    x = START * start
    for t in scheduler.timesteps:
        scheduler.scale_model_input(x, t)
        first = scheduler.state_in_first_order
        sigma = float(scheduler.sigmas[scheduler.step_index] if first else scheduler.mid_point_sigma)
        x = scheduler.step((x - DENOISE(x, sigma)) / sigma, t, x, return_dict=False)[0]
    close(mine, x)


@pytest.mark.parametrize("name", [name for name in FURTHER if name != "ConsistencyDecoderScheduler"])
def test_outside_a_mask_the_picture_stays(name: str) -> None:
    model = toy_model()
    sigmas, method = combination(name, 12, sigma_table(model.noise), Options("leading", 1))
    noise, picture = START.float(), START.float().flip(-1)
    mask = torch.zeros(4, 4)
    mask[:, :2] = 1
    taken: list[float] = []
    ended = sample_guided(
        model,
        Guidance(1.0),
        {"positive": (entry(1),), "negative": (entry(2),)},
        noise,
        picture,
        chosen=method,
        sigmas=sigmas,
        seed=3,
        noise_mask=mask,
        on_step=lambda step: taken.append(step.sigma),
    )
    assert len(taken) == len(sigmas) - 1
    assert bool(torch.isfinite(ended.latent).all())
    torch.testing.assert_close(ended.denoised[..., 2:], picture[..., 2:])
    assert not torch.equal(ended.denoised[..., :2], picture[..., :2])

"""Do samplers take the same steps as the independent implementations in diffusers, given the same sigmas?"""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from models.noise import NoiseTable
from schedulers.samplers.table import SAMPLERS
from schedulers.sigmas import schedule
from schedulers.tables import sigma_table
from tests.schedulers.toys import PATH, Tangled, paired

diffusers = pytest.importorskip("diffusers")
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")

SETTINGS: dict[str, Any] = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "sample",
    "use_karras_sigmas": True,
}
X = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
COARSE_LAST = 2.0**-10
"""What 0.001, where uni_pc ends, comes to in float32: sqrt(1 - alpha^2)."""
STEPS = [2, 3, 4, 5, 10, 20]


class Recorded:
    """Noise that both sides read: drawn once for each step."""

    def __init__(self, sigmas: list[float]) -> None:
        generator = torch.Generator().manual_seed(6)
        self.draws = {sigma: torch.randn(X.shape, generator=generator) for sigma in sigmas}

    def __call__(self, sigma: float, sigma_next: float) -> Tensor:
        return self.draws[sigma]


def karras(steps: int) -> list[float]:
    return schedule("karras", steps, sigma_table(NoiseTable())).tolist()


def ours(name: str, sigmas: list[float]) -> Tensor:
    start = X * math.sqrt(1 + sigmas[0] ** 2)
    return list(SAMPLERS[name].on(PATH).steps(paired(Tangled()), start, sigmas, Recorded(sigmas)))[-1].x


def in_unit_variance(scheduler: Any, sigmas: list[float], noise: Recorded | None = None) -> Tensor:
    """Run a scheduler whose latents have unit variance, at our sigmas; the end is given unscaled."""
    scheduler.set_timesteps(len(sigmas) - 1)
    scheduler.sigmas = torch.tensor(sigmas)
    denoise, x = Tangled(), X
    for sigma, t in zip(sigmas, scheduler.timesteps, strict=False):
        denoised = denoise(x * math.sqrt(1 + sigma**2), sigma)
        extra = {} if noise is None else {"variance_noise": noise(sigma, 0.0)}
        (x,) = scheduler.step(denoised, t, x, return_dict=False, **extra)
    return x * math.sqrt(1 + sigmas[-1] ** 2)


@pytest.mark.parametrize("steps", STEPS)
def test_dpmpp_2m_is_the_multistep_solver_of_second_order(steps: int) -> None:
    sigmas = karras(steps)
    scheduler = diffusers.DPMSolverMultistepScheduler(**SETTINGS, lower_order_final=True)
    torch.testing.assert_close(
        ours("dpmpp_2m", sigmas), in_unit_variance(scheduler, sigmas), rtol=0, atol=2e-5
    )


@pytest.mark.parametrize("steps", STEPS)
def test_dpmpp_2m_sde_is_the_stochastic_multistep_solver(steps: int) -> None:
    sigmas = karras(steps)
    scheduler = diffusers.DPMSolverMultistepScheduler(**SETTINGS, algorithm_type="sde-dpmsolver++")
    theirs = in_unit_variance(scheduler, sigmas, Recorded(sigmas))
    torch.testing.assert_close(ours("dpmpp_2m_sde", sigmas), theirs, rtol=0, atol=2e-5)


@pytest.mark.parametrize("steps", [4, 5, 10, 20])
@pytest.mark.parametrize(("name", "form"), [("uni_pc", "bh1"), ("uni_pc_bh2", "bh2")])
def test_uni_pc_is_the_predictor_corrector_of_third_order(name: str, form: str, steps: int) -> None:
    sigmas = karras(steps)
    order = min(3, steps - 1)
    scheduler = diffusers.UniPCMultistepScheduler(**SETTINGS, solver_order=order, solver_type=form)
    theirs = in_unit_variance(scheduler, [*sigmas[:-1], COARSE_LAST])
    torch.testing.assert_close(ours(name, sigmas), theirs, rtol=0, atol=2e-5)


@pytest.mark.parametrize("steps", [2, 3])
def test_uni_pc_takes_a_lower_order_for_few_steps(steps: int) -> None:
    sigmas = karras(steps)
    scheduler = diffusers.UniPCMultistepScheduler(**SETTINGS, solver_order=steps - 1, solver_type="bh1")
    theirs = in_unit_variance(scheduler, [*sigmas[:-1], COARSE_LAST])
    torch.testing.assert_close(ours("uni_pc", sigmas), theirs, rtol=0, atol=5e-5)


def test_uni_pc_takes_no_step_where_there_is_only_one() -> None:
    sigmas = [14.614641, 0.0]
    torch.testing.assert_close(ours("uni_pc", sigmas), X, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("name", "kind"), [("euler", "EulerDiscrete"), ("heun", "HeunDiscrete")])
def test_euler_and_heun_are_those_of_karras(name: str, kind: str) -> None:
    sigmas = karras(10)
    scheduler = getattr(diffusers, f"{kind}Scheduler")(**SETTINGS)
    scheduler.set_timesteps(10)
    x = X * math.sqrt(1 + sigmas[0] ** 2)
    for index, t in enumerate(scheduler.timesteps):
        scheduler.scale_model_input(x, t)
        sigma = float(scheduler.sigmas[index])
        x = scheduler.step(Tangled()(x, sigma), t, x, return_dict=False)[0]
    torch.testing.assert_close(ours(name, sigmas), x, rtol=0, atol=5e-4)


def test_lms_is_the_linear_multistep_method_up_to_its_last_step() -> None:
    sigmas = karras(10)
    scheduler = diffusers.LMSDiscreteScheduler(**{**SETTINGS, "prediction_type": "epsilon"})
    scheduler.set_timesteps(10)
    x = X * math.sqrt(1 + sigmas[0] ** 2)
    for sigma, t in zip(sigmas[:-2], scheduler.timesteps[:-1], strict=True):
        scheduler.scale_model_input(x, t)
        x = scheduler.step((x - Tangled()(x, sigma)) / sigma, t, x, return_dict=False)[0]
    torch.testing.assert_close(ours("lms", sigmas[:-1]), x, rtol=0, atol=2e-5)

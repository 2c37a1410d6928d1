"""Do samplers solve the equations they are made for, as fast as their order says?

On a Gaussian target the probability-flow ODE has a closed form, and the SDE's marginals are known.
"""

import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from schedulers.noise import BrownianNoise, GaussianNoise
from schedulers.samplers.table import SAMPLERS
from schedulers.step import Method, Step
from tests.schedulers.toys import Gaussian, Tangled

ODE = {name: method for name, method in SAMPLERS.items() if method.ode is not None}
SDE = {name: method for name, method in SAMPLERS.items() if method.sde is not None}
ORDERS = {"euler": 1, "ddim": 1, "heun": 2, "dpmpp_2m": 2, "uni_pc": 2, "uni_pc_bh2": 2}
NOT_A_SOLVER = {"lcm"}


def silent(sigma: float, sigma_next: float) -> Tensor:
    raise AssertionError("this sampler must not draw noise")


def falling(high: float, low: float, steps: int) -> list[float]:
    return [high * (low / high) ** (index / steps) for index in range(steps + 1)]


def run(
    method: Method, denoise: object, x: Tensor, sigmas: list[float], noise: object = silent
) -> list[Step]:
    steps: Iterator[Step] = method.steps(denoise, x, sigmas, noise)  # type: ignore[arg-type]
    return list(steps)


def start(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(4)) * 10


def test_every_ode_sampler_states_its_order() -> None:
    assert set(ORDERS) == set(ODE)


@pytest.mark.parametrize("name", ODE)
def test_the_error_falls_with_the_order_of_the_method(name: str) -> None:
    target, x = Gaussian(), start(1, 4, 2, 2)
    exact = target.flow(x, 10.0, 0.1)
    errors = [
        float((run(ODE[name], target, x, falling(10.0, 0.1, steps))[-1].x - exact).norm())
        for steps in (40, 80)
    ]
    order = math.log2(errors[0] / errors[1])
    assert order > ORDERS[name] - 0.15, f"{name}: errors {errors}, order {order:.2f}"


@pytest.mark.parametrize("name", ODE)
def test_a_picture_that_is_certain_is_reached_exactly(name: str) -> None:
    x, picture = start(1, 4, 3, 3), torch.randn(1, 4, 3, 3, dtype=torch.float64)
    method = ODE[name]
    sigmas = [10.0, 4.0, 1.0, 0.3]
    end = run(method, lambda x, sigma: picture, x, sigmas)[-1].x
    torch.testing.assert_close(end, picture + (x - picture) * (0.3 / 10.0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in SAMPLERS if not name.startswith("uni_pc")])
def test_the_last_step_to_zero_is_the_prediction(name: str) -> None:
    x = torch.randn(1, 4, 4, 4)
    sigmas = [14.6, 5.0, 1.0, 0.2, 0.0]
    noise = BrownianNoise(x, sigmas, 1) if SAMPLERS[name].noise == "brownian" else GaussianNoise(x, 1)
    last = run(SAMPLERS[name], Tangled(), x * 14.6, sigmas, noise)[-1]
    assert last.sigma == 0
    torch.testing.assert_close(last.x, last.denoised, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", SAMPLERS)
def test_each_interval_gives_one_step_in_order(name: str) -> None:
    x = torch.randn(1, 4, 4, 4)
    sigmas = [14.6, 5.0, 1.0, 0.2, 0.0]
    noise = BrownianNoise(x, sigmas, 1)
    steps = run(SAMPLERS[name], Tangled(), x, sigmas, noise)
    assert [step.index for step in steps] == [0, 1, 2, 3]
    assert [step.sigma for step in steps] == sigmas[1:]


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_schedule_without_an_interval_makes_no_step(name: str) -> None:
    assert run(SAMPLERS[name], Tangled(), torch.ones(1, 4, 2, 2), [3.0]) == []


@pytest.mark.parametrize("name", [name for name in SDE if name not in NOT_A_SOLVER])
def test_a_stochastic_sampler_draws_the_whole_distribution(name: str) -> None:
    target = Gaussian()
    generator = torch.Generator().manual_seed(9)
    x = target.mean + torch.randn(1, 4, 160, 160, generator=generator) * math.hypot(10.0, target.spread)
    sigmas = [*falling(10.0, 0.02, 100), 0.0]
    noise = BrownianNoise(x, sigmas, 3) if SDE[name].noise == "brownian" else GaussianNoise(x, 3)
    end = run(SDE[name], target, x, sigmas, noise)[-1].x
    assert float(end.mean()) == pytest.approx(target.mean, abs=0.02)
    assert float(end.std()) == pytest.approx(target.spread, rel=0.04)


def test_a_schedule_that_visits_a_level_twice_stays_finite() -> None:
    x = torch.randn(1, 4, 4, 4)
    sigmas = [14.6, 5.0, 5.0, 5.0, 1.0, 0.0]
    for name in ("euler", "euler_ancestral", "heun", "dpmpp_2m", "dpmpp_2m_sde", "lcm"):
        noise = BrownianNoise(x, sigmas, 1)
        assert run(SAMPLERS[name], Tangled(), x, sigmas, noise)[-1].x.isfinite().all(), name
    with pytest.raises(ValueError, match="levels 1 and 2 are equal"):
        run(SAMPLERS["uni_pc"], Tangled(), x, sigmas)

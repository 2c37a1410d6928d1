"""Do samplers solve the equations they are made for, as fast as their order says?

On a Gaussian target the probability-flow ODE has a closed form, and the SDE's marginals are known.
"""

import math
from collections.abc import Iterator
from functools import partial

import pytest
import torch
from torch import Tensor

from schedulers.noise import BrownianNoise, GaussianNoise
from schedulers.samplers.ancestral import split
from schedulers.samplers.sa_solver import sa_solver
from schedulers.samplers.table import SAMPLERS
from schedulers.step import Method, Step
from tests.schedulers.toys import PATH, Gaussian, Tangled, paired

ODE = {name: method for name, method in SAMPLERS.items() if method.ode is not None}
SDE = {name: method for name, method in SAMPLERS.items() if method.sde is not None}
PAIR = {name: method for name, method in SAMPLERS.items() if method.pair is not None}
ORDERS = {
    "euler": 1,
    "heun": 2,
    "heunpp2": 1,
    "exp_heun_2_x0": 2,
    "dpm_2": 2,
    "lms": 3,
    "dpmpp_2m": 2,
    "ipndm": 2,
    "ipndm_v": 2.5,
    "deis": 2.8,
    "res_multistep": 2,
    "gradient_estimation": 1,
    "ddim": 1,
    "uni_pc": 2,
    "uni_pc_bh2": 2,
}
OWN_STEPS = {"dpm_fast", "dpm_adaptive"}
"""Samplers that choose the levels between the first and the last themselves, and stay at the last above 0."""

NOT_A_SOLVER = {"lcm"}
ENDS_AT_DENOISED = [name for name in SAMPLERS if not name.startswith("uni_pc") and name not in OWN_STEPS]


def silent(sigma: float, sigma_next: float) -> Tensor:
    raise AssertionError("this sampler must not draw noise")


def falling(high: float, low: float, steps: int) -> list[float]:
    return [high * (low / high) ** (index / steps) for index in range(steps + 1)]


def run(
    method: Method, denoise: object, x: Tensor, sigmas: list[float], noise: object = silent
) -> list[Step]:
    steps: Iterator[Step] = method.on(PATH).steps(paired(denoise), x, sigmas, noise)
    return list(steps)


def start(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(4)) * 10


def test_every_ode_sampler_states_its_order() -> None:
    assert set(ORDERS) | OWN_STEPS == set(ODE)


@pytest.mark.parametrize("name", ORDERS)
def test_the_error_falls_with_the_order_of_the_method(name: str) -> None:
    target, x = Gaussian(), start(1, 4, 2, 2)
    exact = target.flow(x, 10.0, 0.1)
    errors = [
        float((run(ODE[name], target, x, falling(10.0, 0.1, steps))[-1].x - exact).norm())
        for steps in (60, 120)
    ]
    order = math.log2(errors[0] / errors[1])
    assert order > ORDERS[name] - 0.2, f"{name}: errors {errors}, order {order:.2f}"


@pytest.mark.parametrize("twice", [False, True])
def test_sa_solver_without_noise_is_of_third_order(twice: bool) -> None:
    target, x = Gaussian(), start(1, 4, 2, 2)
    exact = target.flow(x, 10.0, 0.1)
    solver = partial(sa_solver, path=PATH, eta=0.0, use_pece=twice)
    errors = [
        float((list(solver(target, x, falling(10.0, 0.1, steps), silent))[-1].x - exact).norm())
        for steps in (60, 120)
    ]
    assert math.log2(errors[0] / errors[1]) > 2.8


def test_sa_solver_draws_noise_between_a_fifth_and_four_fifths_of_sampling() -> None:
    drawn: list[float] = []
    x = start(1, 4, 2, 2)

    def noise(sigma: float, sigma_next: float) -> Tensor:
        drawn.append(sigma_next)
        return torch.zeros_like(x)

    sigmas = [14.6, 6.0, 5.0, 2.0, 0.6, 0.5, 0.1, 0.0]
    run(SAMPLERS["sa_solver"], Gaussian(), x, sigmas, noise)
    assert drawn == [5.0, 2.0, 0.6]


@pytest.mark.parametrize("name", ODE)
def test_a_picture_that_is_certain_is_reached_exactly(name: str) -> None:
    x, picture = start(1, 4, 3, 3), torch.randn(1, 4, 3, 3, dtype=torch.float64)
    method = ODE[name]
    sigmas = [10.0, 4.0, 1.0, 0.3]
    end = run(method, lambda x, sigma: picture, x, sigmas)[-1].x
    torch.testing.assert_close(end, picture + (x - picture) * (0.3 / 10.0), rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("name", ENDS_AT_DENOISED)
def test_the_last_step_to_zero_is_the_prediction(name: str) -> None:
    x = torch.randn(1, 4, 4, 4)
    sigmas = [14.6, 5.0, 1.0, 0.2, 0.0]
    noise = BrownianNoise(x, sigmas, 1) if SAMPLERS[name].noise == "brownian" else GaussianNoise(x, 1)
    last = run(SAMPLERS[name], Tangled(), x * 14.6, sigmas, noise)[-1]
    assert last.sigma == 0
    torch.testing.assert_close(last.x, last.denoised, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name not in OWN_STEPS])
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


@pytest.mark.parametrize(
    "name", [name for name in SDE if name not in NOT_A_SOLVER and not name.endswith("_gpu")]
)
def test_a_stochastic_sampler_draws_the_whole_distribution(name: str) -> None:
    target = Gaussian()
    generator = torch.Generator().manual_seed(9)
    x = target.mean + torch.randn(1, 4, 96, 96, generator=generator) * math.hypot(10.0, target.spread)
    sigmas = [*falling(10.0, 0.02, 100), 0.0]
    noise = BrownianNoise(x, sigmas, 3) if SDE[name].noise == "brownian" else GaussianNoise(x, 3)
    end = run(SDE[name], target, x, sigmas, noise)[-1].x
    assert float(end.mean()) == pytest.approx(target.mean, abs=0.02)
    assert float(end.std()) == pytest.approx(target.spread, rel=0.04)


def test_a_schedule_that_visits_a_level_twice_stays_finite() -> None:
    x = torch.randn(1, 4, 4, 4)
    sigmas = [14.6, 5.0, 5.0, 5.0, 1.0, 0.0]
    for name in set(SAMPLERS) - {
        "lms",
        "ipndm_v",
        "deis",
        "uni_pc",
        "uni_pc_bh2",
        "sa_solver",
        "sa_solver_pece",
    }:
        noise = BrownianNoise(x, sigmas, 1)
        assert run(SAMPLERS[name], Tangled(), x, sigmas, noise)[-1].x.isfinite().all(), name
    with pytest.raises(ValueError, match="levels 1 and 2 are equal"):
        run(SAMPLERS["uni_pc"], Tangled(), x, sigmas)


@pytest.mark.parametrize("name", [name for name in PAIR if name != "dpmpp_2s_ancestral_cfg_pp"])
def test_a_cfg_pp_sampler_is_its_namesake_where_both_predictions_agree(name: str) -> None:
    x = torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(2)) * 14.6
    sigmas = [*falling(14.6, 0.1, 9), 0.0]
    pair = run(SAMPLERS[name], Tangled(), x, sigmas, GaussianNoise(x, 1))
    plain = run(SAMPLERS[name.removesuffix("_cfg_pp")], Tangled(), x, sigmas, GaussianNoise(x, 1))
    for ours, theirs in zip(pair, plain, strict=True):
        torch.testing.assert_close(ours.x, theirs.x, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", PAIR)
def test_a_cfg_pp_sampler_takes_the_noise_from_the_negative_prediction(name: str) -> None:
    picture, other = torch.full((1, 4, 2, 2), 2.0), torch.full((1, 4, 2, 2), -1.0)
    x = torch.full((1, 4, 2, 2), 8.0)
    (step,) = (
        SAMPLERS[name]
        .on(PATH)
        .steps(
            lambda x, sigma: (picture, other), x, [3.0, 1.0], lambda sigma, sigma_next: torch.zeros_like(x)
        )
    )
    down = split(3.0, 1.0)[0] if "ancestral" in name else 1.0
    torch.testing.assert_close(step.x, picture + down / 3.0 * (x - other))


@pytest.mark.parametrize("evaluations", [1, 2, 3, 4, 12, 20, 31])
def test_dpm_fast_uses_as_many_evaluations_as_there_are_steps(evaluations: int) -> None:
    calls: list[float] = []
    target = Gaussian()

    def denoise(x: Tensor, sigma: float) -> Tensor:
        calls.append(sigma)
        return target(x, sigma)

    sigmas = [*falling(10.0, 0.1, max(evaluations - 1, 1))[:evaluations], 0.0]
    x = start(1, 4, 2, 2)
    steps = run(SAMPLERS["dpm_fast"], denoise, x, sigmas)
    assert len(calls) == evaluations
    assert steps[-1].index == evaluations - 1
    assert steps[-1].sigma == pytest.approx(sigmas[-2])


def test_dpm_fast_is_of_third_order_where_the_count_lets_it() -> None:
    target, x = Gaussian(), start(1, 4, 2, 2)
    exact = target.flow(x, 10.0, 0.1)
    errors = [
        float((run(SAMPLERS["dpm_fast"], target, x, falling(10.0, 0.1, steps))[-1].x - exact).norm())
        for steps in (20, 41)
    ]
    assert math.log2(errors[0] / errors[1]) > 2.5


def test_dpm_adaptive_holds_its_tolerance_whatever_the_schedule() -> None:
    target, x = Gaussian(), start(1, 4, 2, 2)
    few, many = (run(SAMPLERS["dpm_adaptive"], target, x, falling(10.0, 0.1, steps)) for steps in (4, 40))
    torch.testing.assert_close(few[-1].x, target.flow(x, 10.0, 0.1), rtol=0.05, atol=0.05)
    torch.testing.assert_close(few[-1].x, many[-1].x)
    assert [step.index for step in few] == sorted(step.index for step in few)
    assert few[-1].index <= 3
    assert few[-1].sigma == pytest.approx(0.1, rel=1e-4)


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "dpm_adaptive"])
def test_no_step_reads_a_number_back_from_the_device(name: str) -> None:
    x = torch.empty(1, 4, 4, 4, device="meta")
    steps = run(SAMPLERS[name], Tangled("meta"), x, [14.6, 5.0, 1.0, 0.2, 0.0], lambda sigma, sigma_next: x)
    assert steps[-1].x.shape == x.shape

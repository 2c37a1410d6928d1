"""Do samplers stay true to their equations when options change? On a Gaussian target the law is known."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from schedulers.noise import BrownianNoise, GaussianNoise
from schedulers.samplers.dpm import Tolerance, dpm_adaptive, dpm_adaptive_sde
from schedulers.samplers.dpm_solver import ALGORITHMS, dpm_solver, dpm_solver_singlestep
from schedulers.samplers.er_sde import reverse_time
from schedulers.samplers.listed import plms
from schedulers.samplers.table import SAMPLERS
from schedulers.samplers.unipc import uni_pc_to_zero
from schedulers.step import Method
from tests.schedulers.toys import PATH, Gaussian, paired

TARGET = Gaussian()
HALF_NOISE: dict[str, Method] = {
    name: SAMPLERS[name].with_options(eta=0.5)
    for name in (
        "euler_ancestral",
        "dpm_2_ancestral",
        "dpmpp_2s_ancestral",
        "dpmpp_sde",
        "dpmpp_2m_sde",
        "dpmpp_3m_sde",
        "seeds_2",
        "sa_solver",
        "euler_ancestral_cfg_pp",
    )
} | {
    "er_sde": SAMPLERS["er_sde"].with_options(noise_scale=reverse_time(0.5)),
    "dpm_adaptive": Method(sde=dpm_adaptive_sde).with_options(
        tolerance=Tolerance(relative=0.001, absolute=0.0002), eta=0.5
    ),
}


def falling(steps: int) -> list[float]:
    return [10.0 * 0.01 ** (index / steps) for index in range(steps + 1)]


def end(method: Method, x: Tensor, sigmas: list[float], noise: Any = None) -> Tensor:
    return list(method.on(PATH).steps(paired(TARGET), x, sigmas, noise))[-1].x


@pytest.mark.parametrize("name", HALF_NOISE)
def test_with_half_of_the_noise_the_whole_distribution_is_drawn(name: str) -> None:
    method = HALF_NOISE[name]
    x = TARGET.mean + torch.randn(1, 4, 96, 96, generator=torch.Generator().manual_seed(9)) * math.hypot(
        10, 0.5
    )
    sigmas = [*falling(80), 0.0]
    noise = BrownianNoise(x, sigmas, 3) if method.noise == "brownian" else GaussianNoise(x, 3)
    drawn = end(method, x, sigmas, noise)
    last = 0.0 if name != "dpm_adaptive" else 0.1
    assert float(drawn.mean()) == pytest.approx(TARGET.mean, abs=0.03)
    assert float(drawn.std()) == pytest.approx(math.hypot(TARGET.spread, last), rel=0.05)


# Multistep methods of third order begin with steps of lower order, whose error stays.
ORDERS: dict[str, tuple[Method, float]] = {
    "plms": (Method(ode=plms), 2.0),
    "uni_pc 1": (Method(ode=uni_pc_to_zero).with_options(order=1), 1.9),
    "uni_pc 3": (Method(ode=uni_pc_to_zero).with_options(order=3, second_form=False), 2.0),
    "singlestep": (Method(ode=dpm_solver_singlestep, follows_path=True), 1.8),
    "lms 2": (SAMPLERS["lms"].with_options(order=2), 1.9),
    "seeds_2 phi_2": (SAMPLERS["seeds_2"].with_options(eta=0.0, solver_type="phi_2", r=0.7), 1.9),
    "er_sde 3": (SAMPLERS["er_sde"].with_options(noise_scale=reverse_time(0.0), s_noise=0.0), 1.7),
    "er_sde 1": (
        SAMPLERS["er_sde"].with_options(noise_scale=reverse_time(0.0), s_noise=0.0, max_stage=1),
        0.9,
    ),
    "dpmpp_3m_sde": (SAMPLERS["dpmpp_3m_sde"].with_options(eta=0.0), 2.0),
    "dpmpp_2m_sde": (SAMPLERS["dpmpp_2m_sde"].with_options(eta=0.0, solver_type="heun"), 1.9),
    "dpmpp_sde": (SAMPLERS["dpmpp_sde"].with_options(eta=0.0, r=0.5), 1.9),
    **{
        f"{algorithm} {order}": (
            Method(sde=dpm_solver, follows_path=True).with_options(
                order=order, algorithm=algorithm, lower_order_final=False
            ),
            min(order, 2),
        )
        for algorithm in ("dpmsolver++", "dpmsolver")
        for order in (1, 2, 3)
    },
}


@pytest.mark.parametrize("name", ORDERS)
def test_the_error_falls_with_the_order(name: str) -> None:
    method, order = ORDERS[name]
    x = torch.randn(1, 4, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(4)) * 10
    exact = TARGET.flow(x, 10.0, 0.1)
    errors = [float((end(method, x, falling(steps)) - exact).norm()) for steps in (60, 120)]
    assert math.log2(errors[0] / errors[1]) > order - 0.2, errors


def test_a_finer_tolerance_errs_less_and_the_controller_may_change() -> None:
    x = torch.randn(1, 4, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(4)) * 10
    exact = TARGET.flow(x, 10.0, 0.1)

    def error(**numbers: float) -> float:
        method = Method(ode=dpm_adaptive).with_options(tolerance=Tolerance(**numbers))
        return float((end(method, x, falling(4)) - exact).norm())

    assert error(relative=0.001, absolute=0.0001) < error() / 3
    assert error(order=2) < 1.0
    assert error(proportional=0.3, derivative=0.1) < 1.0


def test_every_algorithm_is_known_by_its_name() -> None:
    assert ALGORITHMS == ("dpmsolver++", "dpmsolver", "sde-dpmsolver++", "sde-dpmsolver")

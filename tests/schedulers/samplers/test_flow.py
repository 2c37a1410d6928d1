"""Do samplers follow rectified flows? A flow is noise added to a picture, seen on another scale."""

import math

import pytest
import torch
from torch import Tensor

from models.noise import Flow
from schedulers.path import Path
from schedulers.samplers.ancestral import leap
from schedulers.samplers.table import SAMPLERS
from schedulers.step import Noise
from schedulers.tables import sigma_table
from tests.schedulers.toys import Tangled, paired

FLOW = Path(sigma_table(Flow(3.0)).percent_to_sigma, flow=True)
LEVELS = [0.97, 0.9, 0.75, 0.5, 0.3, 0.0]
BY_RATIO = [
    "dpmpp_sde",
    "dpmpp_2m_sde",
    "dpmpp_2m_sde_heun",
    "dpmpp_3m_sde",
    "er_sde",
    "seeds_2",
    "seeds_3",
    "exp_heun_2_x0",
    "exp_heun_2_x0_sde",
    "sa_solver",
    "sa_solver_pece",
    "lcm",
    "euler_ancestral_cfg_pp",
]
"""Samplers that look at noise over signal alone."""

DENOISE = Tangled()
START = torch.randn(1, 4, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def ratio(sigma: float) -> float:
    return sigma / (1 - sigma)


def draws() -> Noise:
    generator = torch.Generator().manual_seed(2)
    return lambda sigma, sigma_next: torch.randn(START.shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("name", BY_RATIO)
def test_a_flow_is_added_noise_on_another_scale(name: str) -> None:
    added = Path(lambda percent: ratio(min(FLOW.percent_to_sigma(percent), 1 - 1e-9)))

    def on_ratio(x: Tensor, level: float) -> Tensor:
        sigma = level / (1 + level)
        return DENOISE(x * (1 - sigma), sigma)

    flowing = SAMPLERS[name].on(FLOW).steps(paired(DENOISE), START, LEVELS, draws())
    first = START / (1 - LEVELS[0])
    adding = SAMPLERS[name].on(added).steps(paired(on_ratio), first, [ratio(one) for one in LEVELS], draws())
    for one, other in zip(flowing, adding, strict=True):
        torch.testing.assert_close(one.x / (1 - one.sigma), other.x, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_a_leap_on_a_flow_keeps_shares_and_variance(eta: float) -> None:
    for sigma, sigma_next in ((1.0, 0.8), (0.7, 0.5), (0.3, 0.05)):
        down, scale, up = leap(FLOW, sigma, sigma_next, eta)
        assert scale * (1 - down) == pytest.approx(1 - sigma_next)
        assert math.hypot(scale * down, up) == pytest.approx(sigma_next)
        assert down <= sigma_next
    assert leap(FLOW, 0.5, 0.3, 0.0) == (0.3, 1.0, 0.0)


@pytest.mark.parametrize("name", [name for name in SAMPLERS if not name.startswith("uni_pc")])
def test_every_sampler_begins_a_flow_at_pure_noise(name: str) -> None:
    levels = [1.0, 0.9, 0.6, 0.3, 0.0]
    last = list(SAMPLERS[name].on(FLOW).steps(paired(DENOISE), START, levels, draws()))[-1]
    assert bool(last.x.isfinite().all())
    if name not in ("dpm_fast", "dpm_adaptive"):
        torch.testing.assert_close(last.x, last.denoised, rtol=1e-6, atol=1e-6)


def test_the_first_level_moves_just_below_pure_noise() -> None:
    assert FLOW.with_finite_start([1.0, 0.5])[0] == pytest.approx(0.9999667, abs=1e-6)
    assert FLOW.with_finite_start([0.9, 0.5]) == [0.9, 0.5]
    assert FLOW.with_finite_start([1.0]) == [1.0]

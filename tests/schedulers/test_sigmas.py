"""Are noise levels those that the ecosystem visits? Numbers were taken from its own tables."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from models.diffusion import DiffusionModel
from models.noise import NoiseTable
from schedulers.sigmas import SCHEDULES, ksampler_sigmas, schedule
from schedulers.tables import FULL_NOISE, sigma_table

TABLE = sigma_table(NoiseTable())
MODEL = DiffusionModel(nn.Identity(), "sd15")

FOUR_STEPS = {
    "simple": [14.614641, 4.081729, 1.612886, 0.693205, 0],
    "sgm_uniform": [14.61464, 4.086081, 1.61558, 0.69515, 0],
    "karras": [14.614643, 3.168605, 0.446919, 0.029167, 0],
    "exponential": [14.61464, 1.840024, 0.231664, 0.029167, 0],
    "ddim_uniform": [4.116696, 1.623692, 0.698398, 0.041314, 0],
    "beta": [14.614641, 5.686592, 1.618279, 0.515391, 0],
    "normal": [14.61464, 2.918307, 0.932358, 0.029167, 0],
    "linear_quadratic": [14.614641, 14.431958, 14.249275, 10.595615, 0],
    "kl_optimal": [14.614633, 1.597066, 0.572914, 0.029167, 0],
}


def test_the_table_holds_the_known_noise_levels() -> None:
    stored = {0: 0.029167158529, 1: 0.041314411908, 998: 14.526275635, 999: 14.614641190}
    assert TABLE.sigmas.dtype == torch.float32
    for index, sigma in stored.items():
        assert float(TABLE.sigmas[index]) == pytest.approx(sigma, rel=1e-7)


def test_a_zero_terminal_snr_table_ends_in_almost_pure_noise() -> None:
    table = sigma_table(NoiseTable(zero_terminal_snr=True))
    stored = {0: 0.029167158, 998: 2254.238, 999: 4518.7637}
    for index, sigma in stored.items():
        assert float(table.sigmas[index]) == pytest.approx(sigma, rel=1e-6)


@pytest.mark.parametrize(("percent", "sigma"), [(0.2, 5.0924082), (0.5, 1.6155803), (0.8, 0.5711889)])
def test_parts_of_sampling_have_the_known_noise_levels(percent: float, sigma: float) -> None:
    assert TABLE.percent_to_sigma(percent) == pytest.approx(sigma, rel=1e-6)


def test_before_the_start_and_after_the_end_are_open() -> None:
    assert TABLE.percent_to_sigma(0.0) == FULL_NOISE
    assert TABLE.percent_to_sigma(-1.0) == FULL_NOISE
    assert TABLE.percent_to_sigma(1.0) == 0.0
    assert TABLE.percent_to_sigma(1.5) == 0.0


@given(st.integers(0, 999))
def test_a_timestep_is_found_again_from_its_sigma(t: int) -> None:
    assert TABLE.timestep(float(TABLE.sigmas[t])) == t
    assert float(TABLE.sigma(t)) == pytest.approx(float(TABLE.sigmas[t]), rel=1e-6)


def test_a_sigma_between_two_timesteps_takes_the_nearer_one_in_log() -> None:
    low, high = float(TABLE.sigmas[0]), float(TABLE.sigmas[1])
    middle = math.sqrt(low * high)
    assert TABLE.timestep(middle * 0.999) == 0
    assert TABLE.timestep(middle * 1.001) == 1
    assert TABLE.timestep(1e9) == 999
    assert TABLE.timestep(1e-9) == 0


@pytest.mark.parametrize("name", SCHEDULES)
def test_four_steps_are_those_known(name: str) -> None:
    sigmas = schedule(name, 4, TABLE)
    assert sigmas.dtype == torch.float32
    assert sigmas.tolist() == pytest.approx(FOUR_STEPS[name], abs=1.5e-6)


def test_the_offered_names_stand_in_their_order() -> None:
    assert list(SCHEDULES) == list(FOUR_STEPS)


@pytest.mark.parametrize(("steps", "count"), [(7, 8), (30, 31), (20, 20), (3, 3)])
def test_ddim_uniform_may_have_another_count_than_asked(steps: int, count: int) -> None:
    assert len(schedule("ddim_uniform", steps, TABLE)) == count + 1


def test_beta_leaves_repeated_levels_out() -> None:
    sigmas = schedule("beta", 200, TABLE)
    assert len(sigmas) == 200
    assert (sigmas.diff() < 0).all()


@given(st.sampled_from(SCHEDULES), st.integers(2, 150))
def test_every_schedule_falls_and_ends_at_zero(name: str, steps: int) -> None:
    sigmas = schedule(name, steps, TABLE)
    assert sigmas.dtype == torch.float32
    assert (sigmas.diff() < 0).all()
    assert float(sigmas[-1]) == 0


@pytest.mark.parametrize("name", [name for name in SCHEDULES if name not in ("ddim_uniform", "kl_optimal")])
def test_a_single_step_goes_from_full_noise_to_none(name: str) -> None:
    assert schedule(name, 1, TABLE).tolist() == pytest.approx([TABLE.sigma_max, 0.0], rel=1e-6)


def test_kl_optimal_refuses_a_single_step() -> None:
    with pytest.raises(ValueError, match="at least 2 steps, got 1"):
        schedule("kl_optimal", 1, TABLE)


def test_an_unknown_schedule_is_named_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown schedule 'karas'; known are simple, sgm_uniform, karras"):
        schedule("karas", 4, TABLE)
    with pytest.raises(ValueError, match="at least 1 step, got 0"):
        schedule("karras", 0, TABLE)


def test_partial_denoising_takes_the_end_of_a_longer_schedule() -> None:
    longer = schedule("normal", 33, TABLE)
    assert torch.equal(ksampler_sigmas(MODEL, "euler", "normal", 20, denoise=0.6), longer[-21:])
    assert torch.equal(
        ksampler_sigmas(MODEL, "euler", "normal", 20, denoise=0.99999), schedule("normal", 20, TABLE)
    )
    assert len(ksampler_sigmas(MODEL, "euler", "normal", 20, denoise=0.0)) == 0


def test_a_full_schedule_keeps_its_surplus_step() -> None:
    assert len(ksampler_sigmas(MODEL, "euler", "ddim_uniform", 7)) == 9


def test_some_samplers_leave_the_penultimate_level_out() -> None:
    longer = schedule("karras", 5, TABLE)
    expected = torch.cat([longer[:4], longer[5:]])
    assert torch.equal(ksampler_sigmas(MODEL, "uni_pc", "karras", 4), expected)
    assert torch.equal(ksampler_sigmas(MODEL, "euler", "karras", 4), schedule("karras", 4, TABLE))


def test_start_and_end_cut_the_schedule() -> None:
    whole = schedule("karras", 10, TABLE)

    def cut(start: int, end: int, *, full: bool = False) -> torch.Tensor:
        return ksampler_sigmas(MODEL, "euler", "karras", 10, 1.0, start, end, force_full_denoise=full)

    assert torch.equal(cut(0, 10_000), whole)
    assert torch.equal(cut(3, 10_000), whole[3:])
    assert torch.equal(cut(3, 7), whole[3:8])
    assert cut(3, 7, full=True).tolist() == [*whole[3:7].tolist(), 0.0]
    assert torch.equal(cut(3, 10, full=True), whole[3:])
    assert len(cut(7, 7)) == 0
    assert len(cut(12, 10_000)) == 0
    assert torch.equal(schedule("karras", 10, TABLE), whole)

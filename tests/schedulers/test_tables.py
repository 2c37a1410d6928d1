"""Do tables give the noise levels that networks were trained on, and the time networks take for them?"""

import math

import pytest
import torch

from models.noise import (
    ContinuousAngle,
    ContinuousLog,
    Cosine,
    ExponentialFlow,
    Flow,
    FlowOverLog,
    NoiseLevels,
    NoiseTable,
)
from schedulers.sigmas import schedule
from schedulers.tables import FULL_NOISE, sigma_table

DESCRIPTIONS: dict[str, NoiseLevels] = {
    "steps": NoiseTable(),
    "linear steps": NoiseTable(1e-4, 0.02, kind="linear"),
    "zero snr": NoiseTable(zero_terminal_snr=True),
    "distilled": NoiseTable(distilled_steps=50),
    "log": ContinuousLog(),
    "angle": ContinuousAngle(),
    "flow": Flow(3.0),
    "plain flow": Flow(1.0, 1.0),
    "exponential flow": ExponentialFlow(),
    "cosine": Cosine(),
    "shifted cosine": Cosine(2.0),
    "flow over log": FlowOverLog(),
}


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("steps", 0.029167158529, 14.614641190),
        ("zero snr", 0.029167158, 4518.7637),
        ("flow", 0.0029940121, 1.0),
        ("exponential flow", 0.00031575115, 1.0),
        ("log", 0.002, 120.0),
        ("angle", 0.03, 500.0),
        ("flow over log", 0.002, 80.0),
        ("cosine", 0.01, 99.995),
    ],
)
def test_the_ends_are_those_of_training(name: str, first: float, last: float) -> None:
    table = sigma_table(DESCRIPTIONS[name])
    assert table.sigma_min == pytest.approx(first, rel=2e-4)
    assert table.sigma_max == pytest.approx(last, rel=2e-6 if name != "zero snr" else 1e-4)


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_levels_rise(name: str) -> None:
    sigmas = sigma_table(DESCRIPTIONS[name]).sigmas
    assert bool((sigmas.diff() >= 0).all())
    assert sigmas.dtype == torch.float32


@pytest.mark.parametrize(
    "name", [name for name in DESCRIPTIONS if not name.startswith(("flow", "shifted", "exp"))]
)
def test_the_time_of_a_level_gives_the_level_back(name: str) -> None:
    table = sigma_table(DESCRIPTIONS[name])
    for place in (len(table) // 10, len(table) // 2, len(table) * 9 // 10):
        sigma = float(table.sigmas[place])
        assert float(table.sigma(table.timestep(sigma))) == pytest.approx(sigma, rel=1e-4)


def test_networks_take_their_own_time() -> None:
    assert sigma_table(ContinuousLog()).timestep(2.0) == pytest.approx(math.log(2) / 4)
    assert sigma_table(ContinuousAngle()).timestep(1.0) == pytest.approx(0.5)
    assert sigma_table(Flow(3.0)).timestep(0.25) == 250.0
    assert sigma_table(Flow(3.0, 1.0)).timestep(0.25) == 0.25
    assert sigma_table(ExponentialFlow()).timestep(0.25) == 0.25
    assert sigma_table(FlowOverLog()).timestep(3.0) == 0.75
    assert float(sigma_table(FlowOverLog()).sigma(0.75)) == pytest.approx(3.0)
    assert float(sigma_table(FlowOverLog()).sigma(1.0)) == 80.0


def test_a_distilled_network_knows_every_twentieth_step() -> None:
    full, distilled = sigma_table(NoiseTable()), sigma_table(NoiseTable(distilled_steps=50))
    assert torch.equal(distilled.sigmas, full.sigmas[19::20])
    assert distilled.timestep(distilled.sigma_max) == 999
    assert distilled.timestep(0.0) == 19


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_a_part_of_sampling_is_a_level(name: str) -> None:
    table = sigma_table(DESCRIPTIONS[name])
    parts = [0.01, 0.2, 0.5, 0.8, 0.99]
    levels = [table.percent_to_sigma(part) for part in parts]
    assert levels == sorted(levels, reverse=True)
    assert table.percent_to_sigma(0.0) == (1.0 if "flow" in name and "log" not in name else FULL_NOISE)
    assert table.percent_to_sigma(1.0) == 0.0
    assert all(table.sigma_min * 0.9 <= level <= table.sigma_max for level in levels)


@pytest.mark.parametrize(
    ("name", "schedule_name", "expected"),
    [
        ("flow", "normal", [1, 0.857692, 0.602151, 0.008929, 0]),
        ("flow", "sgm_uniform", [1, 0.900359, 0.751121, 0.502985, 0]),
        ("flow", "simple", [1, 0.9, 0.75, 0.5, 0]),
        ("exponential flow", "beta", [1, 0.936776, 0.759584, 0.402498, 0]),
        ("exponential flow", "simple", [1, 0.904531, 0.759511, 0.512844, 0]),
    ],
)
def test_schedules_of_flows_shift_twice_where_workflows_expect_it(
    name: str, schedule_name: str, expected: list[float]
) -> None:
    sigmas = schedule(schedule_name, 4, sigma_table(DESCRIPTIONS[name]))
    torch.testing.assert_close(sigmas, torch.tensor(expected), rtol=0, atol=1e-6)

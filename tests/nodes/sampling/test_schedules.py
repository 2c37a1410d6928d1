"""Do the schedule nodes give the noise levels that workflows expect?"""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from models.adapters.patch import Patched
from models.diffusion import DiffusionModel
from models.noise import Flow
from nodes.api.errors import NodeError
from nodes.sampling import schedules, sigmas
from schedulers.latent import LatentBatch
from schedulers.sigmas import SCHEDULES, schedule
from schedulers.tables import FULL_NOISE, sigma_table

MODEL: Any = Patched(DiffusionModel(torch.nn.Identity(), "sd15"))
FLOW: Any = Patched(DiffusionModel(torch.nn.Identity(), "sd15", "flow", Flow(3.0)))
TABLE = sigma_table(MODEL.base.noise)


def close(ours: Tensor, expected: list[float], tolerance: float = 1e-5) -> None:
    assert ours.dtype == torch.float32
    torch.testing.assert_close(
        ours, torch.tensor(expected, dtype=torch.float32), rtol=tolerance, atol=tolerance
    )


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_basic_node_is_the_named_schedule_cut_to_its_steps(name: str) -> None:
    assert torch.equal(schedules.basic(model=MODEL, scheduler=name, steps=7), schedule(name, 7, TABLE)[-8:])
    part = schedules.basic(model=MODEL, scheduler=name, steps=4, denoise=0.3)
    assert torch.equal(part, schedule(name, 13, TABLE)[-5:])
    assert len(schedules.basic(model=MODEL, scheduler=name, steps=4, denoise=0.0)) == 0


def test_formulas_at_their_defaults_are_the_named_schedules() -> None:
    close(schedules.karras_levels(steps=4), [14.614643, 3.168605, 0.446919, 0.029167, 0])
    close(schedules.exponential_levels(steps=4), [14.61464, 1.840024, 0.231664, 0.029167, 0])
    torch.testing.assert_close(
        schedules.polyexponential_levels(steps=4), schedules.exponential_levels(steps=4)
    )
    close(schedules.beta_levels(model=MODEL, steps=4), [14.614641, 5.686592, 1.618279, 0.515391, 0])
    close(schedules.beta_levels(model=MODEL, steps=1, alpha=0.3, beta=3.0), [14.614641, 0])


def test_a_polynomial_of_the_logarithm_bends_it() -> None:
    high, low = math.log(14.614642), math.log(0.0291675)
    expected = [math.exp(place**2 * (high - low) + low) for place in (1, 2 / 3, 1 / 3, 0)]
    close(schedules.polyexponential_levels(steps=4, rho=2.0), [*expected, 0])


def test_the_variance_preserving_schedule_is_even_in_its_time() -> None:
    times = [1.0, 0.5005, 0.001]
    expected = [math.sqrt(math.expm1(19.9 * t**2 / 2 + 0.1 * t)) for t in times]
    close(schedules.vp_levels(steps=3), [*expected, 0], 1e-4)


def test_the_laplace_schedule_gathers_about_its_middle_and_ends_above_zero() -> None:
    levels = schedules.laplace_levels(steps=5)
    half = math.exp(0.5 * -math.log(1 - 2 * 0.25 + 1e-5))
    close(levels, [14.614642, half, 1.0, 1 / half, 0.0291675], 1e-4)


def test_turbo_models_take_tenths_of_their_training() -> None:
    last = [float(TABLE.sigmas[index]) for index in (999, 899)]
    close(schedules.turbo_levels(model=MODEL, steps=2), [*last, 0])
    close(schedules.turbo_levels(model=MODEL, steps=1, denoise=0.29), [float(TABLE.sigmas[199]), 0])
    assert len(schedules.turbo_levels(model=MODEL, steps=10)) == 11


def test_published_levels_are_stretched_to_other_counts() -> None:
    ten = schedules.align_your_steps(model_type="SD1", steps=10)
    assert ten[0] == pytest.approx(14.6146412293)
    assert ten[-2:].tolist() == [pytest.approx(0.1515232662), 0.0]
    twenty = schedules.align_your_steps(model_type="SDXL", steps=20)
    assert float(twenty[2]) == pytest.approx(6.3184485287)
    assert float(twenty[1]) == pytest.approx(math.sqrt(14.6146412293 * 6.3184485287))
    part = schedules.align_your_steps(model_type="SVD", steps=10, denoise=0.25)
    close(part, [0.173, 0.034, 0])
    assert len(schedules.align_your_steps(model_type="SVD", denoise=0.0)) == 0
    flux = schedules.optimal_steps(model_type="FLUX", steps=10)
    close(flux[:3], [0.9968, 0.9886, 0.9819])
    assert len(schedules.optimal_steps(model_type="Wan", steps=20)) == 21
    assert len(schedules.optimal_steps(model_type="Chroma", steps=40)) == 41


def test_flow_schedules_shift_more_for_more_cells() -> None:
    def shifted(mu: float, count: int) -> list[float]:
        parts = [1 - index / count for index in range(count)]
        return [math.exp(mu) / (math.exp(mu) + 1 / part - 1) for part in parts]

    close(schedules.ltxv_levels(steps=4, stretch=False), [*shifted(2.05, 4), 0])
    stretched = schedules.ltxv_levels(steps=4)
    assert [float(stretched[place]) for place in (0, -2, -1)] == pytest.approx([1.0, 0.1, 0.0])
    latent = LatentBatch(torch.zeros(1, 128, 32, 32))
    close(schedules.ltxv_levels(steps=4, stretch=False, latent=latent), [*shifted(0.95, 4), 0])
    big = 0.00016927 * 2048 * 2048 / 256 + 0.45666666
    close(schedules.flux2_levels(steps=4, width=2048, height=2048), [*shifted(big, 4), 0])
    many, few = 0.00016927 * 4096 + 0.45666666, 8.73809524e-05 * 4096 + 1.89833333
    between = few + (many - few) * (105 - 10) / 190
    close(schedules.flux2_levels(steps=105)[:2], shifted(between, 105)[:2])


def test_levels_without_a_logarithm_are_refused() -> None:
    with pytest.raises(NodeError, match="sigma_max and sigma_min must be above 0"):
        schedules.exponential_levels(sigma_min=0.0)
    with pytest.raises(NodeError, match="rho must be above 0"):
        schedules.karras_levels(rho=0.0)
    with pytest.raises(NodeError, match="alpha and beta"):
        schedules.beta_levels(model=MODEL, alpha=0.0)


def test_levels_are_read_from_text() -> None:
    close(sigmas.manual(sigmas="14.6, 2.5;.3 -1 0"), [14.6, 2.5, 0.3, -1.0, 0.0])
    close(sigmas.manual(sigmas="1e-3"), [1.0, -3.0])
    assert len(sigmas.manual(sigmas="none")) == 0


def test_levels_are_cut_at_a_step_or_a_share() -> None:
    levels = torch.tensor([5.0, 4.0, 3.0, 2.0, 1.0, 0.0])
    high, low = sigmas.split(sigmas=levels, step=2)
    assert (high.tolist(), low.tolist()) == ([5, 4, 3], [3, 2, 1, 0])
    assert sigmas.split(sigmas=levels, step=9)[1].tolist() == []
    high, low = sigmas.split_denoise(sigmas=levels, denoise=0.5)
    assert (high.tolist(), low.tolist()) == ([5, 4, 3, 2], [2, 1, 0])
    high, low = sigmas.split_denoise(sigmas=levels, denoise=0.0)
    assert (high.tolist(), low.tolist()) == ([], [0])


def test_levels_are_turned_and_changed_without_touching_the_originals() -> None:
    levels = torch.tensor([5.0, 1.0, 0.0])
    close(sigmas.flip(sigmas=levels), [0.0001, 1, 5])
    close(sigmas.set_first(sigmas=levels, sigma=9.0), [9, 1, 0])
    assert levels.tolist() == [5.0, 1.0, 0.0]
    assert len(sigmas.flip(sigmas=levels[:0])) == 0


def test_steps_between_levels_are_parted() -> None:
    levels = torch.tensor([20.0, 10.0, 0.0])
    close(sigmas.extend(sigmas=levels, steps=2, end_at_sigma=12.0, spacing="linear"), [20, 15, 10, 0])
    close(
        sigmas.extend(sigmas=levels, start_at_sigma=15.0, end_at_sigma=0.0, spacing="cosine"),
        [20, 10, 10 - 10 * math.sin(math.pi / 4), 0],
    )
    sine = sigmas.extend(sigmas=levels, steps=2, end_at_sigma=15.0, spacing="sine")
    close(sine, [20, 20 - 10 * (1 - math.cos(math.pi / 4)), 10, 0])


def test_a_part_of_sampling_is_told_as_a_level() -> None:
    def told(model: Any, part: float, actual: bool = False) -> float:
        return sigmas.percent_to_sigma(
            model=model, sampling_percent=part, return_actual_sigma=actual
        ).sigma_value

    assert told(MODEL, 0.0) == FULL_NOISE
    assert told(MODEL, 0.2) == pytest.approx(5.0924082)
    assert (told(MODEL, 0.0, True), told(MODEL, 1.0, True)) == (TABLE.sigma_max, TABLE.sigma_min)
    assert told(MODEL, 1.0) == 0.0
    assert (told(FLOW, 0.0), told(FLOW, 0.5)) == (1.0, pytest.approx(0.75))

"""Do combinations of ours step as the schedulers of diffusers do, over counts, spacings and predictions?"""

import math
from typing import Any

import numpy
import pytest
import torch
from torch import Tensor

from models.noise import Flow
from schedulers.path import Path
from schedulers.samplers.dpm_solver import ALGORITHMS
from schedulers.shelf import SHELF, combination
from schedulers.spacing import LEVELS, SPACINGS, Options
from schedulers.tables import sigma_table
from tests.schedulers.parity import CONFIG, COUNTS, DENOISE, START, close, ours, output_of, unit
from tests.schedulers.toys import TABLE

diffusers = pytest.importorskip("diffusers")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),
]


def added(scheduler: Any, kind: str = "epsilon") -> Tensor:
    """What schedulers give that keep the noise on top of the picture, in units of sigma."""
    x = START * float(scheduler.sigmas[0])
    generator = torch.Generator().manual_seed(9)
    takes = {"generator": generator} if "generator" in scheduler.step.__code__.co_varnames else {}
    for t in scheduler.timesteps:
        scaled = scheduler.scale_model_input(x, t)
        sigma = float(scheduler.sigmas[scheduler.step_index])
        if hasattr(scheduler, "sigmas_interpol") and not scheduler.state_in_first_order:
            back = 1 if isinstance(scheduler, diffusers.KDPM2AncestralDiscreteScheduler) else 0
            sigma = float(scheduler.sigmas_interpol[scheduler.step_index - back])
        del scaled
        denoised = DENOISE(x, sigma)
        unit = x / math.sqrt(1 + sigma**2)
        out = output_of(kind, unit, denoised, sigma)
        x = scheduler.step(out, t, x, return_dict=False, **takes)[0]
    return x


EULER_FAMILY = {
    "EulerDiscreteScheduler": ("linspace", "leading", "trailing"),
    "EulerAncestralDiscreteScheduler": ("linspace", "leading", "trailing"),
    "HeunDiscreteScheduler": ("linspace", "leading", "trailing"),
    "KDPM2DiscreteScheduler": ("linspace", "leading", "trailing"),
    "KDPM2AncestralDiscreteScheduler": ("linspace", "leading", "trailing"),
    "LMSDiscreteScheduler": ("linspace", "leading", "trailing"),
}


@pytest.mark.parametrize("steps", COUNTS)
@pytest.mark.parametrize(
    ("name", "spacing"), [(name, spacing) for name, spacings in EULER_FAMILY.items() for spacing in spacings]
)
def test_the_euler_family(name: str, spacing: Any, steps: int) -> None:
    scheduler = getattr(diffusers, name)(**CONFIG, timestep_spacing=spacing)
    scheduler.set_timesteps(steps)
    sigmas, mine = ours(name, steps, Options(spacing, 1), float(scheduler.sigmas[0]))
    kept = [float(sigma) for sigma in dict.fromkeys(scheduler.sigmas.tolist())]
    torch.testing.assert_close(sigmas, torch.tensor(kept), rtol=2e-5, atol=1e-6)
    # diffusers takes the split of ancestral steps in float32.
    close(mine, added(scheduler), 5e-4 if "Ancestral" in name else 5e-5)


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("levels", ["karras", "exponential", "beta"])
@pytest.mark.parametrize("steps", [2, 5, 20])
def test_euler_over_other_levels_and_predictions(levels: Any, kind: str, steps: int) -> None:
    scheduler = diffusers.EulerDiscreteScheduler(
        **CONFIG, prediction_type=kind, **{f"use_{levels}_sigmas": True}
    )
    scheduler.set_timesteps(steps)
    sigmas, mine = ours("EulerDiscreteScheduler", steps, Options(levels=levels), float(scheduler.sigmas[0]))
    torch.testing.assert_close(sigmas, scheduler.sigmas, rtol=2e-5, atol=1e-6)
    close(mine, added(scheduler, kind))


def labels(cases: list[Any]) -> list[str]:
    return [f"{name}-{number}" for number, (name, *_) in enumerate(cases)]


MULTISTEP = [
    *(
        ("DPMSolverMultistepScheduler", Options(spacing, 1, order=order), {"solver_order": order})
        for spacing in SPACINGS
        for order in (1, 2, 3)
    ),
    *(
        (
            "DPMSolverMultistepScheduler",
            Options(order=2, algorithm=algorithm, solver_type=rule, ends_at_zero=algorithm.endswith("++")),
            {
                "algorithm_type": algorithm,
                "solver_type": rule,
                "final_sigmas_type": "zero" if algorithm.endswith("++") else "sigma_min",
            },
        )
        for algorithm in ALGORITHMS
        for rule in ("midpoint", "heun")
    ),
    *(
        ("DPMSolverMultistepScheduler", Options(levels=levels), {f"use_{levels}_sigmas": True})
        for levels in LEVELS[1:]
    ),
    *(
        (
            "UniPCMultistepScheduler",
            Options(spacing, 1, order=order, solver_type=rule, ends_at_zero=rule == "heun"),
            {
                "solver_order": order,
                "solver_type": "bh2" if rule == "heun" else "bh1",
                "final_sigmas_type": "zero" if rule == "heun" else "sigma_min",
            },
        )
        for spacing in SPACINGS
        for order in (1, 2, 3)
        for rule in ("midpoint", "heun")
    ),
    *(
        (
            "SASolverScheduler",
            Options(spacing, 1, order=order),
            {"predictor_order": order, "corrector_order": order, "tau_func": lambda t: 0},
        )
        for spacing in SPACINGS
        for order in (1, 2, 3)
    ),
    *(("DPMSolverSinglestepScheduler", Options(order=order), {"solver_order": order}) for order in (1, 2)),
    *(
        ("DEISMultistepScheduler", Options(spacing, 1, order=order), {"solver_order": order})
        for spacing in SPACINGS
        for order in (1, 2, 3)
    ),
]


@pytest.mark.parametrize("steps", COUNTS)
@pytest.mark.parametrize(
    ("name", "options", "told"),
    MULTISTEP,
    ids=[f"{name}-{number}" for number, (name, *_) in enumerate(MULTISTEP)],
)
def test_the_multistep_family(name: str, options: Options, told: dict[str, Any], steps: int) -> None:
    where = {} if "Singlestep" in name else {"timestep_spacing": options.spacing}
    config = {key: value for key, value in CONFIG.items() if where or key != "steps_offset"}
    scheduler = getattr(diffusers, name)(**config, **where, **told)
    scheduler.set_timesteps(steps)
    first = float(scheduler.sigmas[0])
    sigmas, mine = ours(name, steps, options, math.sqrt(1 + first**2), dtype=torch.float32)
    torch.testing.assert_close(sigmas, scheduler.sigmas.float(), rtol=2e-5, atol=1e-6)
    theirs = unit(scheduler, lambda index, t: float(scheduler.sigmas[index]))
    # diffusers takes the weights of DEIS in float32 as differences of large numbers.
    exact = name != "DEISMultistepScheduler" or options.order < 3
    close(mine / math.sqrt(1 + float(sigmas[-1]) ** 2), theirs, 5e-5 if exact else 1e-3)


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction", "sample"])
@pytest.mark.parametrize("steps", [4, 20])
def test_multistep_over_predictions(kind: str, steps: int) -> None:
    scheduler = diffusers.DPMSolverMultistepScheduler(**CONFIG, prediction_type=kind)
    scheduler.set_timesteps(steps)
    start = math.sqrt(1 + float(scheduler.sigmas[0]) ** 2)
    _, mine = ours("DPMSolverMultistepScheduler", steps, Options(), start)
    close(mine, unit(scheduler, lambda index, t: float(scheduler.sigmas[index]), kind))


COUNTED = [
    *(("DDIMScheduler", Options(spacing, 1), {}) for spacing in SPACINGS),
    ("DDIMScheduler", Options("leading", 1, ends_at_zero=False), {"set_alpha_to_one": False}),
    ("DDIMScheduler", Options("leading", 1, eta=0.5), {}),
    *(("DDPMScheduler", Options(spacing, 1), {}) for spacing in SPACINGS),
    ("PNDMScheduler", Options("leading", 1, ends_at_zero=False), {"skip_prk_steps": True}),
    ("PNDMScheduler", Options("leading", 1), {"skip_prk_steps": True, "set_alpha_to_one": True}),
]


@pytest.mark.parametrize("steps", COUNTS)
@pytest.mark.parametrize(
    ("name", "options", "told"),
    COUNTED,
    ids=[f"{name}-{number}" for number, (name, *_) in enumerate(COUNTED)],
)
def test_the_ddpm_family(name: str, options: Options, told: dict[str, Any], steps: int) -> None:
    clip = {} if name == "PNDMScheduler" else {"clip_sample": False}
    scheduler = getattr(diffusers, name)(**CONFIG, timestep_spacing=options.spacing, **told, **clip)
    scheduler.set_timesteps(steps)

    def level(index: int, t: Any) -> float:
        kept = float(scheduler.alphas_cumprod[min(int(t), 999)])
        return math.sqrt((1 - kept) / kept)

    if options.eta:
        step = scheduler.step

        def with_eta(out: Tensor, t: Any, x: Tensor, generator: Any = None, return_dict: bool = True) -> Any:
            return step(out, t, x, eta=options.eta, generator=generator, return_dict=return_dict)

        scheduler.step = with_eta
    first = math.sqrt(1 + level(0, scheduler.timesteps[0]) ** 2)
    sigmas, mine = ours(name, steps, options, first)
    close(mine / math.sqrt(1 + float(sigmas[-1]) ** 2), unit(scheduler, level))


@pytest.mark.parametrize("steps", [1, 2, 4, 5, 15, 20, 30])
@pytest.mark.parametrize(
    ("name", "eta"), [("LCMScheduler", 0.0), ("TCDScheduler", 0.3), ("TCDScheduler", 0.0)]
)
def test_the_consistency_family(name: str, eta: float, steps: int) -> None:
    told = {"timestep_scaling": 1e6} if name == "LCMScheduler" else {}
    scheduler = getattr(diffusers, name)(**CONFIG, **told, clip_sample=False)
    scheduler.set_timesteps(steps)
    if name == "TCDScheduler":
        step = scheduler.step

        def with_eta(out: Tensor, t: Any, x: Tensor, generator: Any = None, return_dict: bool = True) -> Any:
            return step(out, t, x, eta=eta, generator=generator, return_dict=return_dict)

        scheduler.step = with_eta

    def level(index: int, t: Any) -> float:
        kept = float(scheduler.alphas_cumprod[int(t)])
        return math.sqrt((1 - kept) / kept)

    first = math.sqrt(1 + level(0, scheduler.timesteps[0]) ** 2)
    sigmas, mine = ours(name, steps, Options(eta=eta), first)
    close(mine / math.sqrt(1 + float(sigmas[-1]) ** 2), unit(scheduler, level))


@pytest.mark.parametrize("steps", [2, 4, 5, 15, 20, 30])
@pytest.mark.parametrize(
    "name", ["FlowMatchEulerDiscreteScheduler", "FlowMatchHeunDiscreteScheduler", "FlowMatchLCMScheduler"]
)
def test_the_flow_family(name: str, steps: int) -> None:
    scheduler = getattr(diffusers, name)(shift=3.0)
    scheduler.set_timesteps(steps)
    table = sigma_table(Flow(3.0))
    path = Path(table.percent_to_sigma, flow=True)
    sigmas, mine = ours(name, steps, Options(), 1.0, path, table)
    kept = torch.tensor(list(dict.fromkeys(scheduler.sigmas.tolist())))
    torch.testing.assert_close(sigmas, kept, rtol=1e-5, atol=1e-5)
    x = START.clone()
    generator = torch.Generator().manual_seed(9)
    for index, t in enumerate(scheduler.timesteps):
        sigma = float(scheduler.sigmas[index])
        velocity = (x - DENOISE(x, sigma)) / sigma
        x = scheduler.step(velocity, t, x, generator=generator, return_dict=False)[0]
    close(mine, x.double())


@pytest.mark.parametrize("steps", [2, 4, 5, 15, 20, 30])
@pytest.mark.parametrize("name", ["EDMEulerScheduler", "EDMDPMSolverMultistepScheduler"])
def test_the_edm_family(name: str, steps: int) -> None:
    scheduler = getattr(diffusers, name)()
    scheduler.set_timesteps(steps)
    sigmas, mine = ours(name, steps, Options(), float(scheduler.sigmas[0]))
    torch.testing.assert_close(sigmas, scheduler.sigmas, rtol=1e-5, atol=1e-6)
    x = START * float(scheduler.sigmas[0])
    data = scheduler.config.sigma_data
    for index, t in enumerate(scheduler.timesteps):
        sigma = float(scheduler.sigmas[index])
        scheduler.scale_model_input(x, t)
        spread = math.sqrt(sigma**2 + data**2)
        out = (DENOISE(x, sigma) - x * data**2 / spread**2) * spread / (sigma * data)
        x = scheduler.step(out, t, x, return_dict=False)[0]
    close(mine, x.double())


@pytest.mark.parametrize("steps", [1, 2, 4, 5, 15, 20, 30])
def test_consistency_models(steps: int) -> None:
    scheduler = diffusers.CMStochasticIterativeScheduler(clip_denoised=False)
    scheduler.set_timesteps(steps)
    sigmas, mine = ours("CMStochasticIterativeScheduler", steps, Options(), 80.0)
    torch.testing.assert_close(sigmas, scheduler.sigmas.float(), rtol=1e-5, atol=1e-7)
    x, generator = START * 80.0, torch.Generator().manual_seed(9)
    for index, t in enumerate(scheduler.timesteps):
        sigma = float(scheduler.sigmas[index])
        scheduler.scale_model_input(x, t)
        skip, gain = (float(one) for one in scheduler.get_scalings_for_boundary_condition(sigma))
        out = (DENOISE(x, sigma) - skip * x) / gain
        x = scheduler.step(out, t, x, generator=generator, return_dict=False)[0]
    close(mine, x)


ON_FLOWS = ("Flow", "RF", "H3", "Helios")


def test_every_name_on_the_shelf_is_one_of_diffusers_and_runs() -> None:
    for name in SHELF:
        assert hasattr(diffusers.schedulers, name), name
        flow = any(part in name for part in ON_FLOWS)
        table = sigma_table(Flow(3.0)) if flow else TABLE
        path = Path(table.percent_to_sigma, flow=flow)
        for steps in (2,) if name == "ConsistencyDecoderScheduler" else (1, 2, 5):
            sigmas, end = ours(name, steps, Options(), 1.0, path, table)
            assert bool(torch.isfinite(end).all()), (name, steps)
            assert len(sigmas) == steps + 1


def test_an_unknown_scheduler_is_named_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown scheduler 'Euler'; known are EulerDiscreteScheduler"):
        combination("Euler", 4, TABLE)
    with pytest.raises(ValueError, match="at least 1 step, got 0"):
        combination("DDIMScheduler", 0, TABLE)
    for name, known in (("LCMScheduler", 50), ("CMStochasticIterativeScheduler", 40)):
        with pytest.raises(ValueError, match=f"knows {known} steps, got 51"):
            combination(name, 51, TABLE)
    assert numpy.isfinite(TABLE.sigmas.numpy()).all()

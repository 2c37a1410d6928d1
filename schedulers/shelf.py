"""The schedulers of diffusers by their names, each as noise levels and a sampler.

A name stands for a combination: how training steps are spaced, what the levels between are, and a method.
Where a scheduler of diffusers counts differently from ours, the option that makes it so is set here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy
import torch
from torch import Tensor

from schedulers.formulas import flipped
from schedulers.further import FURTHER, even_parts
from schedulers.samplers.adams import lms
from schedulers.samplers.deis import deis_log
from schedulers.samplers.dpm_solver import dpm_solver, dpm_solver_singlestep
from schedulers.samplers.listed import plms, relabelled, stochastic
from schedulers.samplers.table import SAMPLERS
from schedulers.samplers.unipc import uni_pc_to_zero
from schedulers.sigmas import closed, exponential, karras, schedule
from schedulers.spacing import (
    Combination,
    Maker,
    Options,
    Times,
    between,
    counted_back,
    ended,
    fractional,
    level_at,
    rounded,
    whole,
)
from schedulers.step import Method
from schedulers.tables import SigmaTable

_ORIGINAL_STEPS = 50
_EDM_ENDS = 0.002, 80.0
_COSINE_ENDS = 0.3, 500.0
_TRIGONOMETRIC_ENDS = 1.3, 1.5707
_CONSISTENCY_STEPS = 40


def _spaced(steps: int, table: SigmaTable, options: Options, times: Times, *, whole_range: bool) -> Tensor:
    """Levels (steps + 1,) at the times of a family.

    whole_range: a formula spans the table, not the chosen times.
    """
    chosen = level_at(table, times(steps, len(table), options))
    if options.levels != "steps":
        low, high = (table.sigma_min, table.sigma_max) if whole_range else (chosen[-1], chosen[0])
        chosen = between(steps, low, high, options.levels)[:-1].tolist()
    return ended(chosen, table, options)


def _of_euler_family(method: Method) -> Maker:
    def make(steps: int, table: SigmaTable, options: Options) -> Combination:
        return Combination(_spaced(steps, table, options, fractional, whole_range=False), method)

    return make


def _of_multistep_family(method: Callable[[Options], Method]) -> Maker:
    def make(steps: int, table: SigmaTable, options: Options) -> Combination:
        sigmas = _spaced(steps, table, options, whole, whole_range=True)
        return Combination(sigmas, method(options))

    return make


def _solver(options: Options) -> Method:
    return Method(sde=dpm_solver, follows_path=True).with_options(
        order=options.order, algorithm=options.algorithm, solver_type=options.solver_type
    )


def _deis(steps: int, table: SigmaTable, options: Options) -> Combination:
    """It always ends at the lowest level, for it cannot reach 0."""
    sigmas = _spaced(steps, table, replace(options, ends_at_zero=False), whole, whole_range=True)
    return Combination(sigmas, Method(ode=deis_log).with_options(order=options.order))


def _sa_solver(steps: int, table: SigmaTable, options: Options) -> Combination:
    """It always ends at the lowest level, for it cannot reach 0."""
    sigmas = _spaced(steps, table, replace(options, ends_at_zero=False), whole, whole_range=True)
    method = SAMPLERS["sa_solver"].with_options(
        predictor_order=options.order,
        corrector_order=options.order,
        simple_order_2=True,
        lower_order_final=True,
        eta=options.eta,
    )
    return Combination(sigmas, method)


def _ddim(steps: int, table: SigmaTable, options: Options) -> Combination:
    sigmas, targets = counted_back(steps, table, options)
    return Combination(sigmas, Method(sde=relabelled).with_options(targets=targets, eta=options.eta))


def _ddpm(steps: int, table: SigmaTable, options: Options) -> Combination:
    return Combination(
        ended(level_at(table, rounded(steps, len(table), options)), table, options), SAMPLERS["ddpm"]
    )


def _inverse(steps: int, table: SigmaTable, options: Options) -> Combination:
    """From a picture to its noise: the levels of DDIM the other way."""
    sigmas = closed(level_at(table, rounded(steps, len(table), options)))
    return Combination(flipped(sigmas), SAMPLERS["euler"])


def _pndm(steps: int, table: SigmaTable, options: Options) -> Combination:
    sigmas = ended(level_at(table, rounded(steps, len(table), options)), table, options)
    return Combination(sigmas, Method(ode=plms))


def _check_known(steps: int, known: int) -> None:
    if steps > known:
        raise ValueError(f"a distilled network knows {known} steps, got {steps}")


def _distilled_times(steps: int, total: int) -> numpy.ndarray:
    """Times of consistency models: some of the 50 that they were distilled on."""
    _check_known(steps, _ORIGINAL_STEPS)
    known = (numpy.arange(1, _ORIGINAL_STEPS + 1) * (total // _ORIGINAL_STEPS) - 1)[::-1]
    places = numpy.floor(numpy.linspace(0, len(known), steps, endpoint=False)).astype(int)
    return numpy.asarray(known[places])


def _lcm(steps: int, table: SigmaTable, options: Options) -> Combination:
    del options
    return Combination(closed(level_at(table, _distilled_times(steps, len(table)))), SAMPLERS["lcm"])


def _tcd(steps: int, table: SigmaTable, options: Options) -> Combination:
    times = _distilled_times(steps, len(table))
    sigmas = ended(level_at(table, times), table, replace(options, ends_at_zero=False))
    downs = [*level_at(table, numpy.floor((1 - options.eta) * times[1:])), table.sigma_min]
    return Combination(sigmas, Method(sde=stochastic).with_options(downs=downs))


def _flow(method: Method) -> Maker:
    def make(steps: int, table: SigmaTable, options: Options) -> Combination:
        del options
        return Combination(schedule("normal", steps, table), method)

    return make


def _fixed(make_sigmas: Callable[[int], Tensor], method: Callable[[Options], Method]) -> Maker:
    def make(steps: int, table: SigmaTable, options: Options) -> Combination:
        del table
        return Combination(make_sigmas(steps), method(options))

    return make


def _trigonometric(steps: int) -> Tensor:
    """Levels (steps + 1,) at angles, then 0."""
    middle, high = _TRIGONOMETRIC_ENDS
    angles = [high, middle] if steps == 2 else numpy.linspace(high, 0, steps + 1)[:-1].tolist()
    return closed([math.tan(angle) for angle in angles])


def _consistency(steps: int, table: SigmaTable, options: Options) -> Combination:
    """Some of the 40 levels of consistency models, which predict down to the lowest (Song et al. 2023)."""
    del table, options
    low, high = _EDM_ENDS
    _check_known(steps, _CONSISTENCY_STEPS)
    known = karras(_CONSISTENCY_STEPS, low, high)[:-1]
    chosen = known[:: _CONSISTENCY_STEPS // steps][:steps]
    sigmas = torch.cat([chosen, torch.tensor([low])])
    method = Method(sde=stochastic).with_options(downs=[0.0] * len(chosen), floor=low)
    return Combination(sigmas, method)


_EULER_FAMILY: Mapping[str, Method] = MappingProxyType(
    {
        "EulerDiscreteScheduler": SAMPLERS["euler"],
        "EulerAncestralDiscreteScheduler": SAMPLERS["euler_ancestral"],
        "HeunDiscreteScheduler": SAMPLERS["heun"],
        "KDPM2DiscreteScheduler": SAMPLERS["dpm_2"],
        "KDPM2AncestralDiscreteScheduler": SAMPLERS["dpm_2_ancestral"],
        "LMSDiscreteScheduler": Method(ode=lms).with_options(jumps=False),
        "DPMSolverSDEScheduler": SAMPLERS["dpmpp_sde"],
    }
)

SHELF: Mapping[str, Maker] = MappingProxyType(
    {
        **{name: _of_euler_family(method) for name, method in _EULER_FAMILY.items()},
        "DPMSolverMultistepScheduler": _of_multistep_family(_solver),
        "DPMSolverSinglestepScheduler": _of_multistep_family(
            lambda options: Method(ode=dpm_solver_singlestep, follows_path=True).with_options(
                order=min(options.order, 2)
            )
        ),
        "SASolverScheduler": _sa_solver,
        "DEISMultistepScheduler": _deis,
        "IPNDMScheduler": _of_euler_family(SAMPLERS["ipndm"]),
        "DDIMInverseScheduler": _inverse,
        "DPMSolverMultistepInverseScheduler": _inverse,
        "UniPCMultistepScheduler": _of_multistep_family(
            lambda options: Method(ode=uni_pc_to_zero).with_options(
                order=options.order, second_form=options.solver_type == "heun"
            )
        ),
        "DDIMScheduler": _ddim,
        "DDIMParallelScheduler": _ddim,
        "CogVideoXDDIMScheduler": _ddim,
        "DDPMScheduler": _ddpm,
        "DDPMParallelScheduler": _ddpm,
        "PNDMScheduler": _pndm,
        "LCMScheduler": _lcm,
        "TCDScheduler": _tcd,
        "EDMEulerScheduler": _fixed(
            lambda steps: karras(steps, *_EDM_ENDS), lambda options: SAMPLERS["euler"]
        ),
        "EDMDPMSolverMultistepScheduler": _fixed(lambda steps: karras(steps, *_EDM_ENDS), _solver),
        "CosineDPMSolverMultistepScheduler": _fixed(
            lambda steps: exponential(steps, *_COSINE_ENDS),
            lambda options: Method(sde=dpm_solver, follows_path=True).with_options(
                order=options.order, algorithm="sde-dpmsolver++", solver_type=options.solver_type
            ),
        ),
        "CMStochasticIterativeScheduler": _consistency,
        "SCMScheduler": _fixed(_trigonometric, lambda options: SAMPLERS["lcm"]),
        "FlowMatchEulerDiscreteScheduler": _flow(SAMPLERS["euler"]),
        "FlowMatchHeunDiscreteScheduler": _flow(SAMPLERS["heun"]),
        "FlowMatchLCMScheduler": _flow(SAMPLERS["lcm"]),
        "LTXEulerAncestralRFScheduler": _flow(SAMPLERS["euler_ancestral"]),
        "MiniMaxH3Scheduler": even_parts(SAMPLERS["euler"]),
        **FURTHER,
    }
)


def combination(name: str, steps: int, table: SigmaTable, options: Options | None = None) -> Combination:
    """The noise levels and the sampler that a scheduler of diffusers comes to.

    Raises ValueError for a name that is not on the shelf, fewer than 1 step, or more than a network knows.
    """
    if name not in SHELF:
        raise ValueError(f"unknown scheduler {name!r}; known are {', '.join(SHELF)}")
    if steps < 1:
        raise ValueError(f"a schedule needs at least 1 step, got {steps}")
    return SHELF[name](steps, table, options or Options())

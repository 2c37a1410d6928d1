"""Gives noise levels and a sampler by the name that diffusers has for both."""

from typing import Annotated, Literal, NamedTuple

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Model, Sampler, Sigmas
from nodes.api.widgets import Choice, Range
from schedulers.samplers.dpm_solver import Algorithm
from schedulers.shelf import SHELF, combination
from schedulers.spacing import Levels, Options, Spacing
from schedulers.tables import sigma_table


class Chosen(NamedTuple):
    """A sampler and the noise levels it walks."""

    sampler: Sampler
    sigmas: Sigmas


@node(
    id="DiffusersScheduler",
    display_name="Diffusers Scheduler",
    category="sampling/custom_sampling/schedulers",
)
def diffusers_scheduler(
    *,
    model: Model,
    scheduler_name: Annotated[str, Choice(SHELF)],
    steps: Annotated[int, Range(1, 1000)] = 20,
    timestep_spacing: Spacing = "leading",
    steps_offset: Annotated[int, Range(0, 100)] = 1,
    levels: Levels = "steps",
    final_sigma: Annotated[str, Choice(("zero", "sigma_min"))] = "zero",
    order: Annotated[int, Range(1, 3)] = 2,
    algorithm_type: Algorithm = "dpmsolver++",
    solver_type: Literal["midpoint", "heun"] = "midpoint",
    eta: Annotated[float, Range(0.0, 1.0, step=0.01)] = 0.0,
) -> Chosen:
    """Take noise levels and a sampler as a scheduler of the diffusers library combines them.

    Args:
        model: whose noise levels are spread.
        scheduler_name: the scheduler.
        steps: how many steps.
        timestep_spacing: how training steps are chosen; leading leaves out the noisiest ones.
        steps_offset: added to the training steps of leading.
        levels: what lies between the ends: the levels of the steps, or those of a formula.
        final_sigma: where sampling ends.
        order: of multistep methods.
        algorithm_type: of the DPM solvers; those with sde draw noise.
        solver_type: rule for the second order; for UniPC heun stands for bh2 and midpoint for bh1.
        eta: share of the noise that is renewed, for DDIM and TCD; its strength for SASolver.
    """
    options = Options(
        spacing=timestep_spacing,
        steps_offset=steps_offset,
        levels=levels,
        ends_at_zero=final_sigma == "zero",
        order=order,
        algorithm=algorithm_type,
        solver_type=solver_type,
        eta=eta,
    )
    try:
        sigmas, method = combination(scheduler_name, steps, sigma_table(model.base.noise), options)
    except ValueError as error:
        raise NodeError(str(error)) from error
    return Chosen(method, sigmas)

"""Gives noise levels and a sampler by the name that diffusers has for both."""

from typing import Annotated, Literal, NamedTuple

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Model, Sampler, Sigmas
from nodes.api.widgets import Choice, Range
from schedulers.samplers.dpm_solver import ALGORITHMS, Algorithm
from schedulers.shelf import SHELF, combination
from schedulers.spacing import LEVELS, SPACINGS, Levels, Options, Spacing
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
    timestep_spacing: Annotated[str, Choice(SPACINGS)] = "leading",
    steps_offset: Annotated[int, Range(0, 100)] = 1,
    levels: Annotated[str, Choice(LEVELS)] = "steps",
    final_sigma: Annotated[str, Choice(("zero", "sigma_min"))] = "zero",
    order: Annotated[int, Range(1, 3)] = 2,
    algorithm_type: Annotated[str, Choice(ALGORITHMS)] = "dpmsolver++",
    solver_type: Annotated[str, Choice(("midpoint", "heun"))] = "midpoint",
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
    spacing: Spacing = timestep_spacing  # type: ignore[assignment]
    between: Levels = levels  # type: ignore[assignment]
    algorithm: Algorithm = algorithm_type  # type: ignore[assignment]
    rule: Literal["midpoint", "heun"] = "heun" if solver_type == "heun" else "midpoint"
    options = Options(
        spacing=spacing,
        steps_offset=steps_offset,
        levels=between,
        ends_at_zero=final_sigma == "zero",
        order=order,
        algorithm=algorithm,
        solver_type=rule,
        eta=eta,
    )
    try:
        sigmas, method = combination(scheduler_name, steps, sigma_table(model.base.noise), options)
    except ValueError as error:
        raise NodeError(str(error)) from error
    return Chosen(method, sigmas)

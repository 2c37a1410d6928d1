"""Makes noise levels for custom sampling: one node a schedule."""

from typing import Annotated

import torch

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Latent, Model, Sigmas
from nodes.api.widgets import Choice, Hint, Range
from nodes.sampling.ksampler import ScheduleName
from schedulers.formulas import flux2, laplace, polyexponential, turbo, variance_preserving, video_flow
from schedulers.gits import gits_levels
from schedulers.published import ALIGN_YOUR_STEPS, OPTIMAL_STEPS, part_of
from schedulers.sigmas import beta_schedule, exponential, karras, schedule
from schedulers.tables import sigma_table

CATEGORY = "sampling/custom_sampling/schedulers"
MOST_TOKENS = 4096

Steps = Annotated[int, Range(1, 10_000)]
Denoise = Annotated[float, Range(0.0, 1.0, step=0.01)]
SigmaMax = Annotated[float, Range(0.0, 5000.0, step=0.01, extra={"round": False})]
SigmaMin = Annotated[float, Range(0.0, 5000.0, step=0.01, extra={"round": False})]
Exponent = Annotated[float, Range(0.0, 100.0, step=0.01, extra={"round": False})]
Shift = Annotated[float, Range(0.0, 100.0, step=0.01)]


def _check(sigma_min: float, sigma_max: float) -> None:
    """Raise NodeError for levels that have no logarithm."""
    if sigma_min <= 0 or sigma_max <= 0:
        raise NodeError(f"sigma_max and sigma_min must be above 0, got {sigma_max} and {sigma_min}")


@node(id="BasicScheduler", display_name="BasicScheduler", category=CATEGORY)
def basic(*, model: Model, scheduler: ScheduleName, steps: Steps = 20, denoise: Denoise = 1.0) -> Sigmas:
    """Make the noise levels of a named schedule for a model.

    Args:
        model: whose noise levels are spread.
        scheduler: how they are spread over the steps.
        steps: how many steps.
        denoise: below 1, the last steps of a longer schedule, so that a picture shines through.
    """
    total = steps if denoise >= 1.0 else int(steps / denoise) if denoise > 0 else 0
    if total <= 0:
        return torch.zeros(0)
    return schedule(scheduler, total, sigma_table(model.base.noise))[-(steps + 1) :]


@node(id="KarrasScheduler", display_name="KarrasScheduler", category=CATEGORY)
def karras_levels(
    *,
    steps: Steps = 20,
    sigma_max: SigmaMax = 14.614642,
    sigma_min: SigmaMin = 0.0291675,
    rho: Exponent = 7.0,
) -> Sigmas:
    """Spread noise levels evenly in sigma^(1 / rho): small steps where the picture is nearly clean.

    Args:
        steps: how many steps.
        sigma_max: the first level.
        sigma_min: the last level before 0.
        rho: 1 spreads evenly; the higher, the smaller are the last steps.
    """
    if rho <= 0:
        raise NodeError(f"rho must be above 0, got {rho}")
    return karras(steps, sigma_min, sigma_max, rho)


@node(id="ExponentialScheduler", display_name="ExponentialScheduler", category=CATEGORY)
def exponential_levels(
    *, steps: Steps = 20, sigma_max: SigmaMax = 14.614642, sigma_min: SigmaMin = 0.0291675
) -> Sigmas:
    """Spread noise levels evenly in their logarithm.

    Args:
        steps: how many steps.
        sigma_max: the first level.
        sigma_min: the last level before 0.
    """
    _check(sigma_min, sigma_max)
    return exponential(steps, sigma_min, sigma_max)


@node(id="PolyexponentialScheduler", display_name="PolyexponentialScheduler", category=CATEGORY)
def polyexponential_levels(
    *,
    steps: Steps = 20,
    sigma_max: SigmaMax = 14.614642,
    sigma_min: SigmaMin = 0.0291675,
    rho: Exponent = 1.0,
) -> Sigmas:
    """Spread noise levels by a power of their place in the logarithm.

    Args:
        steps: how many steps.
        sigma_max: the first level.
        sigma_min: the last level before 0.
        rho: 1 spreads evenly; the higher, the more levels are low.
    """
    _check(sigma_min, sigma_max)
    return polyexponential(steps, sigma_min, sigma_max, rho)


@node(id="LaplaceScheduler", display_name="LaplaceScheduler", category=CATEGORY)
def laplace_levels(
    *,
    steps: Steps = 20,
    sigma_max: SigmaMax = 14.614642,
    sigma_min: SigmaMin = 0.0291675,
    mu: Annotated[float, Range(-10.0, 10.0, step=0.1, extra={"round": False})] = 0.0,
    beta: Annotated[float, Range(0.0, 10.0, step=0.1, extra={"round": False})] = 0.5,
) -> Sigmas:
    """Gather noise levels about a middle one; a number of levels, not of steps, and no 0 at the end.

    Args:
        steps: how many levels; one step fewer is taken.
        sigma_max: no level is higher.
        sigma_min: no level is lower.
        mu: logarithm of the level they gather about.
        beta: how widely they are spread.
    """
    return laplace(steps, sigma_min, sigma_max, mu, beta)


@node(id="VPScheduler", display_name="VPScheduler", category=CATEGORY)
def vp_levels(
    *,
    steps: Steps = 20,
    beta_d: Annotated[float, Range(0.0, 5000.0, step=0.01, extra={"round": False})] = 19.9,
    beta_min: Annotated[float, Range(0.0, 5000.0, step=0.01, extra={"round": False})] = 0.1,
    eps_s: Annotated[float, Range(0.0, 1.0, step=0.0001, extra={"round": False})] = 0.001,
) -> Sigmas:
    """Spread noise levels evenly in the time of a variance-preserving diffusion.

    Args:
        steps: how many steps.
        beta_d: how fast the noise rate grows.
        beta_min: the noise rate at time 0.
        eps_s: time of the last level before 0.
    """
    return variance_preserving(steps, beta_d, beta_min, eps_s)


@node(id="BetaSamplingScheduler", display_name="BetaSamplingScheduler", category=CATEGORY)
def beta_levels(
    *,
    model: Model,
    steps: Steps = 20,
    alpha: Annotated[float, Range(0.0, 50.0, step=0.01, extra={"round": False})] = 0.6,
    beta: Annotated[float, Range(0.0, 50.0, step=0.01, extra={"round": False})] = 0.6,
) -> Sigmas:
    """Spread a model's noise levels by the quantiles of a beta distribution over its training steps.

    Args:
        model: whose noise levels are spread.
        steps: how many steps; levels that come twice are dropped.
        alpha: the lower, the more levels lie at the start.
        beta: the lower, the more levels lie at the end.
    """
    if alpha <= 0 or beta <= 0:
        raise NodeError(f"alpha and beta must be above 0, got {alpha} and {beta}")
    return beta_schedule(steps, sigma_table(model.base.noise), alpha, beta)


@node(id="SDTurboScheduler", display_name="SDTurboScheduler", category=CATEGORY)
def turbo_levels(
    *,
    model: Model,
    steps: Annotated[int, Range(1, 10)] = 1,
    denoise: Annotated[float, Range(0, 1.0, step=0.01)] = 1.0,
) -> Sigmas:
    """Make the noise levels that SD-Turbo and SDXL-Turbo were distilled on.

    Args:
        model: whose noise levels count.
        steps: how many steps.
        denoise: below 1, begin at a later tenth, so that a picture shines through.
    """
    return turbo(steps, sigma_table(model.base.noise), denoise)


@node(id="AlignYourStepsScheduler", display_name="AlignYourStepsScheduler", category=CATEGORY)
def align_your_steps(
    *,
    model_type: Annotated[str, Choice(ALIGN_YOUR_STEPS)],
    steps: Steps = 10,
    denoise: Denoise = 1.0,
) -> Sigmas:
    """Take the noise levels that were found best for ten steps of a kind of model.

    Args:
        model_type: the kind of model.
        steps: how many steps; other counts than 10 are interpolated.
        denoise: below 1, the last steps only.
    """
    return part_of(ALIGN_YOUR_STEPS[model_type], steps, denoise)


@node(id="GITSScheduler", display_name="GITSScheduler", category=CATEGORY)
def gits(
    *,
    coeff: Annotated[float, Range(0.8, 1.5, step=0.05)] = 1.2,
    steps: Annotated[int, Range(2, 1000)] = 10,
    denoise: Denoise = 1.0,
) -> Sigmas:
    """Take the noise levels that follow the bends of sampling best, found for SD 1.x for 2 to 20 steps.

    Args:
        coeff: how much bends count, in steps of 0.05; small ones spread the levels more evenly.
        steps: how many steps; more than 20 are interpolated.
        denoise: below 1, the last steps only.
    """
    return part_of(gits_levels(coeff, steps), steps, denoise)


@node(id="OptimalStepsScheduler", display_name="OptimalStepsScheduler", category=CATEGORY)
def optimal_steps(
    *,
    model_type: Annotated[str, Choice(OPTIMAL_STEPS)],
    steps: Annotated[int, Range(3, 1000)] = 20,
    denoise: Denoise = 1.0,
) -> Sigmas:
    """Take the noise levels that were found best for a kind of flow model.

    Args:
        model_type: the kind of model.
        steps: how many steps; counts for which there are no levels are interpolated.
        denoise: below 1, the last steps only.
    """
    return part_of(OPTIMAL_STEPS[model_type], steps, denoise)


def token_count(latent: Latent | None) -> int:
    """How many cells a latent (B, C, ...) has, 4096 without one."""
    if latent is None:
        return MOST_TOKENS
    return int(latent.samples[0, 0].numel())


@node(id="LTXVScheduler", display_name="LTXVScheduler", category=CATEGORY)
def ltxv_levels(
    *,
    steps: Steps = 20,
    max_shift: Shift = 2.05,
    base_shift: Shift = 0.95,
    stretch: bool = True,
    terminal: Annotated[float, Range(0.0, 0.99, step=0.01)] = 0.1,
    latent: Annotated[Latent | None, Hint(optional=True)] = None,
) -> Sigmas:
    """Make noise levels for a flow model, noisier for bigger latents.

    Args:
        steps: how many steps.
        max_shift: shift for 4096 cells.
        base_shift: shift for 1024 cells.
        stretch: scale the levels so that the last above 0 is `terminal`.
        terminal: the last level above 0.
        latent: its cells are counted; without one 4096.
    """
    return video_flow(steps, token_count(latent), max_shift, base_shift, stretch=stretch, terminal=terminal)


@node(id="Flux2Scheduler", display_name="Flux2Scheduler", category=CATEGORY)
def flux2_levels(
    *,
    steps: Annotated[int, Range(1, 4096)] = 20,
    width: Annotated[int, Range(16, 16_384, step=1)] = 1024,
    height: Annotated[int, Range(16, 16_384, step=1)] = 1024,
) -> Sigmas:
    """Make the noise levels of FLUX.2 for a picture size.

    Args:
        steps: how many steps.
        width: of the picture, in pixels.
        height: of the picture, in pixels.
    """
    return flux2(steps, width, height)

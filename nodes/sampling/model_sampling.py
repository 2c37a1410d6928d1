"""Says how a model is sampled: its noise levels and what its output means."""

from dataclasses import replace
from typing import Annotated

from loaders.families.latents import PLAYGROUND
from models.noise import (
    ContinuousAngle,
    ContinuousLog,
    Cosine,
    ExponentialFlow,
    Flow,
    FlowOverLog,
    NoiseTable,
)
from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Latent, Model
from nodes.api.widgets import Choice, Hint, Range
from nodes.sampling.schedules import token_count
from schedulers.formulas import line_through

CATEGORY = "advanced/model"
DISTILLED_STEPS = 50
EDM_SIGMA_DATA = 0.5
DISCRETE = {"eps": "eps", "v_prediction": "v", "lcm": "lcm", "x0": "x0", "img_to_img": "img_to_img"}
CONTINUOUS = {
    "v_prediction": "v",
    "edm": "edm",
    "edm_playground_v2.5": "edm",
    "eps": "eps",
    "cosmos_rflow": "cosmos_flow",
}

Shift = Annotated[float, Range(0.0, 100.0, step=0.01)]
Sigma = Annotated[float, Range(0.0, 1000.0, step=0.001, extra={"round": False})]


def _check_levels(sigma_min: float, sigma_max: float) -> None:
    """Raise NodeError for levels that cannot be spread."""
    if not 0 < sigma_min < sigma_max:
        raise NodeError(f"sigma_min must be above 0 and below sigma_max, got {sigma_min} and {sigma_max}")


def _check_shift(shift: float) -> None:
    """Raise NodeError for a shift that leaves no noise."""
    if shift <= 0:
        raise NodeError(f"shift must be above 0, got {shift}")


@node(id="ModelSamplingDiscrete", display_name="ModelSamplingDiscrete", category=CATEGORY)
def discrete(*, model: Model, sampling: Annotated[str, Choice(DISCRETE)], zsnr: bool = False) -> Model:
    """Sample a model as one trained on discrete noise levels.

    Args:
        model: keeps the levels it was trained on, if they are discrete.
        sampling: what its output means: the noise, a velocity, the noise of a consistency model, the picture.
        zsnr: rescale the levels so that the last one is noise only.
    """
    noise = model.base.noise if isinstance(model.base.noise, NoiseTable) else NoiseTable()
    steps = DISTILLED_STEPS if sampling == "lcm" else None
    noise = replace(noise, zero_terminal_snr=zsnr, distilled_steps=steps)
    return model.with_base(replace(model.base, prediction=DISCRETE[sampling], noise=noise, sigma_data=1.0))


@node(id="ModelSamplingContinuousEDM", display_name="ModelSamplingContinuousEDM", category=CATEGORY)
def continuous_edm(
    *,
    model: Model,
    sampling: Annotated[str, Choice(CONTINUOUS)],
    sigma_max: Sigma = 120.0,
    sigma_min: Sigma = 0.002,
) -> Model:
    """Sample a model as one trained on any noise level between two, which it is told by its logarithm.

    Args:
        model: the model.
        sampling: what its output means; edm_playground_v2.5 also sets how its latents are scaled.
        sigma_max: the highest level.
        sigma_min: the lowest level.
    """
    _check_levels(sigma_min, sigma_max)
    flows = sampling == "cosmos_rflow"
    base = replace(
        model.base,
        prediction=CONTINUOUS[sampling],
        noise=FlowOverLog(sigma_min, sigma_max) if flows else ContinuousLog(sigma_min, sigma_max),
        sigma_data=EDM_SIGMA_DATA if sampling.startswith("edm") else 1.0,
    )
    if sampling == "edm_playground_v2.5":
        base = replace(base, latent=PLAYGROUND)
    return model.with_base(base)


@node(id="ModelSamplingContinuousV", display_name="ModelSamplingContinuousV", category=CATEGORY)
def continuous_v(
    *,
    model: Model,
    sampling: Annotated[str, Choice(("v_prediction",))],
    sigma_max: Sigma = 500.0,
    sigma_min: Sigma = 0.03,
) -> Model:
    """Sample a model as one trained on velocities at any noise level, which it is told as an angle.

    Args:
        model: the model.
        sampling: what its output means.
        sigma_max: the highest level.
        sigma_min: the lowest level.
    """
    del sampling
    _check_levels(sigma_min, sigma_max)
    noise = ContinuousAngle(sigma_min, sigma_max)
    return model.with_base(replace(model.base, prediction="v", noise=noise, sigma_data=1.0))


@node(id="ModelSamplingStableCascade", display_name="ModelSamplingStableCascade", category=CATEGORY)
def stable_cascade(*, model: Model, shift: Shift = 2.0) -> Model:
    """Sample a model on the cosine noise levels of Stable Cascade.

    Args:
        model: the model.
        shift: above 1 moves the levels to the noisy side.
    """
    _check_shift(shift)
    return model.with_base(replace(model.base, prediction="eps", noise=Cosine(shift), sigma_data=1.0))


@node(id="ModelSamplingSD3", display_name="ModelSamplingSD3", category=CATEGORY)
def sd3(*, model: Model, shift: Shift = 3.0) -> Model:
    """Sample a flow model with another shift, its time counted to 1000.

    Args:
        model: the model.
        shift: above 1 moves the levels to the noisy side.
    """
    _check_shift(shift)
    return model.with_base(replace(model.base, prediction="flow", noise=Flow(shift, 1000.0)))


@node(id="ModelSamplingAuraFlow", display_name="ModelSamplingAuraFlow", category=CATEGORY)
def aura_flow(*, model: Model, shift: Shift = 1.73) -> Model:
    """Sample a flow model with another shift, its time counted to 1.

    Args:
        model: the model.
        shift: above 1 moves the levels to the noisy side.
    """
    _check_shift(shift)
    return model.with_base(replace(model.base, prediction="flow", noise=Flow(shift, 1.0)))


@node(id="ModelSamplingFlux", display_name="ModelSamplingFlux", category=CATEGORY)
def flux(
    *,
    model: Model,
    max_shift: Shift = 1.15,
    base_shift: Shift = 0.5,
    width: Annotated[int, Range(16, 16_384, step=8)] = 1024,
    height: Annotated[int, Range(16, 16_384, step=8)] = 1024,
) -> Model:
    """Sample a flow model with a shift that grows with the picture.

    Args:
        model: the model.
        max_shift: shift at 1024 x 1024 pixels.
        base_shift: shift at 256 x 256 pixels.
        width: of the picture, in pixels.
        height: of the picture, in pixels.
    """
    shift = line_through(width * height / 256, (256, base_shift), (4096, max_shift))
    return model.with_base(replace(model.base, prediction="flow", noise=ExponentialFlow(shift)))


@node(id="ModelNoiseScale", display_name="ModelNoiseScale", category=CATEGORY)
def noise_scale(*, model: Model, noise_scale: Annotated[float, Range(0.0, 64.0, step=0.01)] = 1.0) -> Model:
    """Sample a model that was trained on stronger or weaker noise than usual: all noise is that strong.

    Args:
        model: keeps its noise levels.
        noise_scale: standard deviation of the noise, in units of its latents; 1 for most models.
    """
    return model.with_base(replace(model.base, noise_scale=noise_scale))


@node(id="ModelSamplingLTXV", display_name="ModelSamplingLTXV", category=CATEGORY)
def ltxv(
    *,
    model: Model,
    max_shift: Shift = 2.05,
    base_shift: Shift = 0.95,
    latent: Annotated[Latent | None, Hint(optional=True)] = None,
) -> Model:
    """Sample a flow model with a shift that grows with the latent.

    Args:
        model: the model.
        max_shift: shift for 4096 cells.
        base_shift: shift for 1024 cells.
        latent: its cells are counted; without one 4096.
    """
    shift = line_through(token_count(latent), (1024, base_shift), (4096, max_shift))
    return model.with_base(replace(model.base, prediction="flow", noise=ExponentialFlow(shift)))

"""Chooses samplers and sets their options, for custom sampling."""

from functools import partial
from typing import Annotated, Any

from torch import Tensor

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Model, Sampler
from nodes.api.widgets import Choice, Range
from nodes.image.resize import resize
from nodes.sampling.ksampler import SamplerName
from schedulers.samplers.cfg_pp import euler_cfg_pp_alternative
from schedulers.samplers.dpm import Tolerance, dpm_adaptive, dpm_adaptive_sde
from schedulers.samplers.er_sde import er_sde_5, reverse_time
from schedulers.samplers.lcm import lcm_upscale
from schedulers.samplers.table import SAMPLERS
from schedulers.step import Method

CATEGORY = "sampling/custom_sampling/samplers"
DEVICES = ("gpu", "cpu")

Amount = Annotated[float, Range(0.0, 100.0, step=0.01, extra={"round": False})]
Device = Annotated[str, Choice(DEVICES)]


def _on_device(name: str, noise_device: str) -> Method:
    """A sampler whose random numbers are drawn on the CPU or where it computes."""
    return SAMPLERS[name if noise_device == "cpu" else f"{name}_gpu"]


@node(id="KSamplerSelect", display_name="KSamplerSelect", category=CATEGORY)
def select(*, sampler_name: SamplerName) -> Sampler:
    """Choose a sampler by its name.

    Args:
        sampler_name: the method that takes the steps.
    """
    return SAMPLERS[sampler_name]


@node(id="SamplerEulerAncestral", display_name="SamplerEulerAncestral", category=CATEGORY)
def euler_ancestral(*, eta: Amount = 1.0, s_noise: Amount = 1.0) -> Sampler:
    """Euler's method with fresh noise at each step.

    Args:
        eta: share of the noise that is renewed; 0 is plain Euler.
        s_noise: factor of the noise that is added.
    """
    return SAMPLERS["euler_ancestral"].with_options(eta=eta, s_noise=s_noise)


@node(id="SamplerEulerAncestralCFGPP", display_name="SamplerEulerAncestralCFG++", category=CATEGORY)
def euler_ancestral_cfg_pp(
    *,
    eta: Annotated[float, Range(0.0, 1.0, step=0.01, extra={"round": False})] = 1.0,
    s_noise: Annotated[float, Range(0.0, 10.0, step=0.01, extra={"round": False})] = 1.0,
) -> Sampler:
    """Euler's method with fresh noise at each step, whose direction comes from the negative prompt alone.

    Args:
        eta: share of the noise that is renewed.
        s_noise: factor of the noise that is added.
    """
    return SAMPLERS["euler_ancestral_cfg_pp"].with_options(eta=eta, s_noise=s_noise)


@node(id="SamplerEulerCFGpp", display_name="SamplerEulerCFG++", category="_for_testing", experimental=True)
def euler_cfg_pp(*, version: Annotated[str, Choice(("regular", "alternative"))]) -> Sampler:
    """Euler's method whose direction comes from the negative prompt alone.

    Args:
        version: alternative also moves the state by the difference of the prompts.
    """
    return SAMPLERS["euler_cfg_pp"] if version == "regular" else Method(pair=euler_cfg_pp_alternative)


@node(id="SamplerLMS", display_name="SamplerLMS", category=CATEGORY)
def lms(*, order: Annotated[int, Range(1, 100)] = 4) -> Sampler:
    """The linear multistep method.

    Args:
        order: how many earlier steps are looked at; above 4 it becomes shaky.
    """
    return SAMPLERS["lms"].with_options(order=order)


@node(id="SamplerDPMPP_2S_Ancestral", display_name="SamplerDPMPP_2S_Ancestral", category=CATEGORY)
def dpmpp_2s_ancestral(*, eta: Amount = 1.0, s_noise: Amount = 1.0) -> Sampler:
    """DPM-Solver++(2S) with fresh noise at each step.

    Args:
        eta: share of the noise that is renewed.
        s_noise: factor of the noise that is added.
    """
    return SAMPLERS["dpmpp_2s_ancestral"].with_options(eta=eta, s_noise=s_noise)


@node(id="SamplerDPMPP_SDE", display_name="SamplerDPMPP_SDE", category=CATEGORY)
def dpmpp_sde(*, eta: Amount = 1.0, s_noise: Amount = 1.0, r: Amount = 0.5, noise_device: Device) -> Sampler:
    """DPM-Solver++ on the SDE with an evaluation on the way.

    Args:
        eta: share of the noise that is renewed; 0 solves the ODE.
        s_noise: factor of the noise that is added.
        r: part of the step after which it is evaluated again.
        noise_device: cpu gives the same picture on every machine.
    """
    if r <= 0:
        raise NodeError(f"r must be above 0, got {r}")
    return _on_device("dpmpp_sde", noise_device).with_options(eta=eta, s_noise=s_noise, r=r)


@node(id="SamplerDPMPP_2M_SDE", display_name="SamplerDPMPP_2M_SDE", category=CATEGORY)
def dpmpp_2m_sde(
    *,
    solver_type: Annotated[str, Choice(("midpoint", "heun"))],
    eta: Amount = 1.0,
    s_noise: Amount = 1.0,
    noise_device: Device,
) -> Sampler:
    """DPM-Solver++ on the SDE that also looks at the step before.

    Args:
        solver_type: rule for the second order.
        eta: share of the noise that is renewed; 0 solves the ODE.
        s_noise: factor of the noise that is added.
        noise_device: cpu gives the same picture on every machine.
    """
    chosen = _on_device("dpmpp_2m_sde", noise_device)
    return chosen.with_options(solver_type=solver_type, eta=eta, s_noise=s_noise)


@node(id="SamplerDPMPP_3M_SDE", display_name="SamplerDPMPP_3M_SDE", category=CATEGORY)
def dpmpp_3m_sde(*, eta: Amount = 1.0, s_noise: Amount = 1.0, noise_device: Device) -> Sampler:
    """DPM-Solver++ on the SDE that also looks at the two steps before.

    Args:
        eta: share of the noise that is renewed; 0 solves the ODE.
        s_noise: factor of the noise that is added.
        noise_device: cpu gives the same picture on every machine.
    """
    return _on_device("dpmpp_3m_sde", noise_device).with_options(eta=eta, s_noise=s_noise)


@node(id="SamplerDPMAdaptative", display_name="SamplerDPMAdaptative", category=CATEGORY)
def dpm_adaptive_method(
    *,
    order: Annotated[int, Range(2, 3)] = 3,
    rtol: Amount = 0.05,
    atol: Amount = 0.0078,
    h_init: Amount = 0.05,
    pcoeff: Amount = 0.0,
    icoeff: Amount = 1.0,
    dcoeff: Amount = 0.0,
    accept_safety: Amount = 0.81,
    eta: Amount = 0.0,
    s_noise: Amount = 1.0,
) -> Sampler:
    """DPM-Solver that chooses its steps by their error; the number of steps asked for does not matter.

    Args:
        order: of the method whose result is kept.
        rtol: error allowed, relative to the values.
        atol: error allowed for small values.
        h_init: width of the first step it tries.
        pcoeff: proportional part of the rule for the next width.
        icoeff: integral part.
        dcoeff: derivative part.
        accept_safety: how much narrower the next step may become for this one to be kept.
        eta: share of the noise that is renewed.
        s_noise: factor of the noise that is added.
    """
    if h_init <= 0:
        raise NodeError(f"h_init must be above 0, got {h_init}")
    tolerance = Tolerance(order, rtol, atol, h_init, pcoeff, icoeff, dcoeff, accept_safety)
    if eta == 0:
        return Method(ode=dpm_adaptive).with_options(tolerance=tolerance)
    return Method(sde=dpm_adaptive_sde).with_options(tolerance=tolerance, eta=eta, s_noise=s_noise)


@node(id="SamplerER_SDE", display_name="SamplerER_SDE", category=CATEGORY)
def er_sde(
    *,
    solver_type: Annotated[str, Choice(("ER-SDE", "Reverse-time SDE", "ODE"))],
    max_stage: Annotated[int, Range(1, 3)] = 3,
    eta: Amount = 1.0,
    s_noise: Amount = 1.0,
) -> Sampler:
    """The extended reverse-time SDE solver.

    Args:
        solver_type: which of the SDEs with the same pictures is solved; ODE has no noise.
        max_stage: highest order.
        eta: strength of the noise of the reverse-time SDE; 0 makes any of them the ODE.
        s_noise: factor of the noise that is added.
    """
    if solver_type == "ODE" or (solver_type == "Reverse-time SDE" and eta == 0):
        scale, s_noise = reverse_time(0.0), 0.0
    else:
        scale = er_sde_5 if solver_type == "ER-SDE" else reverse_time(eta)
    return SAMPLERS["er_sde"].with_options(noise_scale=scale, max_stage=max_stage, s_noise=s_noise)


@node(id="SamplerSASolver", display_name="SamplerSASolver", category=CATEGORY)
def sa_solver(
    *,
    model: Model,
    eta: Annotated[float, Range(0.0, 10.0, step=0.01, extra={"round": False})] = 1.0,
    sde_start_percent: Annotated[float, Range(0.0, 1.0, step=0.001)] = 0.2,
    sde_end_percent: Annotated[float, Range(0.0, 1.0, step=0.001)] = 0.8,
    s_noise: Amount = 1.0,
    predictor_order: Annotated[int, Range(1, 6)] = 3,
    corrector_order: Annotated[int, Range(0, 6)] = 4,
    use_pece: bool,
    simple_order_2: bool,
) -> Sampler:
    """The stochastic Adams predictor-corrector.

    Args:
        model: the model it will sample.
        eta: strength of the noise in the noisy part of sampling.
        sde_start_percent: where the noisy part begins, 0 = first step.
        sde_end_percent: where it ends, 1 = last step.
        s_noise: factor of the noise that is added.
        predictor_order: how many predictions a step is made from.
        corrector_order: how many predictions it is corrected by; 0 leaves it uncorrected.
        use_pece: predict again after correcting; twice the time.
        simple_order_2: simpler weights where two predictions are used.
    """
    del model
    return SAMPLERS["sa_solver"].with_options(
        eta=eta,
        noisy=(sde_start_percent, sde_end_percent),
        s_noise=s_noise,
        predictor_order=predictor_order,
        corrector_order=corrector_order,
        use_pece=use_pece,
        simple_order_2=simple_order_2,
    )


@node(id="SamplerSEEDS2", display_name="SamplerSEEDS2", category=CATEGORY)
def seeds_2(
    *,
    solver_type: Annotated[str, Choice(("phi_1", "phi_2"))],
    eta: Amount = 1.0,
    s_noise: Amount = 1.0,
    r: Annotated[float, Range(0.01, 1.0, step=0.01, extra={"round": False})] = 0.5,
) -> Sampler:
    """The stochastic exponential solver with two evaluations a step.

    Args:
        solver_type: phi_2 weighs both evaluations exactly.
        eta: share of the noise that is renewed; 0 solves the ODE.
        s_noise: factor of the noise that is added.
        r: part of the step after which it is evaluated again.
    """
    return SAMPLERS["seeds_2"].with_options(solver_type=solver_type, eta=eta, s_noise=s_noise, r=r)


def _resized(method: str, latent: Tensor, width: int, height: int) -> Tensor:
    return resize(latent, width, height, method)


@node(id="SamplerLCM", display_name="SamplerLCM", category=CATEGORY)
def lcm_method(
    *,
    s_noise: Annotated[float, Range(0.0, 64.0, step=0.01)] = 1.0,
    s_noise_end: Annotated[float, Range(0.0, 64.0, step=0.01)] = 1.0,
    noise_clip_std: Annotated[float, Range(0.0, 10.0, step=0.01)] = 0.0,
) -> Sampler:
    """Sampling of latent consistency models, with a say in the noise that is added at each step.

    Args:
        s_noise: factor of the first noise.
        s_noise_end: factor of the last noise; those between lie on a straight line.
        noise_clip_std: how many standard deviations of noise are left in it; 0 leaves all.
    """
    options = {"s_noise": s_noise, "s_noise_end": s_noise_end, "noise_clip": noise_clip_std}
    return SAMPLERS["lcm"].with_options(**options)


@node(id="SamplerLCMUpscale", display_name="SamplerLCMUpscale", category=CATEGORY)
def lcm_upscale_method(
    *,
    scale_ratio: Annotated[float, Range(0.1, 20.0, step=0.01)] = 1.0,
    scale_steps: Annotated[int, Range(-1, 1000, step=1)] = -1,
    upscale_method: Annotated[str, Choice(("bislerp", "nearest-exact", "bilinear", "area", "bicubic"))],
) -> Sampler:
    """Sampling of latent consistency models that enlarges the picture on its way.

    Args:
        scale_ratio: how much both sides grow in all.
        scale_steps: over how many steps; -1 takes half of them.
        upscale_method: how new cells are made; bislerp turns the channel vectors on the sphere.
    """
    options: dict[str, Any] = {
        "scale": scale_ratio,
        "scale_steps": None if scale_steps < 0 else scale_steps,
        "resize": partial(_resized, upscale_method),
    }
    return Method(ode=lcm_upscale).with_options(**options)

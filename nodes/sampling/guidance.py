"""Changes how a model is guided: each node adds a rule that sees the predictions of every step."""

from dataclasses import replace
from typing import Annotated, NamedTuple

from nodes.api.declare import node
from nodes.api.sockets import Conditioning, Model
from nodes.api.widgets import Hint, Range
from schedulers.conditioning import as_negative
from schedulers.guiders.frequency import FrequencyDecoupled, FrequencyScaled
from schedulers.guiders.masks import DifferentialDiffusion
from schedulers.guiders.projection import AdaptiveProjected, PerpNeg, TangentialDamping
from schedulers.guiders.rescaling import (
    DynamicThresholding,
    MagnitudeAware,
    Mahiro,
    Normed,
    NormedNoise,
    Renormed,
    Rescaled,
    ZeroStar,
)
from schedulers.guiders.rule import MaskRule, Rule, Spoiling, Wrapping
from schedulers.guiders.scaling import EpsilonScaling, ScaleByFrame, ScaleInPart, TemporalScoreRescaling

Amount = Annotated[float, Range(0.0, 100.0, step=0.01)]
Part = Annotated[float, Range(0.0, 1.0, step=0.001)]
OfNoise = Annotated[bool, Hint(optional=True, unlisted=True)]
LeastScale = Annotated[float, Range(0.0, 100.0, step=0.5, round=0.01)]


class PatchedModel(NamedTuple):
    """A model with a rule of guidance added."""

    patched_model: Model


def ruled(model: Model, rule: Rule | MaskRule | Spoiling | Wrapping) -> Model:
    """Return the model with one more rule."""
    return model.with_base(replace(model.base, rules=(*model.base.rules, rule)))


@node(id="RescaleCFG", display_name="RescaleCFG", category="advanced/model")
def rescale(*, model: Model, multiplier: Annotated[float, Range(0.0, 1.0, step=0.01)] = 0.7) -> Model:
    """Keep high guidance from burning the picture: its spread is brought back to that of the positive prompt.

    Args:
        model: what is sampled.
        multiplier: 0 changes nothing, 1 brings it back fully.
    """
    return ruled(model, Rescaled(multiplier))


@node(id="RenormCFG", display_name="RenormCFG", category="advanced/model")
def renorm(*, model: Model, cfg_trunc: Amount = 100, renorm_cfg: Amount = 1.0) -> Model:
    """Keep guidance from being longer than the positive prediction.

    Args:
        model: what is sampled.
        cfg_trunc: guide below this noise level only.
        renorm_cfg: longest result, in lengths of the positive prediction; 0 sets no bound.
    """
    return ruled(model, Renormed(renorm_cfg, cfg_trunc))


@node(id="CFGZeroStar", display_name="CFGZeroStar", category="advanced/guidance")
def zero_star(*, model: Model) -> PatchedModel:
    """Scale the negative prediction to come nearest to the positive one before guiding (CFG-Zero*).

    Args:
        model: what is sampled.
    """
    return PatchedModel(ruled(model, ZeroStar()))


@node(id="CFGNorm", display_name="CFGNorm", category="advanced/guidance", experimental=True)
def normed(*, model: Model, strength: Amount = 1.0, pre_cfg: OfNoise = False) -> PatchedModel:
    """Keep every cell of what guidance gives from being longer than that of the positive prediction.

    Args:
        model: what is sampled.
        strength: factor of the result; with pre_cfg the share that is rescaled.
        pre_cfg: guided noise gets the length of the positive one instead, which may make it longer.
    """
    return PatchedModel(ruled(model, NormedNoise(strength) if pre_cfg else Normed(strength)))


@node(id="TCFG", display_name="Tangential Damping CFG", category="advanced/guidance")
def tangential(*, model: Model) -> PatchedModel:
    """Take out of the negative prediction what does not lie along the main direction of both.

    Args:
        model: what is sampled.
    """
    return PatchedModel(ruled(model, TangentialDamping()))


@node(id="APG", display_name="Adaptive Projected Guidance", category="sampling/custom_sampling")
def adaptive_projected(
    *,
    model: Model,
    eta: Annotated[float, Range(-10.0, 10.0, step=0.01)] = 1.0,
    norm_threshold: Annotated[float, Range(0.0, 50.0, step=0.1)] = 5.0,
    momentum: Annotated[float, Range(-5.0, 1.0, step=0.01)] = 0.0,
) -> Model:
    """Part guidance into what saturates the picture and what changes it, and weigh both.

    Args:
        model: what is sampled.
        eta: share of the saturating part; 1 keeps it.
        norm_threshold: longest guidance; 0 sets no bound.
        momentum: share of earlier guidance that is added; below 0 pushes away from it.
    """
    return ruled(model, AdaptiveProjected(eta, norm_threshold, momentum))


@node(id="Mahiro", display_name="Mahiro CFG", category="_for_testing", experimental=True)
def mahiro(*, model: Model) -> PatchedModel:
    """Follow the positive prompt more where both prompts disagree.

    Args:
        model: what is sampled.
    """
    return PatchedModel(ruled(model, Mahiro()))


@node(
    id="PerpNeg",
    display_name="Perp-Neg (DEPRECATED by PerpNegGuider)",
    category="_for_testing",
    deprecated=True,
    experimental=True,
)
def perp_neg(*, model: Model, empty_conditioning: Conditioning, neg_scale: Amount = 1.0) -> Model:
    """Keep away from a negative prompt only as far as that does not weaken the positive one.

    Args:
        model: what is sampled.
        empty_conditioning: what an empty prompt comes to.
        neg_scale: strength of the negative prompt.
    """
    return ruled(model, PerpNeg(as_negative(empty_conditioning), neg_scale))


@node(id="FreSca", display_name="FreSca", category="_for_testing", experimental=True)
def frequency_scaled(
    *,
    model: Model,
    scale_low: Annotated[float, Range(0, 10, step=0.01)] = 1.0,
    scale_high: Annotated[float, Range(0, 10, step=0.01)] = 1.25,
    freq_cutoff: Annotated[int, Range(1, 10_000, step=1)] = 20,
) -> Model:
    """Scale the slow and the fast parts of guidance.

    Args:
        model: what is sampled.
        scale_low: factor of the slow parts, which carry shapes.
        scale_high: factor of the fast parts, which carry details.
        freq_cutoff: how many of the lowest frequencies count as slow.
    """
    return ruled(model, FrequencyScaled(scale_low, scale_high, freq_cutoff))


@node(id="Epsilon Scaling", display_name="Epsilon Scaling", category="model_patches/unet")
def epsilon_scaling(
    *, model: Model, scaling_factor: Annotated[float, Range(0.5, 1.5, step=0.001, display="number")] = 1.005
) -> Model:
    """Take out a little less noise than predicted, against errors that add up over the steps.

    Args:
        model: what is sampled.
        scaling_factor: the predicted noise is divided by this.
    """
    return ruled(model, EpsilonScaling(scaling_factor))


@node(
    id="TemporalScoreRescaling",
    display_name="TSR - Temporal Score Rescaling",
    category="model_patches/unet",
)
def temporal_score_rescaling(
    *,
    model: Model,
    tsr_k: Annotated[float, Range(0.01, 100.0, step=0.001, display="number")] = 0.95,
    tsr_sigma: Annotated[float, Range(0.01, 100.0, step=0.001, display="number")] = 1.0,
) -> PatchedModel:
    """Draw more or less various pictures without more noise.

    Args:
        model: what is sampled.
        tsr_k: below 1 gives surer pictures, above 1 more various ones.
        tsr_sigma: from which noise level on it works; lower works later.
    """
    return PatchedModel(ruled(model, TemporalScoreRescaling(tsr_k, tsr_sigma)))


@node(
    id="DifferentialDiffusion",
    display_name="Differential Diffusion",
    category="_for_testing",
    experimental=True,
)
def differential_diffusion(
    *,
    model: Model,
    strength: Annotated[float, Range(0.0, 1.0, step=0.01), Hint(optional=True)] = 1.0,
) -> Model:
    """Draw grey parts of a noise mask anew for a part of the steps only: the darker, the fewer.

    Args:
        model: what is sampled.
        strength: between 0 and 1 the mask itself is mixed in.
    """
    return ruled(model, DifferentialDiffusion(strength))


@node(id="VideoLinearCFGGuidance", display_name="VideoLinearCFGGuidance", category="sampling/video_models")
def linear_by_frame(*, model: Model, min_cfg: LeastScale = 1.0) -> Model:
    """Guide the frames of a video more and more.

    Args:
        model: what is sampled.
        min_cfg: scale of the first frame; the last one has the sampler's.
    """
    return ruled(model, ScaleByFrame(min_cfg, "linear"))


@node(
    id="VideoTriangleCFGGuidance",
    display_name="VideoTriangleCFGGuidance",
    category="sampling/video_models",
)
def triangle_by_frame(*, model: Model, min_cfg: LeastScale = 1.0) -> Model:
    """Guide the middle frames of a video most.

    Args:
        model: what is sampled.
        min_cfg: scale of the first and the last frame; the middle has the sampler's.
    """
    return ruled(model, ScaleByFrame(min_cfg, "triangle"))


@node(id="CFGOverride", display_name="CFG Override", category="advanced/guidance")
def scale_override(
    *,
    model: Model,
    cfg: Annotated[float, Range(0.0, 100.0, step=0.1)] = 1.0,
    start_percent: Part = 0.0,
    end_percent: Part = 1.0,
) -> Model:
    """Guide by another scale in a part of sampling.

    Args:
        model: what is sampled.
        cfg: the scale; of several such nodes the one nearest to the sampler wins.
        start_percent: where the part begins, 0 = first step.
        end_percent: where it ends, 1 = last step.
    """
    return ruled(model, ScaleInPart(start_percent, end_percent, inside=cfg))


@node(id="IntervalGuidance", display_name="Guidance in an Interval", category="advanced/guidance")
def interval(*, model: Model, start_percent: Part = 0.1, end_percent: Part = 0.8) -> Model:
    """Guide in a part of sampling only, which keeps pictures various.

    Args:
        model: what is sampled.
        start_percent: where guidance begins, 0 = first step.
        end_percent: where it ends, 1 = last step.
    """
    return ruled(model, ScaleInPart(start_percent, end_percent, outside=1.0))


@node(
    id="FrequencyDecoupledGuidance",
    display_name="Frequency-Decoupled Guidance",
    category="advanced/guidance",
)
def frequency_decoupled(
    *,
    model: Model,
    low_scale: Annotated[float, Range(0.0, 100.0, step=0.1)] = 3.0,
    high_scale: Annotated[float, Range(0.0, 100.0, step=0.1)] = 8.0,
) -> Model:
    """Guide the slow and the fast parts of a picture by scales of their own; the sampler's is not used.

    Args:
        model: what is sampled.
        low_scale: scale of the slow parts, which carry colours and shapes.
        high_scale: scale of the fast parts, which carry details.
    """
    return ruled(model, FrequencyDecoupled(low_scale, high_scale))


@node(id="MagnitudeAwareGuidance", display_name="Magnitude-Aware Guidance", category="advanced/guidance")
def magnitude_aware(*, model: Model, alpha: Annotated[float, Range(0.0, 100.0, step=0.1)] = 8.0) -> Model:
    """Guide less where guidance would change the noise much, as it does in the first steps.

    Args:
        model: what is sampled.
        alpha: how fast guidance weakens with the size of the change; 0 is plain guidance.
    """
    return ruled(model, MagnitudeAware(alpha))


@node(id="DynamicThresholding", display_name="Dynamic Thresholding", category="advanced/guidance")
def dynamic_thresholding(
    *,
    model: Model,
    mimic_scale: Annotated[float, Range(0.0, 100.0, step=0.5)] = 7.0,
    threshold_percentile: Annotated[float, Range(0.0, 1.0, step=0.01)] = 1.0,
) -> Model:
    """Guide by a high scale, but keep the range of values that a low one gives.

    Args:
        model: what is sampled.
        mimic_scale: scale whose range is kept.
        threshold_percentile: share of the values that lie within the range.
    """
    return ruled(model, DynamicThresholding(mimic_scale, threshold_percentile))

"""Guides away from what a model predicts with its attention spoilt."""

from typing import Annotated

from models.adapters.attention_edits import CaptureScores, ScoreBox
from nodes.api.declare import node
from nodes.api.sockets import Model
from nodes.api.widgets import Range
from nodes.sampling.guidance import ruled
from schedulers.guiders.attention import PerturbedAttention, SelfAttention


@node(
    id="PerturbedAttentionGuidance",
    display_name="Perturbed-Attention Guidance",
    category="model_patches/unet",
)
def guide_by_perturbed_attention(
    model: Model, scale: Annotated[float, Range(0.0, 100.0, step=0.01, round=0.01)] = 3.0
) -> Model:
    """Guide away from the picture that the model sees when the cells in its middle see only themselves.

    Each step takes one evaluation more.

    Args:
        model: a model with a UNet.
        scale: strength; 0 changes nothing.
    """
    return ruled(model, PerturbedAttention(scale))


@node(
    id="SelfAttentionGuidance",
    display_name="Self-Attention Guidance",
    category="_for_testing",
    experimental=True,
)
def guide_by_self_attention(
    model: Model,
    scale: Annotated[float, Range(-2.0, 5.0, step=0.01)] = 0.5,
    blur_sigma: Annotated[float, Range(0.0, 10.0, step=0.1)] = 2.0,
) -> Model:
    """Guide away from a picture that is blurred where the model's self-attention looks.

    Each step takes one evaluation more.

    Args:
        model: a model with a UNet.
        scale: strength; below 0 it goes the other way.
        blur_sigma: width of the blur in latent cells.
    """
    box = ScoreBox()
    rule = SelfAttention(box, scale, blur_sigma)
    return ruled(model.with_patch(CaptureScores(box)), rule)

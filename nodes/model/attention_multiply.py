"""Multiplies the weights of attention, to see what it does."""

from typing import Annotated

from models.adapters.scaled_weights import ScaledWeights
from nodes.api.declare import node
from nodes.api.sockets import Clip, Model
from nodes.api.widgets import Range

CATEGORY = "_for_testing/attention_experiments"
TEMPORAL = ".time_stack."
Factor = Annotated[float, Range(0.0, 10.0, step=0.01)]


def scaled_attention(kind: str, q: float, k: float, v: float, out: float) -> ScaledWeights:
    """Return what scales the projections of a UNet's attentions of a kind, biases too."""
    factors = {"to_q": q, "to_k": k, "to_v": v, "to_out.0": out}
    return ScaledWeights(tuple((f".{kind}.{layer}", factor) for layer, factor in factors.items()))


@node(
    id="UNetSelfAttentionMultiply",
    display_name="UNet Self-Attention Multiply",
    category=CATEGORY,
    experimental=True,
)
def multiply_self_attention(
    model: Model, q: Factor = 1.0, k: Factor = 1.0, v: Factor = 1.0, out: Factor = 1.0
) -> Model:
    """Multiply the weights of a UNet's self-attention.

    Args:
        model: a model with a UNet.
        q: factor of what makes the queries.
        k: factor of what makes the keys.
        v: factor of what makes the values.
        out: factor of what makes the result.
    """
    return model.with_patch(scaled_attention("attn1", q, k, v, out))


@node(
    id="UNetCrossAttentionMultiply",
    display_name="UNet Cross-Attention Multiply",
    category=CATEGORY,
    experimental=True,
)
def multiply_cross_attention(
    model: Model, q: Factor = 1.0, k: Factor = 1.0, v: Factor = 1.0, out: Factor = 1.0
) -> Model:
    """Multiply the weights of a UNet's attention to the prompt.

    Args:
        model: a model with a UNet.
        q: factor of what makes the queries.
        k: factor of what makes the keys.
        v: factor of what makes the values.
        out: factor of what makes the result.
    """
    return model.with_patch(scaled_attention("attn2", q, k, v, out))


@node(
    id="CLIPAttentionMultiply", display_name="CLIP Attention Multiply", category=CATEGORY, experimental=True
)
def multiply_clip_attention(
    clip: Clip, q: Factor = 1.0, k: Factor = 1.0, v: Factor = 1.0, out: Factor = 1.0
) -> Clip:
    """Multiply the weights of the attention in text encoders.

    Args:
        clip: text encoders.
        q: factor of what makes the queries.
        k: factor of what makes the keys.
        v: factor of what makes the values.
        out: factor of what makes the result.
    """
    factors = {"q_proj": q, "k_proj": k, "v_proj": v, "out_proj": out}
    endings = tuple((f".self_attn.{layer}", factor) for layer, factor in factors.items())
    return clip.with_patch(ScaledWeights(endings))


@node(
    id="UNetTemporalAttentionMultiply",
    display_name="UNet Temporal Attention Multiply",
    category=CATEGORY,
    experimental=True,
)
def multiply_temporal_attention(
    model: Model,
    self_structural: Factor = 1.0,
    self_temporal: Factor = 1.0,
    cross_structural: Factor = 1.0,
    cross_temporal: Factor = 1.0,
) -> Model:
    """Multiply what attention within frames and attention between frames give, each by its own factors.

    Args:
        model: a model with a UNet; one for single pictures has no attention between frames.
        self_structural: factor of self-attention within a frame.
        self_temporal: factor of self-attention between frames.
        cross_structural: factor of attention to the prompt within a frame.
        cross_temporal: factor of attention to the prompt between frames.
    """
    within = ((".attn1.to_out.0", self_structural), (".attn2.to_out.0", cross_structural))
    between = ((".attn1.to_out.0", self_temporal), (".attn2.to_out.0", cross_temporal))
    return model.with_patch(ScaledWeights(within, without=TEMPORAL), ScaledWeights(between, within=TEMPORAL))

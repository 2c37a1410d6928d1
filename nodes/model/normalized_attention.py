"""Turns attention away from the negative prompt."""

from typing import Annotated

from models.adapters.normalized_attention import NormalizedAttention, NormalizedSelfAttention
from models.layout import layout_of
from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Model
from nodes.api.widgets import Range
from nodes.sampling.guidance import ruled
from schedulers.guiders.attention import BothPrompts

Scale = Annotated[float, Range(0.0, 50.0, step=0.1)]
Share = Annotated[float, Range(0.0, 1.0, step=0.01)]
Bound = Annotated[float, Range(1.0, 10.0, step=0.01)]


@node(
    id="NAGuidance",
    display_name="Normalized Attention Guidance",
    category="advanced/guidance",
    outputs=("model",),
    experimental=True,
)
def guide_self_attention_away(
    *, model: Model, nag_scale: Scale = 5.0, nag_alpha: Share = 0.5, nag_tau: Bound = 1.5
) -> Model:
    """Let a negative prompt work where guidance is weak or has a scale of 1: self-attention turns away.

    The negative prompt is evaluated at every scale.

    Args:
        model: what is sampled.
        nag_scale: how far it turns away.
        nag_alpha: share of what has turned away in what comes out.
        nag_tau: how much longer what attention finds may become by it.
    """
    patched = model.with_patch(NormalizedSelfAttention(nag_scale, nag_alpha, nag_tau))
    return ruled(patched, BothPrompts())


@node(
    id="NormalizedAttentionGuidance",
    display_name="Normalized Attention Guidance (Prompt)",
    category="advanced/guidance",
    outputs=("model",),
    experimental=True,
)
def guide_attention_away(
    *, model: Model, nag_scale: Scale = 5.0, nag_alpha: Share = 0.5, nag_tau: Bound = 1.5
) -> Model:
    """Let a negative prompt work at a scale of 1 as the paper has it: attention to the prompt turns away.

    Only attention to the prompt takes longer; the negative prompt needs no evaluation of its own.

    Args:
        model: a model with attention to prompts.
        nag_scale: how far it turns away; 1 changes nothing.
        nag_alpha: share of what has turned away in what comes out; 0 changes nothing.
        nag_tau: how much longer what attention finds may become by it.
    """
    if not layout_of(model.base.network).cross_attention:
        raise NodeError(
            f"{model.base.family} has no attention to the prompt by itself, so there is nothing to turn away"
        )
    return model.with_patch(NormalizedAttention(nag_scale, nag_alpha, nag_tau))

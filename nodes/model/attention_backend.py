"""Chooses how a model computes its attention."""

from typing import Annotated

from models.adapters.attention_way import AttentionWay
from models.attention_backends.choice import current, known_backends
from models.attention_backends.fused import TORCH
from nodes.api.declare import node
from nodes.api.sockets import Model
from nodes.api.widgets import Choice

PYTORCH = "pytorch attention"
"""What workflows call torch's own choice."""


@node(
    id="ModelAttentionBackend",
    display_name="Model Attention Backend",
    category="advanced/model",
    outputs=("model",),
)
def choose_attention(
    *, model: Model, attention: Annotated[str, Choice((PYTORCH, *known_backends()))] = PYTORCH
) -> Model:
    """Compute the attention of this model in one way; other models go on as they did.

    Attention that the chosen way cannot compute, for example in a number type that it does not take, is left
    to torch.

    Args:
        model: what is sampled.
        attention: pytorch attention and torch leave the choice to torch; the others are its kernels, packages
            that must be installed, and ways that need little memory (split, sub-quadratic).
    """
    name = TORCH.name if attention == PYTORCH else attention
    current().by(name)
    return model.with_patch(AttentionWay(name))

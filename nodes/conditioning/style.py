"""Adds the style of pictures to prompts."""

from dataclasses import replace
from typing import Annotated

import torch

from models.vision.style import style_tokens
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import ClipVisionOutput, Conditioning, StyleModel
from nodes.api.widgets import Choice, Range


@node(id="StyleModelApply", display_name="Apply Style Model", category="conditioning/style_model")
def apply_style_model(
    ctx: Context,
    *,
    conditioning: Conditioning,
    style_model: StyleModel,
    clip_vision_output: ClipVisionOutput,
    strength: Annotated[float, Range(0.0, 10.0, step=0.001)] = 1.0,
    strength_type: Annotated[str, Choice(("multiply",))],
) -> Conditioning:
    """Write the style of pictures behind prompts, as words that only the network reads.

    Args:
        conditioning: prompts.
        style_model: the network that writes.
        clip_vision_output: what a CLIP vision model saw in pictures.
        strength: how strongly the style counts.
        strength_type: multiply makes the words themselves larger or smaller.
    """
    del strength_type  # only one can be chosen
    with ctx.resident(style_model) as base:
        words = style_tokens(base, clip_vision_output) * strength
    for entry in conditioning:
        if entry.embedding.shape[-1] != words.shape[-1]:
            raise NodeError(
                f"this style model writes for prompts of width {words.shape[-1]}, "
                f"but these have {entry.embedding.shape[-1]}"
            )
    return tuple(
        replace(
            entry,
            embedding=torch.cat([entry.embedding, words.expand(len(entry.embedding), -1, -1)], dim=1),
        )
        for entry in conditioning
    )

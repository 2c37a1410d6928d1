"""Turns prompts into conditioning."""

from dataclasses import replace
from typing import Annotated

from loaders.embeddings import embedding_finder
from models.text.encode import encode_prompt
from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.sockets import Clip, Conditioning
from nodes.api.widgets import Range, Text
from nodes.conditioning.encoding import encoded, needs_clip


@node(id="CLIPTextEncode", display_name="CLIP Text Encode (Prompt)", category="conditioning")
def encode(ctx: Context, text: Annotated[str, Text(embeddings=True)], clip: Clip) -> Conditioning:
    """Turn a prompt into conditioning for a sampler.

    Args:
        text: the prompt; (words:1.2) weighs words, embedding:name inserts a trained embedding.
        clip: the text encoder of the model that will use it.
    """
    find = embedding_finder(ctx.files)
    return encoded(ctx, clip, lambda base: encode_prompt(base, text, find))


@node(id="CLIPTextEncodeControlnet", category="_for_testing/conditioning", experimental=True)
def encode_for_controls(
    ctx: Context, clip: Clip, conditioning: Conditioning, text: Annotated[str, Text(embeddings=True)]
) -> Conditioning:
    """Give the ControlNets on prompts a prompt of their own to read.

    Args:
        clip: the text encoder of the model that will use it.
        conditioning: prompts.
        text: what ControlNets read instead of them.
    """
    find = embedding_finder(ctx.files)
    told = encoded(ctx, clip, lambda base: encode_prompt(base, text, find))[0]
    fields = {"cross_attn_controlnet": told.embedding, "pooled_output_controlnet": told.pooled}
    return tuple(replace(entry, extra={**entry.extra, **fields}) for entry in conditioning)


@node(id="CLIPSetLastLayer", display_name="CLIP Set Last Layer", category="conditioning")
def set_last_layer(clip: Clip, stop_at_clip_layer: Annotated[int, Range(-24, -1, step=1)] = -1) -> Clip:
    """Have a text encoder stop before its last block ("clip skip").

    Args:
        clip: the text encoder.
        stop_at_clip_layer: the block whose result is used; -1 is the last one.
    """
    needs_clip(clip)
    return clip.with_base(replace(clip.base, last_layer=stop_at_clip_layer))

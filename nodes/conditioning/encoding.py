"""Encodes prompts for nodes: once, or once for each part of sampling in which hooks want it otherwise."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from models.diffusion import TextModel
from nodes.api.context import Context
from nodes.api.errors import NodeError
from nodes.api.sockets import Clip
from schedulers.conditioning import ConditioningValue, Entry
from schedulers.hooks import ClipHooks

Encode = Callable[[TextModel], tuple[Tensor, Tensor]]


def needs_clip(clip: Clip | None) -> None:
    """Raise NodeError if there is no text encoder."""
    if clip is None:
        raise NodeError("there is no text encoder: the checkpoint it should come from holds none")


def encoded(
    ctx: Context, clip: Clip, encode: Encode, extra: Mapping[str, Any] | None = None
) -> ConditioningValue:
    """Return what `encode` makes of a text encoder: (1, T, D) and (1, P), as an entry with further fields.

    Hooks on the text encoder are installed while it encodes; scheduled ones make an entry for each part of
    sampling.
    """
    needs_clip(clip)
    hooks: ClipHooks | None = clip.base.hooks
    if hooks is None:
        return (_entry(ctx, clip, encode, extra or {}),)
    fields = {**({"hooks": hooks.hooks} if hooks.on_entries else {}), **(extra or {})}
    entries = []
    for start, end, factors in hooks.spans():
        changed = clip.with_patch(*hooks.hooks.clip_patches(clip.base, factors))
        part = {"clip_start_percent": start, "clip_end_percent": end} if hooks.scheduled else {}
        entries.append(_entry(ctx, changed, encode, {**part, **fields}))
    return tuple(entries)


def hooked(clip: Clip) -> Clip:
    """Return a text encoder under its hooks, as if they had no keyframes."""
    needs_clip(clip)
    hooks: ClipHooks | None = clip.base.hooks
    if hooks is None:
        return clip
    return clip.with_patch(*hooks.hooks.clip_patches(clip.base, (1.0,) * len(hooks.hooks.hooks)))


def _entry(ctx: Context, clip: Clip, encode: Encode, extra: Mapping[str, Any]) -> Entry:
    with ctx.resident(clip) as base, torch.no_grad():
        embedding, pooled = encode(base)
    return Entry(embedding, pooled, extra=extra)

"""Answers how the weights of networks are kept once a node has opened them, and says what they take."""

from dataclasses import replace
from typing import Any

import torch

from loaders.assemble import AUTOENCODER, HALF, Packing, Storage
from loaders.packing import kept
from models.adapters.patch import Patched
from nodes.api.context import Context


def diffusion_storage(
    ctx: Context,
    rounded: torch.dtype | None = None,
    packing: Packing | None = None,
    *,
    multiplies: bool = False,
) -> Storage:
    """For networks that draw, or steer them: in the number types that the app computes in and stores in.

    Args:
        ctx: the call.
        rounded: a number type of less precision that weights pass first, in place of the app's.
        packing: what is packed, and how.
        multiplies: whether layers of eight bits multiply in eight bits where the device can.
    """
    chosen = ctx.precision
    if rounded is None and packing is None and chosen.diffusion_stored:
        rounded = getattr(torch, chosen.diffusion_stored)
    number_type = getattr(torch, chosen.diffusion)
    return Storage(number_type, rounded, chosen.least_parameters, packing, multiplies)


def text_storage(ctx: Context, packing: Packing | None = None) -> Storage:
    """For text encoders."""
    chosen = ctx.precision.text
    if not chosen:
        return replace(HALF, packing=packing)
    if chosen.startswith("float8"):
        return Storage(rounded=getattr(torch, chosen), packing=packing)
    return Storage(getattr(torch, chosen), packing=packing)


def vae_storage(ctx: Context) -> Storage:
    """For autoencoders."""
    chosen = ctx.precision
    return replace(AUTOENCODER, dtype=getattr(torch, chosen.vae or "float32"), stays_on_cpu=chosen.vae_on_cpu)


def say_what_is_packed(ctx: Context, **parts: Patched[Any] | None) -> None:
    """Show on the node what the parts take of which some weights are packed, each under its name."""
    lines = []
    for title, part in parts.items():
        if part is not None and (taken := kept(part.base.network)).packed:
            lines.append(taken.line(title))
    if lines:
        ctx.show("text", lines)

"""Answers how the weights of networks that draw, or that steer them, are kept once a node has opened them."""

from dataclasses import replace

import torch

from loaders.assemble import Storage
from nodes.api.context import Context


def diffusion_storage(ctx: Context, rounded: torch.dtype | None = None) -> Storage:
    """In the number type that the app computes in; `rounded` is one of less precision, passed first."""
    chosen = ctx.precision
    kept = Storage(getattr(torch, chosen.diffusion), least_parameters=chosen.least_parameters)
    return replace(kept, rounded=rounded)

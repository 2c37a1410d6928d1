"""Lays one picture over another by the rules for transparency of Porter and Duff 1984, and some blends."""

from collections.abc import Callable, Mapping
from typing import Annotated

import torch
from torch import Tensor

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Image, Mask
from nodes.api.widgets import Choice
from nodes.image.resize import planes, resize, resize_image

LEAST_ALPHA = 1e-5

Rule = Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
"""(source, source alpha, destination, destination alpha) -> (colour, alpha); colours times alpha."""


def _union(source: Tensor, over: Tensor) -> Tensor:
    return source + over - source * over


def _darken(s: Tensor, a: Tensor, d: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    return (1 - b) * s + (1 - a) * d + torch.minimum(s, d), _union(a, b)


def _lighten(s: Tensor, a: Tensor, d: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    # Too bright beside transparent parts (max(s * b, d * a) would not be), but what saved workflows show.
    return (1 - b) * s + (1 - a) * d + torch.maximum(s, d), _union(a, b)


def _overlay(s: Tensor, a: Tensor, d: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    return torch.where(2 * d < b, 2 * s * d, a * b - 2 * (b - s) * (a - d)), _union(a, b)


RULES: Mapping[str, Rule] = {
    "ADD": lambda s, a, d, b: ((s + d).clamp(0, 1), (a + b).clamp(0, 1)),
    "CLEAR": lambda s, a, d, b: (torch.zeros_like(s), torch.zeros_like(a)),
    "DARKEN": _darken,
    "DST": lambda s, a, d, b: (d, b),
    "DST_ATOP": lambda s, a, d, b: (a * d + (1 - b) * s, a),
    "DST_IN": lambda s, a, d, b: (d * a, a * b),
    "DST_OUT": lambda s, a, d, b: ((1 - a) * d, (1 - a) * b),
    "DST_OVER": lambda s, a, d, b: (d + (1 - b) * s, b + (1 - b) * a),
    "LIGHTEN": _lighten,
    "MULTIPLY": lambda s, a, d, b: (s * d, a * b),
    "OVERLAY": _overlay,
    "SCREEN": lambda s, a, d, b: (_union(s, d), _union(a, b)),
    "SRC": lambda s, a, d, b: (s, a),
    "SRC_ATOP": lambda s, a, d, b: (b * s + (1 - a) * d, b),
    "SRC_IN": lambda s, a, d, b: (s * b, a * b),
    "SRC_OUT": lambda s, a, d, b: ((1 - b) * s, (1 - b) * a),
    "SRC_OVER": lambda s, a, d, b: (s + (1 - a) * d, a + (1 - a) * b),
    "XOR": lambda s, a, d, b: ((1 - b) * s + (1 - a) * d, (1 - b) * a + (1 - a) * b),
}


def _fit_mask(mask: Tensor, width: int, height: int) -> Tensor:
    """Return mask (B, H, W) as (B, height, width), cut at the centre."""
    if mask.shape[-2:] == (height, width):
        return mask
    return resize(mask.unsqueeze(1), width, height, "bicubic", "center").squeeze(1)


@node(id="PorterDuffImageComposite", display_name="Porter-Duff Image Composite", category="mask/compositing")
def composite(
    source: Image,
    source_alpha: Mask,
    destination: Image,
    destination_alpha: Mask,
    mode: Annotated[str, Choice(RULES)] = "DST",
) -> tuple[Image, Mask]:
    """Lay one transparent picture over another.

    Args:
        source: (B, H, W, C), values in [0, 1]; fitted to the destination.
        source_alpha: (B, H, W), 1 = transparent.
        destination: (B, H, W, C), what is laid upon.
        destination_alpha: (B, H, W), 1 = transparent.
        mode: which parts of the two remain; the shortest of the four batches counts.
    """
    if source.shape[-1] != destination.shape[-1]:
        raise NodeError(f"source has {source.shape[-1]} channels but destination has {destination.shape[-1]}")
    masks = [planes(source_alpha), planes(destination_alpha)]
    count = min(source.shape[0], destination.shape[0], *(mask.shape[0] for mask in masks))
    height, width = destination.shape[1:3]
    if source.shape[1:3] != destination.shape[1:3]:
        source = resize_image(source, width, height, "bicubic", "center")
    above, below = (1 - _fit_mask(mask[:count], width, height).unsqueeze(-1) for mask in masks)
    colour, alpha = RULES[mode](source[:count] * above, above, destination[:count] * below, below)
    plain = torch.where(alpha > LEAST_ALPHA, colour / alpha.clamp(min=LEAST_ALPHA), 0.0)
    return plain.clamp(0, 1), 1 - alpha.squeeze(-1)

"""Lets a network's attentions to the prompt look at a picture too.

References: IP-Adapter, Ye et al. 2023 (arXiv:2308.06721), equation 5; which attentions carry style and which
layout, Wang et al. 2024 (arXiv:2404.02733), section 3.
Shapes: B batch, N query tokens, T image tokens, C channels, h and w cells.
"""

import math
from collections.abc import Callable, Hashable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from models.adapters.image_prompt import ImagePrompt
from models.adapters.places import attentions, change_output
from models.attention import AttentionCore
from models.call import Call, current_call

WEIGHT_TYPES = (
    "linear",
    "ease in",
    "ease out",
    "ease in-out",
    "weak input",
    "weak middle",
    "weak output",
    "style",
    "layout",
)
# The file numbers attentions on the way down, then up, then those in the middle.
_PARTS = ("input_blocks.", "output_blocks.", "middle_block.")
_RUNNING = ("input_blocks.", "middle_block.", "output_blocks.")
_WEAK = 0.2
_STYLE = "output_blocks.1.1."
_LAYOUT = "input_blocks.8.1."


@dataclass(frozen=True, eq=False)
class IpAdapter:
    """What attentions find in a picture is added to what they find in the prompt.

    Attributes:
        positive: keys and values of the picture, for one row or for several in turn.
        negative: those of what to keep away from, mostly of an empty picture.
        weight: factor of what is added.
        weight_type: how the weight differs between attentions, one of WEIGHT_TYPES.
        sigma_start: it holds from this noise level down ...
        sigma_end: ... to this one.
        mask: (M, h, w) factor for each cell, for one row or for several in turn; None = 1 everywhere.
    """

    positive: ImagePrompt
    negative: ImagePrompt
    weight: float
    weight_type: str = "linear"
    sigma_start: float = float("inf")
    sigma_end: float = 0.0
    mask: Tensor | None = None

    @property
    def key(self) -> Hashable:
        """The very patch."""
        return ("ip adapter", self)

    def install(self, root: nn.Module, undo: ExitStack) -> None:
        """Hook on the attentions.

        Raises:
            ValueError: if the network has other attentions than the adapter was made for.
        """
        found = attentions(root, "attn2")
        paths = [path for part in _PARTS for path in found if path.startswith(part)]
        if len(paths) != len(self.positive.layers):
            raise ValueError(
                f"this IP-Adapter is for a network with {len(self.positive.layers)} attentions to prompts, "
                f"but this one has {len(paths)}"
            )
        weights = factors(paths, self.weight_type)
        for path, layer, other in zip(paths, self.positive.layers, self.negative.layers, strict=True):
            core = root.get_submodule(f"{path}.core")
            _check_width(root, path, layer[0])
            if weights[path] * self.weight != 0:
                added = _Added(self, weights[path] * self.weight, (layer, other), _heads(core, path))
                change_output(core, added, undo)


def factors(paths: Sequence[str], weight_type: str) -> dict[str, float]:
    """How much each attention (a dotted name) counts under a weight type.

    The three that ease change evenly from the first attention that runs to the last; "ease in-out" is strong
    at both ends. "style" and "layout" name attentions that only SDXL has.

    Raises:
        ValueError: for an unknown weight type, or one that a network has no attentions for.
    """
    if weight_type in ("style", "layout"):
        chosen = _STYLE if weight_type == "style" else _LAYOUT
        if len(paths) < 20 or not any(path.startswith(chosen) for path in paths):
            raise ValueError(f"the weight type {weight_type!r} is for networks of SDXL")
        return {path: float(path.startswith(chosen)) for path in paths}
    if weight_type.startswith("weak "):
        weak = _RUNNING[("weak input", "weak middle", "weak output").index(weight_type)]
        return {path: _WEAK if path.startswith(weak) else 1.0 for path in paths}
    running = [path for part in _RUNNING for path in paths if path.startswith(part)]
    places = {path: index / max(1, len(running) - 1) for index, path in enumerate(running)}
    curves: dict[str, Callable[[float], float]] = {
        "linear": lambda place: 1.0,
        "ease in": lambda place: place,
        "ease out": lambda place: 1 - place,
        "ease in-out": lambda place: abs(1 - 2 * place),
    }
    if weight_type not in curves:
        raise ValueError(f"unknown weight type {weight_type!r}: expected one of {', '.join(WEIGHT_TYPES)}")
    return {path: curves[weight_type](place) for path, place in places.items()}


def _check_width(root: nn.Module, path: str, keys: Tensor) -> None:
    width = root.get_submodule(f"{path}.to_k").get_parameter("weight").shape[0]
    if keys.shape[-1] != width:
        raise ValueError(f"this IP-Adapter is for another network: {path} is {width} wide")


def _heads(core: nn.Module, path: str) -> int:
    heads = getattr(core, "heads", None)
    if not isinstance(heads, int):
        raise ValueError(f"{path} is changed by another patch, so no picture can be added to it")
    return heads


class _Added:
    """Adds what one attention finds in the picture to what it found in the prompt."""

    def __init__(
        self, rule: IpAdapter, weight: float, layers: tuple[tuple[Tensor, Tensor], ...], heads: int
    ) -> None:
        self._rule = rule
        self._weight = weight
        # Attention does not notice tokens that are repeated, so rows can have as many each.
        longest = math.lcm(*(layer[0].shape[1] for layer in layers))
        self._positive, self._negative = (
            tuple(part.repeat(1, longest // part.shape[1], 1) for part in layer) for layer in layers
        )
        self._attend = AttentionCore(heads)

    def __call__(self, found: Tensor, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        del key, value
        call = current_call()
        if not self._rule.sigma_end <= call.sigma <= self._rule.sigma_start:
            return found
        layers = [self._negative if row == "negative" else self._positive for row in call.rows]
        keys, values = (
            torch.cat([_rows(layer[part], call.batch) for layer in layers]).to(query) for part in (0, 1)
        )
        seen = self._attend(query, keys, values)
        if self._rule.mask is not None:
            seen = seen * _mask(self._rule.mask, query, call)
        return found + self._weight * seen


def _rows(tensor: Tensor, batch: int) -> Tensor:
    """As many rows as a batch, those of a tensor (B, ...) in turn."""
    return tensor[torch.arange(batch, device=tensor.device) % tensor.shape[0]]


def _mask(mask: Tensor, query: Tensor, call: Call) -> Tensor:
    """A mask (M, h, w) as a factor (B, N, 1) of the tokens of queries (B, N, C)."""
    height, width = call.height, call.width
    while height * width > query.shape[1]:
        height, width = (height + 1) // 2, (width + 1) // 2
    if height * width != query.shape[1]:
        raise ValueError(
            f"a mask cannot be fitted to {query.shape[1]} tokens of a latent of {call.height} x {call.width} "
            "cells; another patch changes how many there are"
        )
    fitted = interpolate(mask[:, None].to(query), size=(height, width), mode="bilinear").flatten(2)
    rows = _rows(fitted.transpose(1, 2), call.batch)
    return rows.repeat(len(call.rows), 1, 1)

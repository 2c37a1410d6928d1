"""Lets low-rank changes run beside the layers they belong to, whose weights stay as they are."""

from collections.abc import Hashable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, linear

from models.adapters.places import change_output
from models.adapters.products import LowRank, moved
from models.adapters.weight_change import install_changes
from models.adapters.weights import Added, Delta, DeltaSet, WeightPatch


@dataclass(frozen=True, eq=False)
class Bypass:
    """Adds what low-rank factors make of a layer's input to its output; all other deltas change weights.

    It takes a little time at every step, but no memory for changed weights, and rounds nothing into them.

    Attributes:
        source: the deltas of a file.
        strength: how strongly all of them work; below 0 the other way.
    """

    source: DeltaSet
    strength: float

    @property
    def key(self) -> Hashable:
        """The very deltas and their strength."""
        return ("bypass", self.source, self.strength)

    def install(self, root: nn.Module, undo: ExitStack) -> None:
        """Hook the factors on their layers."""
        others: dict[str, Delta] = {}
        for name, delta in self.source.deltas.items():
            path, _, parameter = name.rpartition(".")
            layer = root.get_submodule(path)
            product = _factors(delta)
            if product is None or parameter != "weight" or not isinstance(layer, nn.Linear | nn.Conv2d):
                others[name] = delta
                continue
            beside = _Beside(layer, product, self.strength)
            change_output(layer, partial(_added, beside), undo)
        if others:
            rest = WeightPatch(DeltaSet(others, self.source.name), self.strength)
            install_changes(root, (rest,), undo)


class _Beside:
    """The factors of one layer, on its device and in its number type."""

    def __init__(self, layer: nn.Linear | nn.Conv2d, product: LowRank, strength: float) -> None:
        self.layer = layer
        factors = [product.down, *([product.mid] if product.mid is not None else []), product.up]
        scale = strength if product.alpha is None else strength * product.alpha / product.down.shape[0]
        kept = [factor.to(layer.weight.dtype) for factor in moved(layer.weight.device, *factors)]
        self.factors = [*kept[:-1], kept[-1] * scale]

    def __call__(self, x: Tensor) -> Tensor:
        """What is added for an input (B, ..., in) of a linear layer or (B, in, h, w) of a convolution."""
        if isinstance(self.layer, nn.Linear):
            for factor in self.factors:
                x = linear(x, factor.flatten(1))
            return x
        wide = max(range(len(self.factors)), key=lambda index: self.factors[index].shape[2:].numel())
        for index, factor in enumerate(self.factors):
            if index == wide:
                x = conv2d(x, factor, None, self.layer.stride, self.layer.padding, self.layer.dilation)
            else:
                x = conv2d(x, factor)
        return x


def _added(beside: _Beside, output: Tensor, x: Tensor) -> Tensor:
    with torch.no_grad():
        return output + beside(x)


def _factors(delta: Delta) -> LowRank | None:
    """The factors of a delta that is nothing else."""
    if not isinstance(delta, Added) or delta.magnitude is not None or delta.grown is not None:
        return None
    return delta.product if isinstance(delta.product, LowRank) else None

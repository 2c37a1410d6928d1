"""Multiplies whole families of weights by constants, biases too."""

from collections.abc import Hashable
from contextlib import ExitStack
from dataclasses import dataclass

import torch
from torch import nn

SCALED = ("weight", "bias")


@dataclass(frozen=True)
class ScaledWeights:
    """Multiplies the weight and the bias of every layer whose name ends in one of some ways.

    Attributes:
        factors: ending of a layer's dotted name, its factor; the first that fits is used.
        without: layers whose name contains this are left alone; empty excludes none.
        within: only layers whose name contains this; empty includes all.
    """

    factors: tuple[tuple[str, float], ...]
    without: str = ""
    within: str = ""

    @property
    def key(self) -> Hashable:
        """Its numbers."""
        return ("scaled weights", self)

    def install(self, root: nn.Module, undo: ExitStack) -> None:
        """Put scaled parameters in the place of those of the network."""
        for name, module in root.named_modules():
            if self.within not in name or (self.without and self.without in name):
                continue
            factor = next((factor for ending, factor in self.factors if f".{name}".endswith(ending)), 1.0)
            if factor != 1.0:
                _scale(module, factor, undo)


def _scale(module: nn.Module, factor: float, undo: ExitStack) -> None:
    for name in SCALED:
        original = module._parameters.get(name)
        if original is None:
            continue
        with torch.no_grad():
            scaled = (original.float() * factor).to(original.dtype)
        undo.callback(module.register_parameter, name, original)
        module.register_parameter(name, nn.Parameter(scaled, requires_grad=False))

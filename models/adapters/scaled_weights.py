"""Multiplies whole families of weights by constants, biases too."""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass

from torch import Tensor, nn

from models.adapters.deltas import Step
from models.adapters.weight_change import WeightChange

SCALED = ("weight", "bias")


@dataclass(frozen=True)
class Times:
    """W * strength."""

    def change(self, weight: Tensor, strength: float) -> Tensor:
        """Multiply a weight (any shape)."""
        return weight * strength


@dataclass(frozen=True)
class ScaledWeights(WeightChange):
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

    def places(self, root: nn.Module) -> Iterator[str]:
        """Weights and biases of the layers meant, unless their factor is 1."""
        for name, _ in root.named_parameters():
            layer, _, parameter = name.rpartition(".")
            if self.within not in layer or (self.without and self.without in layer):
                continue
            if parameter in SCALED and self._factor(layer) != 1.0:
                yield name

    def change(self, name: str, weight: Tensor) -> Tensor:
        """Multiply a parameter (any shape)."""
        return weight * self._factor(name.rpartition(".")[0])

    def step(self, name: str) -> Step:
        """Its factor."""
        return Step(Times(), self._factor(name.rpartition(".")[0]))

    def _factor(self, layer: str) -> float:
        return next((factor for ending, factor in self.factors if f".{layer}".endswith(ending)), 1.0)

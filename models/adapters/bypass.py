"""Lets low-rank changes run beside the layers they belong to, whose weights stay as they are."""

from collections.abc import Hashable
from contextlib import ExitStack
from dataclasses import dataclass

from torch import nn

from models.adapters.beside import Beside, can_run_beside
from models.adapters.deltas import Delta, Step
from models.adapters.weight_change import install_changes
from models.adapters.weights import DeltaSet, WeightPatch


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
            step = Step(delta, self.strength)
            if step.factors is None or parameter != "weight" or not can_run_beside(layer):
                others[name] = delta
            else:
                Beside(layer, (step,)).install(undo)
        if others:
            rest = WeightPatch(DeltaSet(others, self.source.name), self.strength)
            install_changes(root, (rest,), undo)

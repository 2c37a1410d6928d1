"""Says what the deltas of a whole file are, and holds the patch that puts them on a network."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from models.adapters.deltas import Delta, Step, changed_shape
from models.adapters.weight_change import WeightChange


@dataclass(frozen=True, eq=False)
class DeltaSet:
    """The deltas of one file for one network, by parameter name."""

    deltas: Mapping[str, Delta]
    name: str = ""


@dataclass(frozen=True, eq=False)
class WeightPatch(WeightChange):
    """Changes weights by the deltas of a file.

    Attributes:
        source: the deltas.
        strength: how strongly all of them work; below 0 the other way.
        blocks: beginning of parameter names, by what the strength is multiplied there; the longest that fits
            is used.
    """

    source: DeltaSet
    strength: float
    blocks: tuple[tuple[str, float], ...] = ()

    @property
    def key(self) -> Hashable:
        """The very deltas and their strength."""
        return ("weights", self.source, self.strength, self.blocks)

    def scaled(self, factor: float) -> "WeightPatch":
        """The same with its strength multiplied."""
        return replace(self, strength=self.strength * factor)

    def places(self, root: nn.Module) -> Iterable[str]:
        """Names of the parameters that the file changes."""
        del root
        return self.source.deltas if not self.blocks else filter(self._strength_at, self.source.deltas)

    def change(self, name: str, weight: Tensor) -> Tensor:
        """A parameter (any shape) with its delta."""
        return self.source.deltas[name].change(weight, self._strength_at(name))

    def step(self, name: str) -> Step:
        """The delta of a parameter and how strongly it works."""
        return Step(self.source.deltas[name], self._strength_at(name))

    def reshape(self, name: str, shape: torch.Size) -> torch.Size:
        """The shape of a parameter afterwards: some are filled up with zeros first."""
        return changed_shape(self.source.deltas[name], shape)

    def _strength_at(self, name: str) -> float:
        return self.strength * longest_prefix(name, self.blocks, 1.0)


def longest_prefix(name: str, table: Sequence[tuple[str, float]], otherwise: float) -> float:
    """The number beside the longest beginning of a name in a table, or `otherwise` if none fits."""
    fitting = [(len(prefix), number) for prefix, number in table if name.startswith(prefix)]
    return max(fitting)[1] if fitting else otherwise

"""Says what must be in a file for a family to claim it, as values that can also name what is missing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

Shapes = Mapping[str, tuple[int, ...]]


class Condition(Protocol):
    """A test on the names and shapes of a file's tensors."""

    def failures(self, shapes: Shapes) -> list[str]:
        """What is missing or wrong, in words; empty where the condition holds."""
        ...


@dataclass(frozen=True)
class HasAll:
    """Every one of some names is there."""

    names: tuple[str, ...]

    def failures(self, shapes: Shapes) -> list[str]:
        """The names that are not there."""
        return [f"{name} is missing" for name in self.names if name not in shapes]


@dataclass(frozen=True)
class HasNone:
    """No name of the file starts with any of some prefixes."""

    prefixes: tuple[str, ...]

    def failures(self, shapes: Shapes) -> list[str]:
        """The first name for each prefix."""
        found = (next((n for n in shapes if n.startswith(prefix)), None) for prefix in self.prefixes)
        return [f"{name} is there" for name in found if name is not None]


@dataclass(frozen=True)
class HasRank:
    """The first tensor whose name ends so has some number of dimensions."""

    ending: str
    rank: int

    def failures(self, shapes: Shapes) -> list[str]:
        """The tensor that has another rank, or that there is none."""
        name = next((name for name in shapes if name.endswith(self.ending)), None)
        if name is None:
            return [f"no tensor is named ...{self.ending}"]
        rank = len(shapes[name])
        return [] if rank == self.rank else [f"{name} has {rank} dimensions instead of {self.rank}"]


@dataclass(frozen=True)
class HasSize:
    """A tensor has some size along an axis."""

    name: str
    axis: int
    size: int

    def failures(self, shapes: Shapes) -> list[str]:
        """The size it has instead; nothing where the tensor is missing, which others say."""
        shape = shapes.get(self.name)
        if shape is None or (len(shape) > self.axis and shape[self.axis] == self.size):
            return []
        return [f"{self.name} has the shape {shape}, not {self.size} on axis {self.axis}"]


@dataclass(frozen=True)
class All:
    """Every one of some conditions holds."""

    conditions: tuple[Condition, ...]

    def failures(self, shapes: Shapes) -> list[str]:
        """The failures of all of them."""
        return [failure for condition in self.conditions for failure in condition.failures(shapes)]


def below(shapes: Shapes, prefix: str) -> dict[str, tuple[int, ...]]:
    """The part of a file under a prefix, with the prefix taken off."""
    return {name[len(prefix) :]: shape for name, shape in shapes.items() if name.startswith(prefix)}


def count(shapes: Shapes, prefix: str) -> int:
    """How many consecutive numbers, from 0, follow a prefix: layers, blocks, levels."""
    numbers = {
        rest.partition(".")[0] for name in shapes if name.startswith(prefix) and (rest := name[len(prefix) :])
    }
    total = 0
    while str(total) in numbers:
        total += 1
    return total

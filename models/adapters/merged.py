"""Mixes the weights of one model into those of another, when they are wanted and not before."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from models.adapters.patch import M, N, Patched
from models.adapters.weight_change import PatchedWeights, WeightChange
from models.adapters.weights import longest_prefix


@dataclass(frozen=True)
class Mix:
    """How much of each weight a mixture takes: kept of its own, and taken of the other model's."""

    kept: float
    taken: float


@dataclass(frozen=True, eq=False)
class Merge(WeightChange):
    """W * kept + other's W * taken, where both models have a weight.

    The other's weights are those that its patches make. Where shapes differ nothing is taken, as elsewhere in
    the ecosystem.

    Attributes:
        other: the weights of the other model.
        mix: the proportions.
        blocks: beginning of names -> proportions there; the longest that fits is used.
        without: endings of names that are left alone.
    """

    other: PatchedWeights
    mix: Mix
    blocks: tuple[tuple[str, Mix], ...] = ()
    without: tuple[str, ...] = ()

    @property
    def key(self) -> Hashable:
        """The very weights and the proportions."""
        return ("merge", self.other.key, self.mix, self.blocks, self.without)

    def exact(self) -> "Merge":
        """The same with all the bits that the other model's file has."""
        return replace(self, other=self.other.exact())

    def places(self, root: nn.Module) -> Iterator[str]:
        """Names of the parameters that both have, and whose proportions change something."""
        for name, _ in root.named_parameters():
            shared = name in self.other.shapes and not name.endswith(self.without)
            if shared and self._mix_at(name) != Mix(1.0, 0.0):
                yield name

    def change(self, name: str, weight: Tensor) -> Tensor:
        """Mix a parameter (any shape)."""
        mix = self._mix_at(name)
        mixed = weight * mix.kept
        if mix.taken == 0.0 or self.other.shapes[name] != weight.shape:
            return mixed
        return mixed + mix.taken * self.other.precise(name).to(weight.device)

    def _mix_at(self, name: str) -> Mix:
        index = longest_prefix(name, [(prefix, at) for at, (prefix, _) in enumerate(self.blocks)], -1)
        return self.mix if index < 0 else self.blocks[int(index)][1]


@dataclass(frozen=True)
class MergeReport:
    """What two models have in common.

    Attributes:
        shared: how many weights both have in the same shape.
        reshaped: names of those that both have in different shapes.
        alone: how many only the first model has.
    """

    shared: int
    reshaped: tuple[str, ...]
    alone: int

    def lines(self) -> list[str]:
        """The report, with a warning first where not everything is mixed."""
        lines = []
        if self.reshaped:
            names = ", ".join(self.reshaped[:3]) + (", ..." if len(self.reshaped) > 3 else "")
            count = len(self.reshaped)
            lines.append(f"Warning: nothing is taken of {count} weights that have other shapes: {names}")
        if self.alone:
            lines.append(f"Warning: {self.alone} weights are in the first model only and stay as they are.")
        return [*lines, f"{self.shared} weights in common."]


def compare(first: Patched[N], second: Patched[M]) -> MergeReport:
    """What two models have in common.

    Raises:
        ValueError: if they share no weight.
    """
    ours, theirs = PatchedWeights(first).shapes, PatchedWeights(second).shapes
    both = [name for name in ours if name in theirs]
    reshaped = tuple(name for name in both if ours[name] != theirs[name])
    if len(reshaped) == len(both):
        raise ValueError(
            "these two have nothing in common that could be mixed: "
            f"{_described(first, len(ours))}, and {_described(second, len(theirs))}"
        )
    return MergeReport(len(both) - len(reshaped), reshaped, len(ours) - len(both))


def merge(
    first: Patched[N],
    second: Patched[M],
    mix: Mix,
    blocks: Sequence[tuple[str, Mix]] = (),
    without: tuple[str, ...] = (),
) -> Patched[N]:
    """The first model with the second's weights mixed into its own; nothing is computed yet.

    Patches that the first has so far are scaled with its weights; those it gets later are not.
    """
    return first.with_patch(Merge(PatchedWeights(second), mix, tuple(blocks), without))


def _described(model: Patched[Any], weights: int) -> str:
    name = getattr(model.base, "name", "") or type(model.base.network).__name__
    return f"{name} with {weights} weights"

"""Says what deltas to weights are, whole files of them, and the patch that puts them on.

References: LoRA, Hu et al. 2021 (arXiv:2106.09685); DoRA, Liu et al. 2024 (arXiv:2402.09353), equation 5.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from models.adapters.products import Product, moved
from models.adapters.sidecar import Step
from models.adapters.weight_change import WeightChange


class Delta(Protocol):
    """What a weight becomes."""

    def change(self, weight: Tensor, strength: float) -> Tensor:
        """The changed weight, for a weight (the shape it is made for) in float32.

        Raises:
            ValueError: for another shape; or what torch raises.
        """
        ...


def fits(delta: Delta, shape: torch.Size) -> bool:
    """Whether a delta is made for a weight of a shape, tried on zeros."""
    try:
        changed = delta.change(torch.zeros(shape), 1.0)
    except (RuntimeError, ValueError, IndexError, ZeroDivisionError):
        return False
    return changed.shape == changed_shape(delta, shape)


def signature(part: Any) -> Hashable:
    """Equal for deltas that fit the same weights: what they are made of, by kind and shape."""
    if isinstance(part, Tensor):
        return tuple(part.shape)
    if isinstance(part, tuple | list):
        return tuple(signature(inner) for inner in part)
    if is_dataclass(part):
        return (type(part), *(signature(getattr(part, field.name)) for field in fields(part)))
    kind: Hashable = "number" if isinstance(part, float) else part
    return kind


def changed_shape(delta: Delta, shape: torch.Size) -> torch.Size:
    """The shape that a weight has afterwards."""
    grown = delta.grown if isinstance(delta, Added) else None
    return shape if grown is None else torch.Size(grown)


@dataclass(frozen=True, eq=False)
class Magnitude:
    """The norms that the parts of a weight get once its direction has changed (DoRA).

    Attributes:
        norms: (out, 1, ...) of rows or (1, in, ...) of columns.
        of_changed: whether what they replace is the norms of the changed weight, as in the paper. Otherwise,
            as in the ecosystem, by rows those of the weight before, by columns those of the weight after.
    """

    norms: Tensor
    of_changed: bool = False

    def apply(self, weight: Tensor, directed: Tensor) -> Tensor:
        """The changed weight `directed` with these norms; both (out, in, ...)."""
        if self.norms.numel() not in weight.shape[:2]:
            raise ValueError(
                f"{self.norms.numel()} norms are not for a weight of shape {tuple(weight.shape)}"
            )
        (norms,) = moved(weight.device, self.norms)
        axis = 0 if self.norms.shape[0] == weight.shape[0] else 1
        source = weight if axis == 0 and not self.of_changed else directed
        shape = [-1 if index == axis else 1 for index in range(weight.ndim)]
        present = source.transpose(0, axis).flatten(1).norm(dim=1).reshape(shape)
        return directed * (norms.reshape(shape) / (present + torch.finfo(weight.dtype).eps))


@dataclass(frozen=True, eq=False)
class Added:
    """W + strength * product; with `magnitude` the direction changes and the norms are set (DoRA).

    Attributes:
        product: what is added.
        magnitude: the norms afterwards, or None.
        grown: the shape to which the weight is filled up with zeros first, or None.
    """

    product: Product
    magnitude: Magnitude | None = None
    grown: tuple[int, ...] | None = None

    def change(self, weight: Tensor, strength: float) -> Tensor:
        """Add the product to a weight (out, in) or (out, in, kh, kw)."""
        if self.grown is not None:
            weight = _grown(weight, self.grown)
        if weight.ndim < 2:
            raise ValueError(f"a product is not for a weight of shape {tuple(weight.shape)}")
        added = self.product.matrix(weight.device).reshape(weight.shape)
        if self.magnitude is None:
            return weight + strength * added
        directed = self.magnitude.apply(weight, weight + added)
        return directed if strength == 1.0 else weight + strength * (directed - weight)


@dataclass(frozen=True, eq=False)
class Difference:
    """W + strength * difference, the difference of the weight's own shape."""

    difference: Tensor

    def change(self, weight: Tensor, strength: float) -> Tensor:
        """Add to a weight of the same shape."""
        return weight + strength * _same(self.difference, weight)


@dataclass(frozen=True, eq=False)
class Replacement:
    """The weight itself, whatever the strength."""

    value: Tensor

    def change(self, weight: Tensor, strength: float) -> Tensor:
        """Replace a weight of the same shape."""
        return _same(self.value, weight).clone()


@dataclass(frozen=True, eq=False)
class Parts:
    """Deltas of parts of one weight, as where a network has in one what a file has apart.

    Attributes:
        parts: the first row of each part, how many rows it has, and its delta.
    """

    parts: Sequence[tuple[int, int, Delta]]

    def change(self, weight: Tensor, strength: float) -> Tensor:
        """Change the rows of each part of a weight (out, ...)."""
        changed = weight.clone()
        for start, rows, delta in self.parts:
            if start + rows > len(weight):
                raise ValueError(
                    f"rows up to {start + rows} are not in a weight of shape {tuple(weight.shape)}"
                )
            changed[start : start + rows] = delta.change(changed[start : start + rows], strength)
        return changed


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


def _same(tensor: Tensor, weight: Tensor) -> Tensor:
    """A tensor of the same shape as a weight, in float32 where the weight is."""
    if tensor.shape != weight.shape:
        sizes = f"{tuple(tensor.shape)} does not fit a weight of shape {tuple(weight.shape)}"
        raise ValueError(f"a tensor of shape {sizes}")
    return moved(weight.device, tensor)[0]


def _grown(weight: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A weight (any shape) in the first corner of zeros."""
    larger = weight.new_zeros(shape)
    larger[tuple(slice(size) for size in weight.shape)] = weight
    return larger

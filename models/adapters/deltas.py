"""Says what deltas to weights are: what a file says about one weight, as something that changes it.

References: LoRA, Hu et al. 2021 (arXiv:2106.09685); DoRA, Liu et al. 2024 (arXiv:2402.09353), equation 5.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from models.adapters.products import LowRank, Product, moved


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
class Step:
    """One change of one weight: a delta and its strength."""

    delta: Delta
    strength: float

    @property
    def numel(self) -> int:
        """How many numbers the delta is made of."""
        return sum(tensor.numel() for tensor in _tensors(self.delta))

    @property
    def factors(self) -> LowRank | None:
        """What is added, if that is the product of small matrices and nothing else is done."""
        delta = self.delta
        if not isinstance(delta, Added) or delta.magnitude is not None or delta.grown is not None:
            return None
        return delta.product if isinstance(delta.product, LowRank) else None


def _tensors(value: Any) -> Iterator[Tensor]:
    """The tensors in a value."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for inner in value:
            yield from _tensors(inner)
    elif is_dataclass(value):
        for part in fields(value):
            yield from _tensors(getattr(value, part.name))


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

"""Says how weights are changed by a small set of numbers: low-rank and other deltas, and their patch.

References: LoRA, Hu et al. 2021 (arXiv:2106.09685); LoHa, Hyeon-Woo et al. 2021 (arXiv:2108.06098) and LoKr,
both as in Yeh et al. 2023 (arXiv:2309.14859), sections 3 and 4; DoRA, Liu et al. 2024 (arXiv:2402.09353),
equation 5.
Shapes: W the weight, (out, in) or (out, in, kh, kw); r a rank.
"""

import math
from collections.abc import Hashable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn


class Delta(Protocol):
    """What a weight becomes."""

    def fits(self, shape: torch.Size) -> bool:
        """Whether it is made for a weight of this shape."""
        ...

    def change(self, weight: Tensor, strength: float) -> Tensor:
        """The changed weight, for a weight (any shape it fits) in float32."""
        ...


class Product(Protocol):
    """A matrix made of smaller ones, times a scale."""

    def elements(self) -> int:
        """How many numbers it makes."""
        ...

    def matrix(self, device: torch.device) -> Tensor:
        """Its numbers in float32, scale included, in the order of the weight it is for."""
        ...


@dataclass(frozen=True, eq=False)
class LowRank:
    """LoRA: up @ down, or up @ mid @ down for a convolution in Tucker form.

    Attributes:
        up: (out, r) or (out, r, 1, 1).
        down: (r, in) or (r, in, kh, kw); (r, in, 1, 1) with mid.
        mid: (r, r, kh, kw) or None.
        alpha: the scale is alpha / r, or 1 where there is no alpha.
    """

    up: Tensor
    down: Tensor
    mid: Tensor | None = None
    alpha: float | None = None

    def elements(self) -> int:
        """Size of up @ down."""
        kernel = math.prod(self.mid.shape[2:]) if self.mid is not None else 1
        return self.up.shape[0] * math.prod(self.down.shape[1:]) * kernel

    def matrix(self, device: torch.device) -> Tensor:
        """The product."""
        up, down = _moved(device, self.up, self.down)
        if self.mid is not None:
            (mid,) = _moved(device, self.mid)
            down = torch.einsum("s i, r s h w -> r i h w", down.flatten(1), mid)
        scale = 1.0 if self.alpha is None else self.alpha / self.down.shape[0]
        return scale * (up.flatten(1) @ down.flatten(1))


@dataclass(frozen=True, eq=False)
class Hadamard:
    """LoHa: the elementwise product of two low-rank matrices.

    Attributes:
        first: (out, r) and (r, in), or (r, out) and (r, in) with its core.
        second: the same.
        cores: (r, r, kh, kw) of each for a convolution in Tucker form, or None.
        alpha: the scale is alpha / r, or 1 where there is no alpha.
    """

    first: tuple[Tensor, Tensor]
    second: tuple[Tensor, Tensor]
    cores: tuple[Tensor, Tensor] | None = None
    alpha: float | None = None

    def elements(self) -> int:
        """Size of each product."""
        left, right = self.first
        if self.cores is None:
            return left.shape[0] * right.shape[1]
        return left.shape[1] * right.shape[1] * math.prod(self.cores[0].shape[2:])

    def matrix(self, device: torch.device) -> Tensor:
        """The product of the products."""
        pairs = [_moved(device, *pair) for pair in (self.first, self.second)]
        if self.cores is None:
            one, two = (left @ right for left, right in pairs)
        else:
            cores = _moved(device, *self.cores)
            one, two = (_tucker(core, *pair) for core, pair in zip(cores, pairs, strict=True))
        scale = 1.0 if self.alpha is None else self.alpha / self.first[1].shape[0]
        return scale * (one * two)


@dataclass(frozen=True, eq=False)
class Kronecker:
    """LoKr: the Kronecker product of two matrices, each whole or itself a product.

    Attributes:
        first: (a, b), or its two factors.
        second: (c, d) or (c, d, kh, kw), or its two factors, where a*c = out and b*d = in.
        core: (r, r, kh, kw) between the factors of the second, or None.
        alpha: the scale is alpha / r of whichever is factored, the second before the first; 1 for neither.
    """

    first: tuple[Tensor, ...]
    second: tuple[Tensor, ...]
    core: Tensor | None = None
    alpha: float | None = None

    def elements(self) -> int:
        """Size of the product."""
        first = math.prod(self.first[0].shape) if len(self.first) == 1 else _outer(self.first)
        if len(self.second) == 1:
            return first * math.prod(self.second[0].shape)
        if self.core is None:
            return first * _outer(self.second)
        left, right = self.second
        return first * left.shape[1] * right.shape[1] * math.prod(self.core.shape[2:])

    def matrix(self, device: torch.device) -> Tensor:
        """The product."""
        rank = self.second[1].shape[0] if len(self.second) == 2 else None
        if rank is None and len(self.first) == 2:
            rank = self.first[1].shape[0]
        first, second = _moved(device, *self.first), _moved(device, *self.second)
        one = first[0] if len(first) == 1 else first[0] @ first[1]
        if len(second) == 1:
            two = second[0]
        elif self.core is None:
            two = second[0] @ second[1]
        else:
            two = _tucker(*_moved(device, self.core), *second)
        if two.ndim == 4:
            one = one[:, :, None, None]
        scale = 1.0 if self.alpha is None or rank is None else self.alpha / rank
        return scale * torch.kron(one.contiguous(), two.contiguous())


@dataclass(frozen=True, eq=False)
class Added:
    """W + strength * product; with `magnitude` the direction changes and the norm is set (DoRA).

    Attributes:
        product: what is added.
        magnitude: norms (out, 1, ...) or (1, in, ...), or None.
    """

    product: Product
    magnitude: Tensor | None = None

    def fits(self, shape: torch.Size) -> bool:
        """Whether the product has as many numbers."""
        if len(shape) < 2 or self.product.elements() != shape.numel():
            return False
        return self.magnitude is None or self.magnitude.numel() in (shape[0], shape[1])

    def change(self, weight: Tensor, strength: float) -> Tensor:
        """Add the product to a weight (out, in) or (out, in, kh, kw)."""
        added = self.product.matrix(weight.device).reshape(weight.shape)
        if self.magnitude is None:
            return weight + strength * added
        (magnitude,) = _moved(weight.device, self.magnitude)
        directed = weight + added
        # By rows the norm is that of the weight before; by columns, of the weight after.
        rows = magnitude.shape[0] == weight.shape[0]
        source, axis = (weight, 0) if rows else (directed, 1)
        norm = source.transpose(0, axis).flatten(1).norm(dim=1)
        shape = [-1 if index == axis else 1 for index in range(weight.ndim)]
        norm = norm.reshape(shape) + torch.finfo(weight.dtype).eps
        directed = directed * (magnitude.reshape(shape) / norm)
        return directed if strength == 1.0 else weight + strength * (directed - weight)


@dataclass(frozen=True, eq=False)
class Difference:
    """W + strength * difference, the difference of the weight's own shape."""

    difference: Tensor

    def fits(self, shape: torch.Size) -> bool:
        """Whether it has the same shape."""
        return self.difference.shape == shape

    def change(self, weight: Tensor, strength: float) -> Tensor:
        """Add to a weight of the same shape."""
        return weight + strength * _moved(weight.device, self.difference)[0]


@dataclass(frozen=True, eq=False)
class Replacement:
    """The weight itself, whatever the strength."""

    value: Tensor

    def fits(self, shape: torch.Size) -> bool:
        """Whether it has the same shape."""
        return self.value.shape == shape

    def change(self, weight: Tensor, strength: float) -> Tensor:
        """Replace a weight of the same shape."""
        return _moved(weight.device, self.value)[0].clone()


@dataclass(frozen=True, eq=False)
class DeltaSet:
    """The deltas of one file for one network, by parameter name."""

    deltas: Mapping[str, Delta]
    name: str = ""


@dataclass(frozen=True, eq=False)
class WeightPatch:
    """Changes weights; the original parameters wait beside and come back as they were."""

    source: DeltaSet
    strength: float

    @property
    def key(self) -> Hashable:
        """The very deltas and their strength."""
        return ("weights", self.source, self.strength)

    def install(self, root: nn.Module, undo: ExitStack) -> None:
        """Put changed parameters in the place of those of the network."""
        for name, delta in self.source.deltas.items():
            path, _, parameter = name.rpartition(".")
            module = root.get_submodule(path)
            original = module.get_parameter(parameter)
            with torch.no_grad():
                changed = delta.change(original.float(), self.strength).to(original.dtype)
            undo.callback(module.register_parameter, parameter, original)
            module.register_parameter(parameter, nn.Parameter(changed, requires_grad=False))


def _moved(device: torch.device, *tensors: Tensor) -> tuple[Tensor, ...]:
    return tuple(tensor.to(device=device, dtype=torch.float32) for tensor in tensors)


def _tucker(core: Tensor, left: Tensor, right: Tensor) -> Tensor:
    return torch.einsum("i j k l, j r, i p -> p r k l", core, right, left)


def _outer(factors: tuple[Tensor, ...]) -> int:
    return int(factors[0].shape[0] * factors[1].shape[1])

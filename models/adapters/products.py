"""Makes matrices of smaller ones: the products that low-rank adapters add to weights.

References: LoRA, Hu et al. 2021 (arXiv:2106.09685); LoHa, Hyeon-Woo et al. 2021 (arXiv:2108.06098) and LoKr,
both as in Yeh et al. 2023 (arXiv:2309.14859), sections 3 and 4.
Shapes: the weight it is for is (out, in) or (out, in, kh, kw); r a rank.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class Product(Protocol):
    """A matrix made of smaller ones, times a scale."""

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

    def matrix(self, device: torch.device) -> Tensor:
        """The product."""
        up, down = moved(device, self.up, self.down)
        if self.mid is not None:
            (mid,) = moved(device, self.mid)
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

    def matrix(self, device: torch.device) -> Tensor:
        """The product of the products."""
        pairs = [moved(device, *pair) for pair in (self.first, self.second)]
        if self.cores is None:
            one, two = (left @ right for left, right in pairs)
        else:
            cores = moved(device, *self.cores)
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

    def matrix(self, device: torch.device) -> Tensor:
        """The product."""
        rank = self.second[1].shape[0] if len(self.second) == 2 else None
        if rank is None and len(self.first) == 2:
            rank = self.first[1].shape[0]
        first, second = moved(device, *self.first), moved(device, *self.second)
        one = first[0] if len(first) == 1 else first[0] @ first[1]
        if len(second) == 1:
            two = second[0]
        elif self.core is None:
            two = second[0] @ second[1].flatten(1)
        else:
            two = _tucker(*moved(device, self.core), *second)
        if two.ndim == 4:
            one = one[:, :, None, None]
        scale = 1.0 if self.alpha is None or rank is None else self.alpha / rank
        return scale * torch.kron(one.contiguous(), two.contiguous())


@dataclass(frozen=True, eq=False)
class RowShare:
    """One of equal shares of the rows of a product that was made for several weights in one.

    Attributes:
        whole: the product for all of them.
        index: which share, from 0.
        count: how many there are.
    """

    whole: Product
    index: int
    count: int

    def matrix(self, device: torch.device) -> Tensor:
        """The rows of the share, as (1, elements)."""
        return self.whole.matrix(device).reshape(self.count, -1)[self.index : self.index + 1]


def moved(device: torch.device, *tensors: Tensor) -> tuple[Tensor, ...]:
    """Tensors (any shape) in float32 on a device."""
    return tuple(tensor.to(device=device, dtype=torch.float32) for tensor in tensors)


def _tucker(core: Tensor, left: Tensor, right: Tensor) -> Tensor:
    return torch.einsum("i j k l, j r, i p -> p r k l", core, right, left)

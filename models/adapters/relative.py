"""Changes weights in proportion to what they are: GLoRA's products with the weight itself, and IA3.

References: GLoRA, Chavan et al. 2023 (arXiv:2306.07967), equation 9, of which files hold A and B; IA3, Liu et
al. 2022 (arXiv:2205.05638), section 3.3.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from models.adapters.deltas import Magnitude
from models.adapters.products import Product, moved


@dataclass(frozen=True, eq=False)
class WithItself:
    """GLoRA: W + strength * scale * (W @ left @ right + product).

    Attributes:
        left: (in, r), before `right` on the way from the weight.
        right: (r, in).
        product: what does not depend on the weight, without a scale of its own.
        alpha: the scale is alpha / r, or 1 where there is no alpha.
        flat: whether left and right meet the inputs with the kernel flattened into them (files of old).
        magnitude: the norms afterwards (DoRA), or None.
    """

    left: Tensor
    right: Tensor
    product: Product
    alpha: float | None = None
    flat: bool = False
    magnitude: Magnitude | None = None

    def change(self, weight: Tensor, strength: float) -> Tensor:
        """Change a weight (out, in) or (out, in, kh, kw)."""
        left, right = (factor.flatten(1) for factor in moved(weight.device, self.left, self.right))
        if self.flat:
            own = (weight.flatten(1) @ left @ right).reshape(weight.shape)
        else:
            own = torch.einsum("o i ..., i r, r j -> o j ...", weight, left, right)
        scale = 1.0 if self.alpha is None else self.alpha / self.right.shape[0]
        added = scale * (own + self.product.matrix(weight.device).reshape(weight.shape))
        if self.magnitude is None:
            return weight + strength * added
        return weight + strength * (self.magnitude.apply(weight, weight + added) - weight)


@dataclass(frozen=True, eq=False)
class Multiplied:
    """IA3: W + strength * W * factors, by rows (what comes out) or by columns (what goes in).

    Attributes:
        factors: as many numbers as there are rows or columns, in any shape; 0 changes nothing.
        on_input: whether they are for columns.
    """

    factors: Tensor
    on_input: bool = False

    def change(self, weight: Tensor, strength: float) -> Tensor:
        """Multiply a weight (out, in, ...)."""
        if weight.ndim < 2 or self.factors.numel() != weight.shape[int(self.on_input)]:
            raise ValueError(f"{self.factors.numel()} factors are not for shape {tuple(weight.shape)}")
        shape = [-1 if index == int(self.on_input) else 1 for index in range(weight.ndim)]
        return weight + strength * weight * moved(weight.device, self.factors)[0].reshape(shape)

"""Answers what a network takes that is always told the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from models.conditioner import Surroundings


@dataclass(frozen=True)
class ConstantVector:
    """The same vector for every condition."""

    values: tuple[float, ...]
    spatial: frozenset[str] = frozenset()

    def inputs(
        self, pooled: Tensor | None, fields: Mapping[str, Any], where: Surroundings
    ) -> Mapping[str, Tensor]:
        """The vector (1, V); pooled (1, P) is unused."""
        del pooled, fields
        return {"vector": torch.tensor([self.values], device=where.device)}

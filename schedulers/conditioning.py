"""What a CONDITIONING on a wire is, and what it comes to on a given latent: a weight per cell and a window of sigmas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class CellArea:
    """A rectangle counted in latent cells (pixels // 8)."""

    height: int
    width: int
    top: int
    left: int


@dataclass(frozen=True)
class FractionArea:
    """A rectangle in fractions of the picture, each in [0, 1]."""

    height: float
    width: float
    top: float
    left: float


Area = CellArea | FractionArea


@dataclass(frozen=True, eq=False)
class Entry:
    """One prompt with where, when and how strongly it holds; change one with `dataclasses.replace`.

    embedding: (1, T, D) token embeddings.
    pooled: (1, P) or None.
    strength: weight of this entry against the others where they overlap.
    area: the rectangle it is evaluated on; None = the whole latent.
    mask: (H, W) or (N, H, W) of any size, multiplied by mask_strength; None = everywhere.
    mask_bounds: evaluate only on the bounding box of the mask.
    start, end: part of sampling during which it holds, 0 = first step, 1 = last.
    extra: fields that other nodes hang on it.
    """

    embedding: Tensor
    pooled: Tensor | None = None
    strength: float = 1.0
    area: Area | None = None
    mask: Tensor | None = None
    mask_strength: float = 1.0
    mask_bounds: bool = False
    start: float = 0.0
    end: float = 1.0
    extra: Mapping[str, Any] = field(default_factory=dict)


ConditioningValue = tuple[Entry, ...]

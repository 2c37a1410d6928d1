"""What a CONDITIONING on a wire is, and what it comes to on a latent: weights per cell, sigma windows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
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

_FEATHER_CELLS = 8
_SMALLEST_BOUNDS_CELLS = 8


@dataclass(frozen=True, eq=False)
class Term:
    """An entry as it counts on one latent.

    embedding: (1, T, D) on the latent's device.
    area: rectangle it is evaluated on, None = the whole latent.
    weight: (1 or N, 1, h, w) over the area, without strength; None = 1 everywhere.
    strength: factor of the weight.
    sigma_start, sigma_end: it holds while sigma_end <= sigma <= sigma_start.
    """

    embedding: Tensor
    area: CellArea | None
    weight: Tensor | None
    strength: float
    sigma_start: float
    sigma_end: float

    def is_active(self, sigma: float) -> bool:
        """Whether it holds at a noise level."""
        return self.sigma_end <= sigma <= self.sigma_start


def resolve(
    lists: Mapping[str, ConditioningValue],
    height_cells: int,
    width_cells: int,
    percent_to_sigma: Callable[[float], float],
    device: torch.device | str,
) -> dict[str, tuple[Term, ...]]:
    """The terms of each named list on a latent of height x width cells.

    An entry with an area gets a partner in every other list that has none on that area, so that guidance
    compares like with like. Raises ValueError for an area outside the latent.
    """
    placed = {name: [_placed(entry, height_cells, width_cells) for entry in lists[name]] for name in lists}
    for name in placed:
        for entry in list(placed[name]):
            for other in placed:
                if other != name:
                    _add_partner(placed[other], entry)
    return {
        name: tuple(
            _term(entry, height_cells, width_cells, percent_to_sigma, device) for entry in placed[name]
        )
        for name in placed
    }


def _placed(entry: Entry, height_cells: int, width_cells: int) -> Entry:
    """The entry with its area in cells and its mask (N, h, w) at the latent's size."""
    area, mask = entry.area, entry.mask
    if isinstance(area, FractionArea):
        area = CellArea(
            height=max(1, round(area.height * height_cells)),
            width=max(1, round(area.width * width_cells)),
            top=round(area.top * height_cells),
            left=round(area.left * width_cells),
        )
    if mask is not None:
        planes = mask.float().reshape(-1, 1, mask.shape[-2], mask.shape[-1])
        size = (height_cells, width_cells)
        mask = torch.nn.functional.interpolate(planes, size=size, mode="bilinear")[:, 0]
        if entry.mask_bounds:
            area = _bounds(mask)
    return replace(entry, area=area, mask=mask)


def _bounds(mask: Tensor) -> CellArea:
    """The rectangle that holds every cell of a mask (N, h, w) that is not 0, at least 8 x 8."""
    rows, columns = mask.abs().amax(dim=0).nonzero(as_tuple=True)
    if len(rows) == 0:
        return CellArea(_SMALLEST_BOUNDS_CELLS, _SMALLEST_BOUNDS_CELLS, 0, 0)
    top, left = int(rows.min()), int(columns.min())
    height, width = int(rows.max()) - top + 1, int(columns.max()) - left + 1
    return CellArea(max(_SMALLEST_BOUNDS_CELLS, height), max(_SMALLEST_BOUNDS_CELLS, width), top, left)


def _contains(outer: CellArea, inner: CellArea) -> bool:
    return (
        outer.top <= inner.top
        and outer.left <= inner.left
        and inner.top + inner.height <= outer.top + outer.height
        and inner.left + inner.width <= outer.left + outer.width
    )


def _add_partner(others: list[Entry], entry: Entry) -> None:
    """Give `others` an entry on the area of `entry`: the smallest that contains it, moved onto it."""
    area = entry.area
    if not isinstance(area, CellArea):
        return
    best: Entry | None = None
    best_cells = 0
    for other in others:
        if not isinstance(other.area, CellArea):
            best = best or other
        elif _contains(other.area, area):
            cells = other.area.height * other.area.width
            if best is None or best.area is None or cells < best_cells:
                best, best_cells = other, cells
    if best is None or best.area == area:
        return
    others.append(replace(entry, embedding=best.embedding, pooled=best.pooled, extra=best.extra))


def _term(
    entry: Entry,
    height_cells: int,
    width_cells: int,
    percent_to_sigma: Callable[[float], float],
    device: torch.device | str,
) -> Term:
    weight: Tensor | None = None
    area = _clipped(entry.area, height_cells, width_cells) if isinstance(entry.area, CellArea) else None
    if entry.mask is not None:
        weight = entry.mask[:, None] * entry.mask_strength
        weight = weight if area is None else cropped(weight, area)
    elif area is not None:
        weight = _feathered(area, height_cells, width_cells)
    return Term(
        embedding=entry.embedding.to(device),
        area=area,
        weight=None if weight is None else weight.to(device),
        strength=entry.strength,
        sigma_start=percent_to_sigma(entry.start),
        sigma_end=percent_to_sigma(entry.end),
    )


def _clipped(area: CellArea, height_cells: int, width_cells: int) -> CellArea:
    height, width = min(height_cells - area.top, area.height), min(width_cells - area.left, area.width)
    if height < 1 or width < 1:
        raise ValueError(f"area {area} lies outside the latent of {height_cells} x {width_cells} cells")
    return replace(area, height=height, width=width)


def cropped(planes: Tensor, area: CellArea) -> Tensor:
    """The part (B, C, h, w) of planes (B, C, H, W) that an area covers."""
    return planes[:, :, area.top : area.top + area.height, area.left : area.left + area.width]


def _feathered(area: CellArea, height_cells: int, width_cells: int) -> Tensor:
    """Weights (1, 1, h, w) that fall off towards the sides of an area that lie inside the latent."""
    rows = _ramp(area.height, area.top, height_cells)
    columns = _ramp(area.width, area.left, width_cells)
    return (rows[:, None] * columns[None, :])[None, None]


def _ramp(size: int, position: int, whole: int) -> Tensor:
    """Weights (size,) of the cells along one side of an area at a position in a whole."""
    values = [1.0] * size
    reach = min(_FEATHER_CELLS, size // 4)
    for cell in range(reach):
        if position != 0:
            values[cell] *= (cell + 1) / reach
        if position + size < whole:
            values[size - 1 - cell] *= (cell + 1) / reach
    return torch.tensor(values)

"""What a CONDITIONING on a wire is, and what it comes to on a latent: weights per cell, sigma windows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from models.adapters.patch import Patch
from models.conditioner import Conditioner, ContextConditioner, PlainConditioner, Surroundings
from models.diffusion import DiffusionModel
from schedulers.hooks import HookRun
from schedulers.sharing import share

if TYPE_CHECKING:
    from schedulers.control import BoundControl


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
    extra: fields that other nodes hang on it, under the names that packs know: "control" (a tuple of
        schedulers.control.Control), "hooks" (a Hook), "default" (it holds only where no other entry does),
        "clip_start_percent" and "clip_end_percent" (the part for which its text was encoded),
        "cross_attn_controlnet" (token embeddings (1, T, D) that its controls read instead), sizes, pictures
        to be concatenated and so on.
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
# The input that is not for the network, but for what steers it: a text of its own.
CONTROL_CONTEXT = "control_context"
# Fields that belong to where an entry stands; the others say what the network is told.
_WINDOW_FIELDS = ("clip_start_percent", "clip_end_percent")
_PLACE_FIELDS = ("control", "control_apply_to_uncond", "hooks", "default", "gligen", *_WINDOW_FIELDS)


class BoundHook(Protocol):
    """A hook made ready for one run of sampling."""

    def patches(self, sigma: float) -> tuple[Patch, ...]:
        """What is installed while the entry is evaluated at a noise level."""
        ...


class Hook(Protocol):
    """Changes to the network that hold for one entry only; frozen, shared by entries."""

    def bind(self, run: HookRun) -> BoundHook:
        """The hook for one run."""
        ...


def as_negative(conditioning: ConditioningValue) -> ConditioningValue:
    """The same prompts, told to the network as negative ones whatever list they stand in."""
    return tuple(replace(entry, extra={**entry.extra, "prompt_type": "negative"}) for entry in conditioning)


@dataclass(frozen=True, eq=False)
class Setting:
    """What entries are resolved for: the network's needs and the run.

    conditioner: makes the network's further inputs.
    where: what is sampled.
    percent_to_sigma: the noise level at a part of sampling.
    highest: the noise level at which the run starts.
    model: what is sampled with, for hooks.
    """

    conditioner: Conditioner
    where: Surroundings
    percent_to_sigma: Callable[[float], float]
    highest: float = float("inf")
    model: DiffusionModel | None = None

    @classmethod
    def plain(cls, shape: Sequence[int], percent_to_sigma: Callable[[float], float]) -> Setting:
        """For a network that takes text alone, on empty latents of a shape (B, C, H, W), on the CPU."""
        empty = torch.zeros(tuple(shape))
        where = Surroundings(empty, empty, None, 0, empty.device)
        return cls(PlainConditioner(), where, percent_to_sigma)


@dataclass(frozen=True, eq=False)
class Term:
    """An entry as it counts on one latent.

    embedding: (1, T, D) on the latent's device.
    inputs: the network's further inputs, (1 or B, ...) each, cut to the area.
    controls: what steers the network while it is evaluated.
    hook: what changes the network while it is evaluated, or None.
    area: rectangle it is evaluated on, None = the whole latent.
    weight: (1 or N, 1, h, w) over the area, without strength; None = 1 everywhere.
    strength: factor of the weight.
    sigma_start, sigma_end: it holds while sigma_end <= sigma <= sigma_start.
    is_default: its weight is what the other terms of its list leave of 1.
    """

    embedding: Tensor
    area: CellArea | None
    weight: Tensor | None
    strength: float
    sigma_start: float
    sigma_end: float
    inputs: Mapping[str, Tensor] = field(default_factory=dict)
    controls: tuple[BoundControl, ...] = ()
    hook: BoundHook | None = None
    is_default: bool = False

    def is_active(self, sigma: float) -> bool:
        """Whether it holds at a noise level."""
        return self.sigma_end <= sigma <= self.sigma_start


def resolve(lists: Mapping[str, ConditioningValue], setting: Setting) -> dict[str, tuple[Term, ...]]:
    """The terms of each named list on the latents of a setting.

    An entry with an area gets a partner in every other list that has none on that area, so that guidance
    compares like with like. Raises ValueError for an area outside the latent.
    """
    height_cells, width_cells = setting.where.latent.shape[-2:]
    placed = {name: [_placed(entry, height_cells, width_cells) for entry in lists[name]] for name in lists}
    for name in placed:
        for entry in list(placed[name]):
            for other in placed:
                if other != name:
                    _add_partner(placed[other], entry)
    share(placed)
    bound = _Bound({}, {}, HookRun(setting.model, setting.percent_to_sigma, setting.highest))
    return {name: tuple(_term(entry, name, setting, bound) for entry in placed[name]) for name in placed}


@dataclass(frozen=True, eq=False)
class _Bound:
    """What was bound for a run, each once, by the identity of what it was made of."""

    controls: dict[int, BoundControl]
    hooks: dict[int, BoundHook]
    run: HookRun

    def control(self, control: Any, setting: Setting) -> BoundControl:
        if id(control) not in self.controls:
            self.controls[id(control)] = control.bind(setting.where, setting.percent_to_sigma)
        return self.controls[id(control)]

    def hook(self, entry: Entry) -> BoundHook | None:
        """What changes the network for an entry: its hooks, and the boxes of texts (GLIGEN) it has."""
        hook: Hook | None = entry.extra.get("hooks")
        if hook is not None and id(hook) not in self.hooks:
            self.hooks[id(hook)] = hook.bind(self.run)
        bound = None if hook is None else self.hooks[id(hook)]
        boxes = entry.extra.get("gligen")
        return bound if boxes is None else boxes.after(bound)


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
    extra = {key: value for key, value in best.extra.items() if key not in _PLACE_FIELDS}
    extra |= {key: value for key, value in entry.extra.items() if key in _PLACE_FIELDS}
    others.append(replace(entry, embedding=best.embedding, pooled=best.pooled, extra=extra))


def _term(entry: Entry, name: str, setting: Setting, bound: _Bound) -> Term:
    """An entry of a named list; `bound` keeps what has been bound for the run."""
    where, device = setting.where, setting.where.device
    height_cells, width_cells = where.latent.shape[-2:]
    weight: Tensor | None = None
    area = _clipped(entry.area, height_cells, width_cells) if isinstance(entry.area, CellArea) else None
    if entry.mask is not None:
        weight = entry.mask[:, None] * entry.mask_strength
        weight = weight if area is None else cropped(weight, area)
    elif area is not None:
        weight = _feathered(area, height_cells, width_cells)
    role = str(entry.extra.get("prompt_type", name))
    inputs = dict(setting.conditioner.inputs(entry.pooled, entry.extra, replace(where, role=role)))
    if (told := entry.extra.get("cross_attn_controlnet")) is not None:
        inputs[CONTROL_CONTEXT] = told
    embedding = entry.embedding.to(device)
    if isinstance(setting.conditioner, ContextConditioner):
        embedding = setting.conditioner.context(embedding, where)
    start = max(entry.start, entry.extra.get("clip_start_percent", 0.0))
    end = min(entry.end, entry.extra.get("clip_end_percent", 1.0))
    return Term(
        embedding=embedding,
        area=area,
        weight=None if weight is None else weight.to(device),
        strength=entry.strength,
        sigma_start=setting.percent_to_sigma(start),
        sigma_end=setting.percent_to_sigma(end),
        inputs={key: _fitted(key, value, area, setting) for key, value in inputs.items()},
        controls=tuple(bound.control(control, setting) for control in entry.extra.get("control", ())),
        hook=bound.hook(entry),
        is_default=bool(entry.extra.get("default", False)),
    )


def _fitted(key: str, value: Tensor, area: CellArea | None, setting: Setting) -> Tensor:
    """A further input on the compute device; one that has the latent's cells is cut to the area."""
    value = value.to(setting.where.device)
    return value if area is None or key not in setting.conditioner.spatial else cropped(value, area)


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

"""How does an entry of a CONDITIONING look elsewhere? An embedding, and fields under names of theirs."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from schedulers.conditioning import CellArea, Entry, FractionArea

ENTRY_KEYS = frozenset(
    [
        "pooled_output",
        "strength",
        "area",
        "mask",
        "mask_strength",
        "set_area_to_bounds",
        "start_percent",
        "end_percent",
    ]
)


def fields_of(entry: Entry) -> dict[str, Any]:
    """What an entry says beside its embedding; what is usual is left out."""
    data = dict(entry.extra)
    if entry.pooled is not None:
        data["pooled_output"] = entry.pooled
    if entry.strength != 1.0:
        data["strength"] = entry.strength
    area = entry.area
    if isinstance(area, CellArea):
        data["area"] = (area.height, area.width, area.top, area.left)
    elif isinstance(area, FractionArea):
        data["area"] = ("percentage", area.height, area.width, area.top, area.left)
    if entry.mask is not None:
        data["mask"] = entry.mask
        data["set_area_to_bounds"] = entry.mask_bounds
        data["mask_strength"] = entry.mask_strength
    if (entry.start, entry.end) != (0.0, 1.0):
        data["start_percent"], data["end_percent"] = entry.start, entry.end
    return data


def entry_of(embedding: Tensor, data: Mapping[str, Any]) -> Entry:
    """The entry of an embedding (1, T, D) and fields; those that we do not know travel along."""
    area = data.get("area")
    placed: CellArea | FractionArea | None = None
    unknown = {key: value for key, value in data.items() if key not in ENTRY_KEYS}
    if isinstance(area, tuple | list) and len(area) == 5 and area[0] == "percentage":
        placed = FractionArea(*(float(number) for number in area[1:]))
    elif isinstance(area, tuple | list) and len(area) == 4:
        placed = CellArea(*(int(number) for number in area))
    elif area is not None:
        unknown["area"] = area
    return Entry(
        embedding=embedding,
        pooled=data.get("pooled_output"),
        strength=float(data.get("strength", 1.0)),
        area=placed,
        mask=data.get("mask"),
        mask_strength=float(data.get("mask_strength", 1.0)),
        mask_bounds=bool(data.get("set_area_to_bounds", False)),
        start=float(data.get("start_percent", 0.0)),
        end=float(data.get("end_percent", 1.0)),
        extra=unknown,
    )

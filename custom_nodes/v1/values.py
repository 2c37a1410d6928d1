"""How do latents and prompts look to packs? As dictionaries and lists of pairs; here they are turned over."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeGuard

from torch import Tensor, float32

from custom_nodes.host.graph_builder import ExecutionBlocker
from nodes.api.results import Blocked
from schedulers.conditioning import CellArea, ConditioningValue, Entry, FractionArea
from schedulers.latent import LatentBatch

LATENT_KEYS = ("samples", "noise_mask", "batch_index")
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


def to_pack(value: Any) -> Any:
    """A value of ours in the form that packs expect; lists are turned over item by item, the rest stays."""
    if isinstance(value, LatentBatch):
        return latent_to_dict(value)
    if is_conditioning(value):
        return conditioning_to_list(value)
    if type(value) is list:
        return [to_pack(item) for item in value]
    return value


def from_pack(value: Any, socket: str) -> Any:
    """A value that a pack gave to an output of this type, in our form."""
    if isinstance(value, ExecutionBlocker):
        return Blocked(value.message)
    kinds = {kind.strip() for kind in socket.split(",")}
    if (kinds & {"LATENT", "*"}) and _is_latent(value):
        return latent_from_dict(value)
    if (kinds & {"CONDITIONING", "*"}) and _is_pairs(value):
        return conditioning_from_list(value)
    if kinds == {"CONDITIONING"} and isinstance(value, list | tuple) and not value:
        return ()
    return value


def latent_to_dict(latent: LatentBatch) -> dict[str, Any]:
    """A latent as packs know it; every call gives a new dictionary."""
    data: dict[str, Any] = {"samples": latent.samples, **latent.extra}
    if latent.noise_mask is not None:
        data["noise_mask"] = latent.noise_mask
    if latent.batch_index is not None:
        data["batch_index"] = list(latent.batch_index)
    return data


def latent_from_dict(data: Mapping[str, Any]) -> LatentBatch:
    """A latent from the form of packs; keys that we do not know travel along."""
    index = data.get("batch_index")
    samples = data["samples"]
    return LatentBatch(
        samples=(samples.detach() if samples.requires_grad else samples).to("cpu", float32),
        noise_mask=data.get("noise_mask"),
        batch_index=None if index is None else tuple(int(number) for number in index),
        extra={key: value for key, value in data.items() if key not in LATENT_KEYS},
    )


def is_conditioning(value: Any) -> TypeGuard[ConditioningValue]:
    """Whether a value is a list of prompts in our form."""
    return isinstance(value, tuple) and bool(value) and all(isinstance(entry, Entry) for entry in value)


def conditioning_to_list(value: ConditioningValue) -> list[list[Any]]:
    """Prompts as packs know them: pairs of an embedding and a dictionary."""
    return [[entry.embedding, _entry_to_dict(entry)] for entry in value]


def conditioning_from_list(pairs: Sequence[Sequence[Any]]) -> ConditioningValue:
    """Prompts from the form of packs; keys that we do not know travel along."""
    return tuple(_entry_from_pair(pair[0], pair[1]) for pair in pairs)


def _entry_to_dict(entry: Entry) -> dict[str, Any]:
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


def _entry_from_pair(embedding: Tensor, data: Mapping[str, Any]) -> Entry:
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


def _is_latent(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("samples"), Tensor)


def _is_pairs(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and bool(value)
        and all(
            isinstance(pair, list | tuple)
            and len(pair) == 2
            and isinstance(pair[0], Tensor)
            and isinstance(pair[1], dict)
            for pair in value
        )
    )


def output_reader(socket: str, is_list: bool) -> Callable[[Any], Any]:
    """What turns the values of one output over."""
    if not is_list:
        return lambda value: from_pack(value, socket)

    def read_items(value: Any) -> Any:
        if isinstance(value, ExecutionBlocker):
            return [Blocked(value.message)]
        return [from_pack(item, socket) for item in value]

    return read_items

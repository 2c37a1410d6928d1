"""How do latents and prompts look to packs? As dictionaries and lists of pairs; here they are turned over."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeGuard

from torch import Tensor, float32

from custom_nodes.host.graph_builder import ExecutionBlocker
from nodes.api.results import Blocked
from schedulers.conditioning import ConditioningValue, Entry
from schedulers.entry_fields import entry_of, fields_of
from schedulers.latent import LatentBatch

LATENT_KEYS = ("samples", "noise_mask", "batch_index")


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
    return [[entry.embedding, fields_of(entry)] for entry in value]


def conditioning_from_list(pairs: Sequence[Sequence[Any]]) -> ConditioningValue:
    """Prompts from the form of packs; keys that we do not know travel along."""
    return tuple(entry_of(pair[0], pair[1]) for pair in pairs)


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

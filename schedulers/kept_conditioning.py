"""What of a CONDITIONING is kept in a file: tensors by name, and the rest as JSON beside them.

One entry is written as the ecosystem does: its embedding under "conditioning", other tensors under the names
of their fields, lists of tensors as "name.0", "name.1", ..., the rest under "conditioning_options" in the
metadata. Of several entries, names begin with "0/", "1/", ..., and the options are a list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from schedulers.conditioning import ConditioningValue, Entry
from schedulers.entry_fields import entry_of, fields_of

EMBEDDING = "conditioning"
OPTIONS = "conditioning_options"

_NUMBERED = re.compile(r"(?P<name>.+)\.(?P<number>\d+)")
_OF_ENTRY = re.compile(r"(?P<entry>\d+)/(?P<name>.+)")
_NUMBERS = ("strength", "mask_strength", "start_percent", "end_percent")
_TENSORS = ("pooled_output", "mask")


def kept(conditioning: ConditioningValue) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a conditioning (on the CPU, in memory of their own), and the metadata beside them.

    Raises:
        ValueError: there is no entry, or one carries what is neither tensor, number, text nor a list of such.
    """
    if not conditioning:
        raise ValueError("the conditioning has no entry, so there is nothing to save")
    tensors: dict[str, Tensor] = {}
    options: list[dict[str, Any]] = []
    for index, entry in enumerate(conditioning):
        options.append({})
        prefix = f"{index}/" if len(conditioning) > 1 else ""
        tensors[prefix + EMBEDDING] = entry.embedding
        for name, value in fields_of(entry).items():
            if isinstance(value, Tensor):
                tensors[prefix + _checked(name, index)] = value
            elif _is_list_of_tensors(value):
                tensors |= {f"{prefix}{_checked(name, index)}.{at}": one for at, one in enumerate(value)}
            elif _is_plain(value):
                options[index][name] = value
            elif value is not None:
                raise ValueError(
                    f"entry {index + 1} of the conditioning carries {name!r} ({type(value).__name__}), which "
                    "cannot be kept in a file: only tensors, numbers, texts and lists of them can; save it "
                    "before that is added"
                )
    own = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    return own, {OPTIONS: json.dumps(options if len(conditioning) > 1 else options[0])}


def restored(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> ConditioningValue:
    """The conditioning of tensors and metadata as `kept` gives them, or other programs write them.

    Raises:
        ValueError: they are none; says what is missing or out of order.
    """
    try:
        options = json.loads(metadata.get(OPTIONS, "{}"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{OPTIONS} are no JSON: {error}") from error
    if EMBEDDING in tensors:
        return (_entry(tensors, options),)
    entries: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if found := _OF_ENTRY.fullmatch(name):
            entries.setdefault(int(found["entry"]), {})[found["name"]] = tensor
    if sorted(entries) != list(range(len(entries))) or not entries:
        raise ValueError(f"there is no {EMBEDDING!r}, but {', '.join(sorted(tensors)[:8]) or 'nothing'}")
    said = options if isinstance(options, list) else []
    return tuple(_entry(entries[at], said[at] if at < len(said) else {}) for at in range(len(entries)))


def _entry(tensors: Mapping[str, Tensor], options: Any) -> Entry:
    """The entry of tensors by their names without a prefix, and its options."""
    embedding = tensors.get(EMBEDDING)
    if embedding is None or embedding.ndim != 3 or not embedding.is_floating_point():
        found = "nothing" if embedding is None else f"{embedding.dtype} of {tuple(embedding.shape)}"
        raise ValueError(f"{EMBEDDING!r} must be numbers of three dimensions, but it is {found}")
    if not isinstance(options, dict):
        raise ValueError(f"{OPTIONS} must be names with values, but they are {options!r:.60}")
    fields: dict[str, Any] = dict(options)
    listed: dict[str, dict[int, Tensor]] = {}
    for name, tensor in tensors.items():
        if numbered := _NUMBERED.fullmatch(name):
            listed.setdefault(numbered["name"], {})[int(numbered["number"])] = tensor
        elif name != EMBEDDING:
            fields[name] = tensor
    fields |= {name: [by_number[at] for at in sorted(by_number)] for name, by_number in listed.items()}
    for name in _NUMBERS:
        if name in fields and not isinstance(fields[name], int | float):
            raise ValueError(f"{name!r} must be a number, but it is {fields[name]!r:.60}")
    for name in _TENSORS:
        if name in fields and not isinstance(fields[name], Tensor):
            raise ValueError(f"{name!r} must be a tensor, but it is {fields[name]!r:.60}")
    try:
        return entry_of(embedding, fields)
    except TypeError as error:
        raise ValueError(f"its area is {fields['area']!r:.60}: {error}") from error


def _checked(name: str, index: int) -> str:
    """The name of a field, if it cannot be taken for another."""
    if name == EMBEDDING or _NUMBERED.fullmatch(name):
        raise ValueError(
            f"entry {index + 1} of the conditioning has a field {name!r}, a name kept for others"
        )
    return name


def _is_list_of_tensors(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(one, Tensor) for one in value)


def _is_plain(value: Any) -> bool:
    """Whether JSON keeps a value."""
    if isinstance(value, list | tuple):
        return all(_is_plain(one) for one in value)
    return isinstance(value, bool | int | float | str)

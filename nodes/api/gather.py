"""Puts the inputs of a call together where one parameter stands for several of them.

A union of frozen dataclasses is a drop-down. Each class is one of its words, which it has as `key`, and its
fields are the inputs that the word brings. A dictionary by name grows with what is linked. A list of a frozen
dataclass without a `key` is rows of its fields.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING as NO_DEFAULT
from dataclasses import Field, fields, is_dataclass
from functools import wraps
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from nodes.api.dynamic import rows_present
from nodes.api.errors import NodeError
from nodes.api.spec import MISSING
from nodes.api.widgets import Grow

Taker = Callable[[str, dict[str, Any]], Any]
"""Takes what belongs to a name out of the flat inputs and gives the argument; MISSING if nothing is there."""


def is_variant(annotation: Any) -> bool:
    """Whether an annotation is a dataclass that is one word of a drop-down."""
    return isinstance(annotation, type) and is_dataclass(annotation) and hasattr(annotation, "key")


def variants_of(annotation: Any) -> tuple[type, ...]:
    """The words of a drop-down that brings inputs, or nothing if the annotation is something else."""
    base = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    members = get_args(base) if get_origin(base) in (Union, UnionType) else (base,)
    present = tuple(member for member in members if member is not type(None))
    return present if present and all(is_variant(member) for member in present) else ()


def row_of(annotation: Any) -> type | None:
    """The dataclass whose fields are the inputs of each row, or None if the annotation is something else."""
    base = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    if get_origin(base) is not list:
        return None
    (row,) = get_args(base)
    return row if isinstance(row, type) and is_dataclass(row) and not is_variant(row) else None


def grow_of(annotation: Any) -> Grow:
    """How many rows or sockets an annotation allows."""
    marks = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    return next((mark for mark in marks if isinstance(mark, Grow)), Grow())


def has_default(entry: "Field[Any]") -> bool:
    """Whether a field of a dataclass may be left out."""
    return entry.default is not NO_DEFAULT


def gathering(function: Callable[..., Any], hints: Mapping[str, Any]) -> Callable[..., Any]:
    """The function as the engine calls it, with one keyword for each input of the graph, named in full."""
    takers = {name: taker for name, hint in hints.items() if name != "return" and (taker := _taker(hint))}
    if not takers:
        return function

    @wraps(function)
    def gathered(*values: Any, **inputs: Any) -> Any:
        found = {name: taker(name, inputs) for name, taker in takers.items()}
        return function(
            *values, **inputs, **{name: value for name, value in found.items() if value is not MISSING}
        )

    return gathered


def _taker(hint: Any) -> Taker | None:
    variants = variants_of(hint)
    if variants:
        return _take_variant(variants)
    if (row := row_of(hint)) is not None:
        return _take_rows(row, grow_of(hint).maximum)
    base = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    return _take_grown if get_origin(base) is dict else None


def _take_grown(name: str, flat: dict[str, Any]) -> Any:
    """The values under a name, in the order of their numbers or of the alphabet."""
    stem = f"{name}."
    names = sorted((full for full in flat if full.startswith(stem)), key=_order)
    return {full.removeprefix(stem): flat.pop(full) for full in names}


def _take_rows(row: type, most: int) -> Taker:
    def take(name: str, flat: dict[str, Any]) -> list[Any]:
        numbers = rows_present(name, flat)
        if numbers and numbers[-1] >= most:
            raise NodeError(f"{name} has a row {numbers[-1] + 1}, but there may be {most} at most")
        found = []
        for number in numbers:
            stem = f"{name}.{number}."
            given = {full.removeprefix(stem): flat.pop(full) for full in list(flat) if full.startswith(stem)}
            found.append(
                row(**{field.name: given[field.name] for field in fields(row) if field.name in given})
            )
        return found

    return take


def _order(name: str) -> tuple[int, str]:
    number = name[len(name.rstrip("0123456789")) :]
    return (int(number) if number else -1, name)


def _take_variant(variants: Sequence[type]) -> Taker:
    words = [vars(variant)["key"] for variant in variants]
    takers = [_field_takers(variant) for variant in variants]

    def take(name: str, flat: dict[str, Any]) -> Any:
        if name not in flat:
            return MISSING
        word = flat.pop(name)
        if word not in words:
            raise NodeError(f"{name} must be one of {', '.join(map(repr, words))}, not {word!r}")
        chosen = words.index(word)
        values = {}
        for entry, taker in takers[chosen]:
            full = f"{name}.{entry.name}"
            value = taker(full, flat) if taker else flat.pop(full, MISSING)
            if value is not MISSING:
                values[entry.name] = value
            elif not has_default(entry):
                raise NodeError(f"{name} is {word!r}, which needs {full}")
        for stranger in [full for full in flat if full.startswith(f"{name}.")]:
            del flat[stranger]
        return variants[chosen](**values)

    return take


def _field_takers(variant: type) -> "list[tuple[Field[Any], Taker | None]]":
    hints = get_type_hints(variant, include_extras=True)
    return [(entry, _taker(hints[entry.name])) for entry in fields(variant)]

"""Calculates with numbers and converts other values to numbers."""

import math
import string
from typing import Annotated, NamedTuple

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.widgets import Grow, Text
from nodes.logic.expression import evaluate


class Numbers(NamedTuple):
    """One value as a number, as a whole number, and as yes or no."""

    FLOAT: float
    INT: int
    BOOL: bool


class Converted(NamedTuple):
    """One value as a number and as a whole number."""

    FLOAT: float
    INT: int


@node(id="ComfyMathExpression", display_name="Math Expression", category="utils")
def calculate(
    expression: Annotated[str, Text(dynamic_prompts=False)] = "a + b",
    *,
    values: Annotated[dict[str, float | int | bool], Grow(names=tuple(string.ascii_lowercase))],
) -> Numbers:
    """Work out a formula.

    Args:
        expression: as in Python, with the variables a to z and `values`, the list of all of them; functions
            are sum min max abs round pow sqrt ceil floor log log2 log10 sin cos tan int float.
        values: numbers; the first socket is a, the next b.
    """
    value = evaluate(expression, {**values, "values": list(values.values())})
    try:
        return Numbers(float(value), int(value), bool(value))
    except OverflowError as error:
        raise NodeError(f"the value of {expression!r} is too large") from error


@node(id="ComfyNumberConvert", display_name="Convert Number", category="utils")
def convert(value: int | float | str | bool) -> Converted:
    """Turn a value into a number.

    Args:
        value: a number, a text that reads as one, or yes (1) or no (0); whole numbers are cut, not rounded.
    """
    number: float | int
    if isinstance(value, str):
        number = _read(value)
    elif isinstance(value, bool | int | float):
        number = int(value) if isinstance(value, bool) else value
    else:
        raise NodeError(f"{type(value).__name__} cannot be turned into a number")
    if not math.isfinite(number):
        raise NodeError(f"{value!r} is not a finite number")
    return Converted(float(number), int(number))


def _read(text: str) -> int | float:
    """Return the number that a text says; whole numbers keep all their digits."""
    if not text.strip():
        raise NodeError("an empty text is not a number")
    for kind in (int, float):
        try:
            return kind(text.strip())
        except ValueError:
            continue
    raise NodeError(f"{text!r} is not a number")

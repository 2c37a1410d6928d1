"""Reads and writes texts with a structure: JSON, and templates with values in them."""

import json
import re
import string
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import Socket
from nodes.api.widgets import Grow, Hint, Range
from nodes.text.strings import Line, Lines

WIDEST = 10_000

Array = Annotated[Any, Socket("ARRAY")]
Dictionary = Annotated[Any, Socket("DICT")]
Indent = Annotated[int, Range(0, 8), Hint(optional=True)]


@node(
    id="JsonExtractString",
    display_name="Extract Text from JSON",
    category="utils/string",
    outputs=("output",),
)
def extract(json_string: Lines, key: Line) -> str:
    """Read one value out of the first JSON object in a text.

    Args:
        json_string: any text with `{...}` somewhere in it.
        key: the name of the value; the result is empty if it is null or not there.
    """
    value = first_object(json_string).get(key)
    return "" if value is None else str(value)


def first_object(text: str) -> Mapping[str, Any]:
    """Return the first JSON object that stands anywhere in a text; an empty one if there is none."""
    decoder = json.JSONDecoder()
    for brace in re.finditer(r"\{", text):
        try:
            found, _ = decoder.raw_decode(text, brace.start())
        except (ValueError, RecursionError):
            continue
        return dict(found)
    return {}


class _Template(string.Formatter):
    """Python's format strings without a way into the values, and without endless padding."""

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        if field_name not in kwargs:
            known = ", ".join(kwargs) or "none"
            raise NodeError(f"there is no value {field_name!r} for the text; linked are: {known}")
        return kwargs[field_name], field_name

    def format_field(self, value: Any, format_spec: str) -> str:
        if any(int(number) > WIDEST for number in re.findall(r"\d+", format_spec)):
            raise NodeError(f"{format_spec!r} asks for more than {WIDEST} characters")
        return str(super().format_field(value, format_spec))


@node(id="StringFormat", display_name="Format Text", category="utils/string")
def fill_in(
    f_string: Lines = "{a}",
    *,
    values: Annotated[dict[str, str], Grow(names=tuple(string.ascii_lowercase))],
) -> str:
    """Put texts into a template.

    Args:
        f_string: a text in which {a} stands for the first value, {b} for the second; {{ is a brace.
        values: texts; the first socket is a, the next b.
    """
    try:
        return _Template().vformat(f_string, (), values)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise NodeError(f"the template {f_string[:100]!r} cannot be filled in: {error}") from error


@node(id="ConvertArrayToString", display_name="Convert Array to String", category="utils/string")
def array_to_text(array: Array, indent: Indent = 2) -> str:
    """Write an array as JSON.

    Args:
        array: a list of anything that JSON knows.
        indent: spaces for each level; 0 writes one line.
    """
    return _written(array, indent)


@node(id="ConvertDictionaryToString", display_name="Convert Dictionary to String", category="utils/string")
def dictionary_to_text(dictionary: Dictionary, indent: Indent = 2) -> str:
    """Write a dictionary as JSON.

    Args:
        dictionary: names with anything that JSON knows.
        indent: spaces for each level; 0 writes one line.
    """
    return _written(dictionary, indent)


def _written(value: Any, indent: int) -> str:
    try:
        return json.dumps(value, indent=indent or None, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise NodeError(f"this cannot be written as JSON: {error}") from error

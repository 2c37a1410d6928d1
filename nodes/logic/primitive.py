"""Gives single values a node of their own, so that several inputs can share them."""

from typing import Annotated

from nodes.api.declare import node
from nodes.api.widgets import Range, Text

LARGEST = 2**63 - 1


@node(id="PrimitiveString", display_name="String", category="utils/primitive")
def string(value: Annotated[str, Text(multiline=False, dynamic_prompts=False)]) -> str:
    """Give a line of text.

    Args:
        value: the text.
    """
    return value


@node(id="PrimitiveStringMultiline", display_name="String (Multiline)", category="utils/primitive")
def string_multiline(value: Annotated[str, Text(dynamic_prompts=False)]) -> str:
    """Give a text of several lines.

    Args:
        value: the text.
    """
    return value


@node(id="PrimitiveInt", display_name="Int", category="utils/primitive")
def integer(value: Annotated[int, Range(-LARGEST, LARGEST, extra={"control_after_generate": True})]) -> int:
    """Give a whole number.

    Args:
        value: the number.
    """
    return value


@node(id="PrimitiveFloat", display_name="Float", category="utils/primitive")
def real(value: Annotated[float, Range(-LARGEST, LARGEST, step=0.1)]) -> float:
    """Give a number.

    Args:
        value: the number.
    """
    return value


@node(id="PrimitiveBoolean", display_name="Boolean", category="utils/primitive")
def boolean(value: bool) -> bool:
    """Give yes or no.

    Args:
        value: the answer.
    """
    return value

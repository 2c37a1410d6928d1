"""Shows any value as text."""

import json

from nodes.api.context import Context
from nodes.api.declare import node
from nodes.api.sockets import AnyValue


def as_text(value: object) -> str:
    """Return a value as a person reads it: texts as they are, structures as indented JSON."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool | int | float):
        return str(value)
    try:
        return json.dumps(value, indent=4)
    except (TypeError, ValueError, RecursionError):
        return str(value)


@node(
    id="PreviewAny", display_name="Preview as Text", category="utils", output_node=True, unlisted=("STRING",)
)
def preview(ctx: Context, source: AnyValue) -> str:
    """Show a value of any type as text.

    Args:
        source: the value.
    """
    text = as_text(source)
    ctx.show("text", [text])
    return text

"""A node as a pack brings one, with a check of its own."""

from nodes.api.context import Context
from nodes.api.declare import node


def check(text: str) -> str | None:
    return f"{text} is never right" if text == "wrong" else None


@node(id="ToyPicky", category="toys", output_node=True, validate=check)
def toy_picky(ctx: Context, text: str) -> None:
    """Show a text that it likes."""
    ctx.show("text", [text])

"""Chooses one of many inputs by its name."""

from typing import Annotated, Any

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import AnyValue, Lazy, Socket
from nodes.api.widgets import Grow

PREFIX = "branch"
UNNAMED: list[str] = []

Branches = Annotated[dict[str, Lazy[AnyValue]], Grow(prefix=PREFIX, minimum=1, maximum=32)]
Names = Annotated[Any, Socket("ARRAY")]


def numbered(branch: str, names: list[str], linked: list[str]) -> str:
    """Return the input that a branch's name stands for: the name of a socket, or one that a person gave it.

    Raises:
        NodeError: there is none of that name, or nothing is linked there.
    """
    chosen = f"{PREFIX}{names.index(branch)}" if branch in names else branch
    if chosen not in linked:
        known = ", ".join(names or linked)
        reason = "nothing is linked to it" if branch in names else f"there are {known or 'none'}"
        raise NodeError(f"there is no branch {branch!r} to pass on: {reason}")
    return chosen


@node(id="BranchNode", display_name="Branch", category="logic", experimental=True, outputs=("output",))
async def branch(*, autogrow: Branches, branch: str = "", branch_names: Names = UNNAMED) -> AnyValue:
    """Pass one of many inputs on; the others are never computed.

    Args:
        autogrow: what may be passed on.
        branch: the name of the one that is.
        branch_names: the names of the inputs, in their order.
    """
    names = [str(name) for name in branch_names]
    return await autogrow[numbered(branch, names, list(autogrow))]

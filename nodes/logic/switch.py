"""Chooses between two inputs."""

from typing import TypeVar

from nodes.api.declare import node
from nodes.api.sockets import Lazy

T = TypeVar("T")


@node(id="ComfySwitchNode", display_name="Switch", category="logic", experimental=True, outputs=("output",))
async def switch(switch: bool, on_false: Lazy[T], on_true: Lazy[T]) -> T:
    """Pass one of two inputs on; the other is never computed.

    Args:
        switch: which one.
        on_false: passed on when the switch is off.
        on_true: passed on when the switch is on.
    """
    return await (on_true if switch else on_false)

"""Chooses between inputs, and decides by what is true."""

from typing import Annotated, TypeVar

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import AnyValue, Lazy
from nodes.api.widgets import Grow

T = TypeVar("T")

AnyValues = Annotated[dict[str, AnyValue], Grow(prefix="value", minimum=1, maximum=100)]


@node(id="ComfySwitchNode", display_name="Switch", category="logic", experimental=True, outputs=("output",))
async def switch(switch: bool, on_false: Lazy[T], on_true: Lazy[T]) -> T:
    """Pass one of two inputs on; the other is never computed.

    Args:
        switch: which one.
        on_false: passed on when the switch is off.
        on_true: passed on when the switch is on.
    """
    return await (on_true if switch else on_false)


@node(
    id="ComfySoftSwitchNode",
    display_name="Soft Switch",
    category="logic",
    experimental=True,
    outputs=("output",),
)
async def soft_switch(switch: bool, on_false: Lazy[T] | None = None, on_true: Lazy[T] | None = None) -> T:
    """Pass one of two inputs on, or the only one there is.

    Args:
        switch: which one, where both are linked.
        on_false: passed on when the switch is off, or nothing else is linked.
        on_true: passed on when the switch is on, or nothing else is linked.
    """
    wanted, other = (on_true, on_false) if switch else (on_false, on_true)
    chosen = other if wanted is None else wanted
    if chosen is None:
        raise NodeError("neither on_false nor on_true is linked")
    return await chosen


@node(id="ComfyNotNode", display_name="Not", category="logic", outputs=("output",))
def invert(value: AnyValue) -> bool:
    """Say whether a value is false: no, 0, an empty text or an empty list.

    Args:
        value: anything.
    """
    return not _is_true(value)


@node(id="ComfyAndNode", display_name="And", category="logic")
def every(values: AnyValues) -> bool:
    """Say whether all values are true.

    Args:
        values: anything; false are no, 0, an empty text and an empty list.
    """
    return all(map(_is_true, _given(values)))


@node(id="ComfyOrNode", display_name="Or", category="logic")
def some(values: AnyValues) -> bool:
    """Say whether at least one value is true.

    Args:
        values: anything; false are no, 0, an empty text and an empty list.
    """
    return any(map(_is_true, _given(values)))


def _given(values: dict[str, object]) -> list[object]:
    if not values:
        raise NodeError("nothing is linked")
    return list(values.values())


def _is_true(value: object) -> bool:
    try:
        return bool(value)
    except (ValueError, RuntimeError) as error:
        raise NodeError(f"a {type(value).__name__} is neither true nor false: {error}") from error

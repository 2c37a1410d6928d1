"""Makes lists, which later nodes go through one by one, and picks from them."""

from typing import Annotated, TypeVar

from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.sockets import AnyValue
from nodes.api.widgets import Grow, Range

T = TypeVar("T")

LARGEST = 2**31 - 1


@node(id="CreateList", display_name="Create List", category="utils", outputs=("list",))
def create(inputs: Annotated[dict[str, list[AnyValue]], Grow(maximum=100)]) -> list[AnyValue]:
    """Join values and lists to one list.

    Args:
        inputs: anything, in the order of the sockets.
    """
    return [value for values in inputs.values() for value in values]


@node(id="GetItemFromList", display_name="Get Item From List", category="utils", outputs=("OUTPUT",))
def pick(
    list: list[T],  # noqa: A002 - the name that saved workflows know
    index: Annotated[int, Range(-LARGEST, LARGEST)] = 0,
) -> T:
    """Pick one value of a list.

    Args:
        list: any values.
        index: its place, counted from 0; negative numbers count from the end.
    """
    if not -len(list) <= index < len(list):
        raise NodeError(f"index {index} is not in a list of {len(list)}")
    return list[index]

"""What the calls of one instance gave: values, graphs to run in their place, things to show."""

import json
from collections.abc import Mapping
from typing import Any

from executor.graph.workflow import Link
from executor.run.cache import Many, Outcome
from executor.run.call import Held
from executor.run.digests import digest
from executor.run.growth import read
from nodes.api.declare import Node
from nodes.api.errors import NodeError
from nodes.api.results import Blocked, Expansion, Shown
from nodes.api.spec import OutputSpec


class Answers:
    """The results of the calls so far, in their order.

    rows: one value for each output; a `Link` stands for what a graph will give.
    graphs: what the calls want to run in their place.
    calls: how many were made.
    messages: why calls were not made, each reason once.
    """

    __slots__ = ("calls", "graphs", "is_mapped", "messages", "node", "rows", "ui")

    def __init__(self, node: Node, is_mapped: bool) -> None:
        self.node = node
        self.is_mapped = is_mapped
        self.calls = 0
        self.rows: list[tuple[Any, ...]] = []
        self.graphs: list[Mapping[str, Mapping[str, Any]]] = []
        self.messages: dict[str, None] = {}
        self.ui: dict[str, list[Any]] = {}

    def take(self, result: Any) -> None:
        """Add the result of the next call; raises NodeError when it is not what the node declares."""
        kind = type(result)
        self.calls += kind is not Held
        if kind is Held or kind is Blocked:
            if kind is Held and result.message is not None:
                self.messages[result.message] = None
            message = result.message if kind is Blocked else None
            self.rows.append((Blocked(message),) * len(self.node.spec.outputs))
        elif kind is Shown:
            self.show(result.ui)
            self.rows.append(self.complete(result.results))
        elif kind is Expansion:
            self.show(result.ui or {})
            self.graphs.append(result.graph)
            self.rows.append(tuple(read_link(value) for value in self.complete(result.results)))
        else:
            self.rows.append(read_result(self.node, result))

    def complete(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        """Values that came with something else: none at all are as many times nothing."""
        outputs = self.node.spec.outputs
        return check(self.node, tuple(values)) if values or not outputs else (None,) * len(outputs)

    def show(self, ui: Mapping[str, Any]) -> None:
        """Add to what the page shows on the node."""
        for key, items in ui.items():
            several = items if isinstance(items, list | tuple) else [items]
            self.ui.setdefault(key, []).extend(several)

    def links(self) -> list[Link]:
        """The results that are still to be computed."""
        return [value for row in self.rows for value in row if type(value) is Link]

    def resolve(self, outcomes: Mapping[str, Outcome]) -> None:
        """Put the computed results in place of the links."""
        outputs = self.node.spec.outputs
        self.rows = [
            tuple(
                value_of(value, output, outcomes) if type(value) is Link else value
                for value, output in zip(row, outputs, strict=True)
            )
            for row in self.rows
        ]

    def outcome(self, shown: Mapping[str, list[Any]], content: str) -> Outcome:
        """The outcome of all calls, with what the node showed by way of its context."""
        if shown:
            try:
                json.dumps(shown)
            except (TypeError, ValueError) as error:
                raise NodeError(
                    f"{self.node.spec.id} shows something that cannot be sent: {error}"
                ) from error
            self.show(shown)
        ui = {key: tuple(items) for key, items in self.ui.items()} or None
        slots = gather(self.node, self.rows, self.is_mapped)
        return Outcome(slots, ui, content, tuple(map(digest, slots)))


def read_link(value: Any) -> Any:
    """A result of a graph: a link, also in its JSON form, or a value."""
    return value if type(value) is Link else read(value)


def value_of(link: Link, output: OutputSpec, outcomes: Mapping[str, Outcome]) -> Any:
    """What a link gives as a result; for a list output always a list."""
    slots = outcomes[link.node].slots
    if not 0 <= link.slot < len(slots):
        raise NodeError(f"a result is output {link.slot} of node {link.node}, which has {len(slots)}")
    value = slots[link.slot]
    return Many((value,)) if output.is_list and type(value) is not Many else value


def read_result(node: Node, result: Any) -> tuple[Any, ...]:
    """One value for each output; raises NodeError when there are more or fewer than declared."""
    outputs = node.spec.outputs
    if not outputs:
        return ()
    if result is None and node.spec.output_node:
        return (None,) * len(outputs)
    if not node.returns_tuple:
        values: tuple[Any, ...] = (result,)
    elif isinstance(result, tuple | list):
        values = tuple(result)
    else:
        raise NodeError(f"{node.spec.id} declares {len(outputs)} outputs but returned {_name(result)}")
    return check(node, values)


def check(node: Node, values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values; raises NodeError when they are not as many and of the kinds that the node declares."""
    outputs = node.spec.outputs
    if len(values) != len(outputs):
        raise NodeError(f"{node.spec.id} declares {len(outputs)} outputs but returned {len(values)}")
    for output, value in zip(outputs, values, strict=True):
        if output.is_list and not isinstance(value, list | tuple | Blocked):
            raise NodeError(f"{node.spec.id}: the output {output.name} is a list but got {_name(value)}")
    return values


def gather(node: Node, rows: list[tuple[Any, ...]], is_mapped: bool) -> tuple[Any, ...]:
    """The slots of an outcome, from one tuple of values for each call; list outputs are joined."""
    slots: list[Any] = []
    for index, output in enumerate(node.spec.outputs):
        values: list[Any] = []
        is_many = is_mapped or output.is_list
        for row in rows:
            value = row[index]
            if type(value) is Many:
                is_many = True
                values.extend(value.values)
            elif output.is_list and type(value) is not Blocked:
                values.extend(value)
            else:
                values.append(value)
        slots.append(Many(tuple(values)) if is_many else values[0])
    return tuple(slots)


def _name(value: Any) -> str:
    return "nothing" if value is None else f"one {type(value).__name__}"

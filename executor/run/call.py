"""Calls a node: inputs are matched with parameters, lists are mapped over, results become outcomes."""

from collections.abc import Mapping
from copy import deepcopy
from itertools import takewhile
from typing import Any

from executor.graph.inputs import Slots
from executor.graph.workflow import Instance, Link
from executor.run.cache import Many, Outcome
from nodes.api.declare import Node
from nodes.api.errors import NodeError
from nodes.api.spec import InputSpec


class Plan:
    """How one instance is called: its literals and links by parameter, strict links in declared order."""

    __slots__ = ("growing", "instance", "lazy", "links", "literals", "node", "strict")

    def __init__(self, instance: Instance, node: Node, slots: Slots) -> None:
        self.instance = instance
        self.node = node
        self.literals: dict[str, Any] = {}
        self.strict: list[tuple[str, InputSpec, Link]] = []
        self.lazy: list[tuple[str, InputSpec, Any]] = []
        self.links: dict[str, Link] = dict(instance.links())
        self.growing: list[str] = []
        for name, entry, value in slots.present(instance.inputs):
            if entry.variadic:
                self.growing.append(name)
            if entry.lazy:
                self.lazy.append((name, entry, value))
            elif type(value) is Link:
                self.strict.append((name, entry, value))
            else:
                value = deepcopy(value) if isinstance(value, list | dict) else value
                self.literals[name] = [value] if entry.is_list else value

    @property
    def before_growing(self) -> list[tuple[str, Any]]:
        """The inputs that are passed by position because a growing one follows, with their defaults."""
        entries = takewhile(lambda entry: not entry.variadic, self.node.spec.inputs)
        return [(entry.name, entry.default) for entry in entries]


class Binding:
    """The inputs of one instance with their values: what is the same in each call, what is mapped over."""

    __slots__ = ("count", "fixed", "mapped", "plan")

    def __init__(self, plan: Plan, outcomes: Mapping[str, Outcome]) -> None:
        self.plan = plan
        self.fixed = dict(plan.literals)
        self.mapped: dict[str, tuple[Any, ...]] = {}
        for name, entry, link in plan.strict:
            value = slot_value(outcomes[link.node], link, plan.instance)
            if entry.is_list:
                self.fixed[name] = list(value.values) if type(value) is Many else [value]
            elif type(value) is Many:
                self.mapped[name] = value.values
            else:
                self.fixed[name] = value
        self.count = _calls(self.mapped)

    def arguments(self, index: int) -> dict[str, Any]:
        """The inputs of one call; a list that is shorter than others gives its last element again."""
        arguments = {
            name: value.copy() if type(value) is list else value for name, value in self.fixed.items()
        }
        for name, values in self.mapped.items():
            arguments[name] = values[min(index, len(values) - 1)]
        return arguments

    def call(self, arguments: dict[str, Any], context: Any) -> Any:
        """Call the function: the context first, what a growing input needs by position, the rest by name."""
        leading = [] if context is None else [context]
        if self.plan.growing:
            grown = [arguments.pop(name) for name in self.plan.growing]
            leading += [arguments.pop(name, default) for name, default in self.plan.before_growing]
            leading += grown
        return self.plan.node.function(*leading, **arguments)


def _calls(mapped: Mapping[str, tuple[Any, ...]]) -> int:
    """How often a node runs: as often as its longest list, and never if one of them is empty."""
    if not mapped:
        return 1
    lengths = [len(values) for values in mapped.values()]
    return 0 if 0 in lengths else max(lengths)


def slot_value(outcome: Outcome, link: Link, instance: Instance) -> Any:
    """What one output of a producer holds."""
    if not 0 <= link.slot < len(outcome.slots):
        raise NodeError(
            f"{instance.label} is linked to output {link.slot} of node {link.node}, "
            f"which has {len(outcome.slots)}"
        )
    return outcome.slots[link.slot]


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
    if len(values) != len(outputs):
        raise NodeError(f"{node.spec.id} declares {len(outputs)} outputs but returned {len(values)}")
    for output, value in zip(outputs, values, strict=True):
        if output.is_list and not isinstance(value, list | tuple):
            raise NodeError(f"{node.spec.id}: the output {output.name} is a list but got {_name(value)}")
    return values


def gather(node: Node, results: list[tuple[Any, ...]], is_mapped: bool) -> tuple[Any, ...]:
    """The slots of an outcome, from one tuple of values for each call; list outputs are joined."""
    slots: list[Any] = []
    for index, output in enumerate(node.spec.outputs):
        values = [result[index] for result in results]
        if output.is_list:
            slots.append(Many(tuple(item for value in values for item in value)))
        elif is_mapped:
            slots.append(Many(tuple(values)))
        else:
            slots.append(values[0])
    return tuple(slots)


def _name(value: Any) -> str:
    return "nothing" if value is None else f"one {type(value).__name__}"

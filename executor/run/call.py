"""Calls a node: inputs are matched with parameters, and lists are mapped over."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from executor.graph.inputs import Slots
from executor.graph.workflow import Instance, Link
from executor.run.cache import Many, Outcome
from nodes.api.declare import Node
from nodes.api.errors import NodeError
from nodes.api.results import Blocked
from nodes.api.spec import InputSpec


@dataclass(frozen=True, slots=True)
class Held:
    """In place of the result of a call that was not made."""

    message: str | None


class Plan:
    """How one instance is called: its literals and links by parameter, strict links in declared order.

    strict: links whose results must be there before it runs, in declared order.
    asked: lazy links of a node that says which of them it wants; they join the strict ones when wanted.
    lazy: lazy inputs of an async function, which awaits those it wants.
    unwanted: lazy links that were neither asked for nor awaited.
    raw: inputs that get the link itself, [node, slot].
    """

    __slots__ = (
        "asked",
        "growing",
        "instance",
        "lazy",
        "links",
        "literals",
        "node",
        "raw",
        "strict",
        "unwanted",
    )

    def __init__(self, instance: Instance, node: Node, slots: Slots) -> None:
        self.instance = instance
        self.node = node
        self.literals: dict[str, Any] = {}
        self.strict: list[tuple[str, InputSpec, Link]] = []
        self.asked: dict[str, tuple[InputSpec, Link]] = {}
        self.lazy: list[tuple[str, InputSpec, Any]] = []
        self.raw: dict[str, list[Any]] = {}
        self.links: dict[str, Link] = dict(instance.links())
        self.growing: list[str] = []
        gives_awaitables = node.is_async and node.lazy_status is None
        for name, entry, value in slots.present(instance.inputs):
            if entry.variadic:
                self.growing.append(name)
            if entry.lazy and gives_awaitables:
                self.lazy.append((name, entry, value))
            elif type(value) is Link:
                if entry.lazy:
                    self.asked[name] = (entry, value)
                else:
                    self.strict.append((name, entry, value))
                if entry.options.get("rawLink"):
                    self.raw[name] = [value.node, value.slot]
            else:
                self.literals[name] = [copied(value)] if self.is_list(entry) else copied(value)
        self.unwanted: set[str] = set()
        self.want_nothing()

    def want_nothing(self) -> None:
        """Begin with no lazy input wanted."""
        self.unwanted = {name for name, _, _ in self.lazy if name in self.links} | self.asked.keys()

    def is_list(self, entry: InputSpec) -> bool:
        """Whether an input takes a whole list."""
        return entry.is_list or self.node.spec.wants_list

    def want(self, names: Iterable[str]) -> dict[str, Link]:
        """Make lazy inputs wanted ones; gives those that were not yet. What was asked for becomes strict."""
        found = {}
        for name in names:
            if name not in self.links:
                raise NodeError(f"{self.instance.label} asks for the input {name}, which is not linked")
            if name in self.asked:
                self.strict.append((name, *self.asked.pop(name)))
            if name in self.unwanted:
                self.unwanted.remove(name)
                found[name] = self.links[name]
        return found

    @property
    def before_growing(self) -> list[tuple[str, Any]]:
        """The inputs that are passed by position because a growing one follows, with their defaults."""
        entries = takewhile(lambda entry: not entry.variadic, self.node.spec.inputs)
        return [(entry.name, entry.default) for entry in entries]


class Binding:
    """The inputs of one instance with their values: what is the same in each call, what is mapped over.

    A node that takes single values runs once for each element of its longest list; shorter lists give their
    last element again. An empty list means no calls, and results that are empty lists.
    """

    __slots__ = ("count", "fixed", "holds_back", "mapped", "plan")

    def __init__(self, plan: Plan, outcomes: Mapping[str, Outcome]) -> None:
        self.plan = plan
        self.fixed = dict(plan.literals)
        self.mapped: dict[str, tuple[Any, ...]] = {}
        for name, entry, link in plan.strict:
            if name in plan.raw:
                self.fixed[name] = [plan.raw[name]] if plan.is_list(entry) else plan.raw[name]
                continue
            value = slot_value(outcomes[link.node], link, plan.instance)
            if plan.is_list(entry):
                self.fixed[name] = list(value.values) if type(value) is Many else [value]
            elif type(value) is Many:
                self.mapped[name] = value.values
            else:
                self.fixed[name] = value
        for name, (entry, _) in plan.asked.items():
            self.fixed[name] = [None] if plan.is_list(entry) else None
        self.count = _calls(self.mapped)
        self.holds_back = any(
            type(value) is Blocked or (type(value) is list and _has_blocked(value))
            for value in self.fixed.values()
        ) or any(_has_blocked(values) for values in self.mapped.values())

    def arguments(self, index: int) -> dict[str, Any]:
        """The inputs of one call; a list that is shorter than others gives its last element again."""
        arguments = {
            name: value.copy() if type(value) is list else value for name, value in self.fixed.items()
        }
        for name, values in self.mapped.items():
            arguments[name] = values[min(index, len(values) - 1)]
        return arguments

    def held(self, arguments: Mapping[str, Any]) -> "Held | None":
        """Why a call must not be made, if something in its inputs says so."""
        if not self.holds_back:
            return None
        for value in arguments.values():
            for entry in value if type(value) is list else (value,):
                if type(entry) is Blocked:
                    return Held(entry.message)
        return None

    def call(self, arguments: dict[str, Any], context: Any) -> Any:
        """Call the function: the context first, what a growing input needs by position, the rest by name."""
        leading = [context] if self.plan.node.wants_context else []
        if self.plan.growing:
            grown = [arguments.pop(name) for name in self.plan.growing]
            leading += [arguments.pop(name, default) for name, default in self.plan.before_growing]
            leading += grown
        return self.plan.node.function(*leading, **arguments)


def copied(value: Any) -> Any:
    """A literal that a node may change: lists and dictionaries are copied, what is in them is not."""
    if type(value) is list:
        return [copied(entry) for entry in value]
    if type(value) is dict:
        return {key: copied(entry) for key, entry in value.items()}
    return value


def _has_blocked(values: Iterable[Any]) -> bool:
    return any(type(value) is Blocked for value in values)


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

"""Matches the inputs of an instance with those its node declares, growing inputs included."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from executor.graph.workflow import Graph, Instance, Link, MalformedLink
from nodes.api.dynamic import is_dynamic, live_inputs
from nodes.api.spec import MISSING, InputSpec, NodeSpec

NUMBER = re.compile(r"([0-9]{1,9})$")


class Slots:
    """The declared inputs of one node type, ready for many instances."""

    def __init__(self, spec: NodeSpec) -> None:
        self.spec = spec
        self.fixed = tuple((entry.name, entry) for entry in spec.inputs if not entry.variadic)
        self.growing = next((entry for entry in spec.inputs if entry.variadic), None)
        self.names = frozenset(entry.name for entry in spec.inputs)
        self.is_dynamic = is_dynamic(spec)
        self.output_types = tuple(entry.type for entry in spec.outputs)
        self.has_variables = any(entry.type_variable for entry in spec.inputs) or any(
            entry.type_variable for entry in spec.outputs
        )

    def declared(self, inputs: Mapping[str, Any]) -> tuple[tuple[str, InputSpec], ...]:
        """The declared inputs of an instance, but for a growing one; they may depend on what is filled in."""
        if not self.is_dynamic:
            return self.fixed
        return tuple((entry.name, entry) for entry in live_inputs(self.spec, inputs) if not entry.variadic)

    def present(self, inputs: Mapping[str, Any]) -> Iterator[tuple[str, InputSpec, Any]]:
        """(name, declaration, value) of every declared input that the instance has, in declared order."""
        for name, entry in self.declared(inputs):
            value = inputs.get(name, MISSING)
            if value is not MISSING and type(value) is not MalformedLink:
                yield name, entry, value
        if self.growing is not None:
            for name in self.grown(inputs):
                yield name, self.growing, inputs[name]
        if self.spec.undeclared_links:
            yield from self.undeclared(inputs)

    def undeclared(self, inputs: Mapping[str, Any]) -> Iterator[tuple[str, InputSpec, Any]]:
        """What a node that accepts it gets beyond its declaration: links, and values for hidden inputs.

        Other values are left away unless the node takes those too.
        """
        names = {name for name, _ in self.declared(inputs)} if self.is_dynamic else self.names
        for name in sorted(inputs.keys() - names):
            value = inputs[name]
            is_grown = self.growing is not None and name.startswith(f"{self.growing.name}.")
            is_taken = type(value) is Link or self.spec.undeclared_values or name in self.spec.hidden
            if not is_grown and is_taken:
                yield name, InputSpec(name, "*", "optional", is_list=self.spec.wants_list), value

    def grown(self, inputs: Mapping[str, Any]) -> list[str]:
        """The names under the growing input, in the order of their numbers: `images.image0`, ..."""
        assert self.growing is not None
        stem = self.growing.name
        names = [name for name in inputs if name == stem or name.startswith(f"{stem}.")]
        return sorted(names, key=_order)


def without_strangers(graph: Graph, spec_of: Callable[[str], NodeSpec | None]) -> Graph:
    """The graph without links into inputs that nobody declared: nothing must be computed for them.

    Nodes that accept undeclared links keep theirs.
    """
    declared: dict[str, Slots | None] = {}
    changed: dict[str, Instance] = {}
    for node_id, instance in graph.instances.items():
        if instance.type not in declared:
            spec = spec_of(instance.type)
            accepts_all = spec is not None and spec.undeclared_links
            declared[instance.type] = None if accepts_all else Slots(spec or NodeSpec("", ""))
        slots = declared[instance.type]
        if slots is None:
            continue
        names = {name for name, _ in slots.declared(instance.inputs)} if slots.is_dynamic else slots.names
        stem = None if slots.growing is None else f"{slots.growing.name}."
        strangers = {
            name
            for name, value in instance.inputs.items()
            if type(value) is Link and name not in names and not (stem is not None and name.startswith(stem))
        }
        if strangers:
            kept = {name: value for name, value in instance.inputs.items() if name not in strangers}
            changed[node_id] = instance._replace(inputs=kept)
    return Graph({**graph.instances, **changed}) if changed else graph


def _order(name: str) -> tuple[int, str]:
    match = NUMBER.search(name)
    return (int(match.group(1)) if match else -1, name)

"""Matches the inputs of an instance with those its node declares, growing inputs included."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from executor.graph.workflow import Graph, Instance, MalformedLink
from nodes.api.spec import MISSING, InputSpec, NodeSpec

NUMBER = re.compile(r"([0-9]{1,9})$")


class Slots:
    """The declared inputs of one node type, ready for many instances."""

    def __init__(self, spec: NodeSpec) -> None:
        self.spec = spec
        self.fixed = tuple((entry.name, entry) for entry in spec.inputs if not entry.variadic)
        self.growing = next((entry for entry in spec.inputs if entry.variadic), None)

    def present(self, inputs: Mapping[str, Any]) -> Iterator[tuple[str, InputSpec, Any]]:
        """(name, declaration, value) of every declared input that the instance has, in declared order."""
        for name, entry in self.fixed:
            value = inputs.get(name, MISSING)
            if value is not MISSING and type(value) is not MalformedLink:
                yield name, entry, value
        if self.growing is not None:
            for name in self.grown(inputs):
                yield name, self.growing, inputs[name]

    def grown(self, inputs: Mapping[str, Any]) -> list[str]:
        """The names under the growing input, in the order of their numbers: `images.image0`, ..."""
        assert self.growing is not None
        stem = self.growing.name
        names = [name for name in inputs if name == stem or name.startswith(f"{stem}.")]
        return sorted(names, key=_order)


def without_strangers(graph: Graph, spec_of: Callable[[str], NodeSpec | None]) -> Graph:
    """The graph without links into inputs that nobody declared: nothing must be computed for them."""
    declared: dict[str, tuple[frozenset[str], str | None]] = {}
    changed: dict[str, Instance] = {}
    for node_id, instance in graph.instances.items():
        if instance.type not in declared:
            spec = spec_of(instance.type)
            entries = () if spec is None else spec.inputs
            stem = next((f"{entry.name}." for entry in entries if entry.variadic), None)
            declared[instance.type] = (frozenset(entry.name for entry in entries), stem)
        names, stem = declared[instance.type]
        strangers = [
            name
            for name, _ in instance.links()
            if name not in names and not (stem is not None and name.startswith(stem))
        ]
        if strangers:
            kept = {name: value for name, value in instance.inputs.items() if name not in strangers}
            changed[node_id] = replace(instance, inputs=kept)
    return Graph({**graph.instances, **changed}) if changed else graph


def _order(name: str) -> tuple[int, str]:
    match = NUMBER.search(name)
    return (int(match.group(1)) if match else -1, name)

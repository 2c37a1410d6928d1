"""Matches the inputs of an instance with those its node declares, growing inputs included."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from executor.graph.workflow import MalformedLink
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
        if self.growing is None:
            return []
        stem = self.growing.name
        names = [name for name in inputs if name == stem or name.startswith(f"{stem}.")]
        return sorted(names, key=_order)


def _order(name: str) -> tuple[int, str]:
    match = NUMBER.search(name)
    return (int(match.group(1)) if match else -1, name)

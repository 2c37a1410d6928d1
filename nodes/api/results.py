"""What a node may return beside plain values: nothing, a graph to run in its place, something to show."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Blocked:
    """Stands in an output, or for all of them: nodes that are linked to it are not called.

    The message is shown at the first node that is held back; None holds back in silence.
    """

    message: str | None = None


@dataclass(frozen=True)
class Expansion:
    """New instances that take the place of the one that returns this.

    graph: API JSON of instances with unique ids; inputs may also hold any Python object.
    results: one for each output, a value or a link `[id, slot]` into the graph.
    """

    graph: Mapping[str, Mapping[str, Any]]
    results: tuple[Any, ...] = ()
    ui: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Shown:
    """Outputs together with what the page shows on the node."""

    results: tuple[Any, ...] = ()
    ui: Mapping[str, Any] = field(default_factory=dict)

"""Whether a graph can run: every problem it has, said so that a person can act on it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from executor.graph.workflow import Graph


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong; without a node it is about the graph as a whole."""

    type: str
    message: str
    details: str = ""
    node_id: str | None = None
    input_name: str | None = None
    extra_info: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Validation:
    """What validation found: all problems, the outputs that can run, the graph with coerced literals."""

    problems: tuple[Problem, ...]
    outputs: tuple[str, ...]
    graph: Graph

"""The graph of a job while it runs: nodes may add instances that take their place."""

from collections.abc import Mapping
from typing import Any

from executor.graph.parse import is_slot
from executor.graph.workflow import Graph, Instance, Link
from nodes.api.errors import NodeError

MOST_ADDED = 100_000
DEEPEST = 5000
"""So many nodes may a job add, and so often inside each other: more than any loop, less than for ever."""


class Growth:
    """Instances that were submitted, and those that were added since.

    `graph` holds both, and grows. Threads other than the one that runs the job may read.
    """

    def __init__(self, graph: Graph, prompt: Mapping[str, Any] | None) -> None:
        self.instances: dict[str, Instance] = dict(graph.instances)
        self.graph = Graph(self.instances)
        self.submitted = graph
        self.prompt = prompt
        self.entries: dict[str, Mapping[str, Any]] = {}
        self.parents: dict[str, str] = {}
        self.displays: dict[str, str] = {}
        self.origins: dict[str, str] = {}
        self.depths: dict[str, int] = {}

    def add(self, parent_id: str, graph: Mapping[str, Mapping[str, Any]]) -> list[str]:
        """Add instances on behalf of one that runs; gives their ids.

        Raises NodeError for an id that is taken, and when adding does not seem to end.
        """
        depth, count = self.depths.get(parent_id, 0) + 1, len(self.parents) + len(graph)
        if depth > DEEPEST or count > MOST_ADDED:
            origin = self.instances[self.get_real_node_id(parent_id)]
            raise NodeError(
                f"{origin.label} adds nodes without end, it seems: {count:,}, {depth:,} inside each other"
            )
        for node_id, entry in graph.items():
            if node_id in self.instances:
                raise NodeError(
                    f"{self.instances[parent_id].label} adds a node with the id {node_id}, which is taken"
                )
            self.instances[node_id] = Instance(
                node_id, entry["class_type"], {name: read(value) for name, value in entry["inputs"].items()}
            )
            self.entries[node_id] = entry
            self.parents[node_id] = parent_id
            self.depths[node_id] = depth
            self.origins[node_id] = self.origins.get(parent_id, parent_id)
            display = entry.get("override_display_id") or parent_id
            self.displays[node_id] = self.displays.get(display, display)
        return list(graph)

    def ids(self, node_id: str) -> tuple[str, ...]:
        """Display, parent and real id of an instance that was added; nothing for one that was submitted."""
        parent = self.parents.get(node_id)
        if parent is None:
            return ()
        return (self.displays[node_id], parent, self.origins[node_id])

    def get_node(self, node_id: str) -> Mapping[str, Any]:
        """One instance as API JSON; raises NodeError if there is none."""
        if node_id in self.entries:
            return self.entries[node_id]
        if node_id not in self.submitted.instances:
            raise NodeError(f"the graph has no node {node_id}")
        if self.prompt is not None and node_id in self.prompt:
            entry: Mapping[str, Any] = self.prompt[node_id]
            return entry
        one: Mapping[str, Any] = Graph({node_id: self.submitted.instances[node_id]}).to_api()[node_id]
        return one

    def has_node(self, node_id: str) -> bool:
        """Whether there is an instance of that id."""
        return node_id in self.instances

    def get_parent_node_id(self, node_id: str) -> str | None:
        """The instance that added this one, or None for one that was submitted."""
        return self.parents.get(node_id)

    def get_real_node_id(self, node_id: str) -> str:
        """The submitted instance that this one comes from."""
        return self.origins.get(node_id, node_id)

    def get_display_node_id(self, node_id: str) -> str:
        """The instance that the page highlights for this one."""
        return self.displays.get(node_id, node_id)

    def all_node_ids(self) -> set[str]:
        """All ids, those of added instances too."""
        return set(self.instances)

    def get_original_prompt(self) -> Mapping[str, Any]:
        """The graph as it was submitted."""
        return self.submitted.to_api() if self.prompt is None else self.prompt


def read(value: Any) -> Any:
    """An input of an added instance: a link for `[id, slot]`; anything else is passed on as it is."""
    if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and is_slot(value[1]):
        return Link(value[0], int(value[1]))
    if isinstance(value, Mapping) and len(value) == 1 and "__value__" in value:
        return value["__value__"]
    return value

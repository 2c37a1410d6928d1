"""A graph as the executor sees it: instances by id, each input a literal or a link."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from nodes.api.errors import WorkflowError

SHOWN_IN_CYCLE = 8


class Link(NamedTuple):
    """Points at one output of an instance."""

    node: str
    slot: int


@dataclass(frozen=True)
class MalformedLink:
    """A list that stands where a link should, kept as it came so that validation can say what is wrong."""

    value: list[Any]


class Instance(NamedTuple):
    """One node of a graph: a type, its inputs by name, and the title a person gave it."""

    id: str
    type: str
    inputs: Mapping[str, Any] = MappingProxyType({})
    title: str | None = None

    def links(self) -> Iterator[tuple[str, Link]]:
        """The inputs that are links, in their order."""
        for name, value in self.inputs.items():
            if type(value) is Link:
                yield name, value

    @property
    def label(self) -> str:
        """How messages name it: its type, and its title where that says more."""
        title = f" '{self.title}'" if self.title and self.title != self.type else ""
        return f"{self.type}{title} (node {self.id})"


@dataclass(frozen=True)
class Graph:
    """Instances by id, in the order of the file they came from."""

    instances: Mapping[str, Instance] = field(default_factory=dict)

    def to_api(self) -> dict[str, Any]:
        """The graph as API JSON; lists that are values are wrapped, as the format asks."""
        entries: dict[str, Any] = {}
        for node_id, instance in self.instances.items():
            inputs = {
                name: value if type(value) is str else _to_json(value)
                for name, value in instance.inputs.items()
            }
            entries[node_id] = {"class_type": instance.type, "inputs": inputs}
            if instance.title is not None:
                entries[node_id]["_meta"] = {"title": instance.title}
        return entries

    def with_value(self, node: str, input_name: str, value: Any) -> "Graph":
        """A copy in which one input has another value (or Link); raises WorkflowError for an unknown node."""
        instance = self.instances.get(node)
        if instance is None:
            raise WorkflowError(
                f"there is no node {node}; the graph has {_some(self.instances)}", node_id=node
            )
        changed = instance._replace(inputs={**instance.inputs, input_name: value})
        return Graph({**self.instances, node: changed})

    def consumers(self) -> dict[str, list[tuple[str, str]]]:
        """For each instance, the (instance, input name) pairs that are linked to it."""
        consumers: dict[str, list[tuple[str, str]]] = {node_id: [] for node_id in self.instances}
        for node_id, instance in self.instances.items():
            for name, link in instance.links():
                if link.node in consumers:
                    consumers[link.node].append((node_id, name))
        return consumers

    def ancestors(
        self,
        targets: Iterable[str],
        on_cycle: Callable[[list[str], int], None] | None = None,
        known: Container[str] = (),
    ) -> list[str]:
        """The targets and everything they depend on, producers first.

        A cycle raises CycleError; or it is cut at the link that closes it, and `on_cycle(path, start)` is
        told: `path[start:]` is the cycle, to be read before it returns. Links to instances that do not exist
        are passed over: they are validation's to report. What is `known` is left out, with all before it.
        """
        order: list[str] = []
        entered: set[str] = set()
        for target in targets:
            if target in entered or target in known:
                continue
            entered.add(target)
            path, pending = [target], [iter(self.instances[target].inputs.values())]
            position = {target: 0}
            while path:
                for value in pending[-1]:
                    if type(value) is not Link:
                        continue
                    producer = value.node
                    if producer in position:
                        if on_cycle is None:
                            raise CycleError(self, path[position[producer] :])
                        on_cycle(path, position[producer])
                    elif producer not in entered and producer in self.instances and producer not in known:
                        entered.add(producer)
                        position[producer] = len(path)
                        path.append(producer)
                        pending.append(iter(self.instances[producer].inputs.values()))
                        break
                else:
                    node_id = path.pop()
                    pending.pop()
                    del position[node_id]
                    order.append(node_id)
        return order


class CycleError(WorkflowError):
    """Instances that wait for each other; `nodes` are their ids, each linked to the next."""

    def __init__(self, graph: Graph, nodes: list[str]) -> None:
        ends = nodes if len(nodes) <= SHOWN_IN_CYCLE else [*nodes[:4], *nodes[-2:]]
        labels = [graph.instances[node_id].label for node_id in ends]
        if len(nodes) > SHOWN_IN_CYCLE:
            labels.insert(4, f"... {len(nodes) - len(ends)} more ...")
        super().__init__(
            f"These nodes wait for each other: {' needs '.join([*labels, labels[0]])}",
            node_id=nodes[0],
            type="dependency_cycle",
            details=" -> ".join([*nodes, nodes[0]]) if ends is nodes else f"{len(nodes)} nodes",
        )
        self.nodes = tuple(nodes)


def _to_json(value: Any) -> Any:
    if type(value) is Link:
        return list(value)
    if type(value) is MalformedLink:
        return value.value
    if isinstance(value, list) or (isinstance(value, dict) and "__value__" in value):
        return {"__value__": value}
    return value


def _some(names: Iterable[str], limit: int = 10) -> str:
    names = list(names)
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")

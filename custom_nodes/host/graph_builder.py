"""Builds the graphs that nodes return to take their place (`comfy_execution.graph_utils` to packs)."""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, ClassVar


class ExecutionBlocker:
    """Returned in place of a value: what is linked to it does not run; a message says why."""

    def __init__(self, message: str | None) -> None:
        self.message = message


def is_link(obj: Any) -> bool:
    """Whether an input is a link: a list of an id and a slot number."""
    return (
        isinstance(obj, list) and len(obj) == 2 and isinstance(obj[0], str) and type(obj[1]) in (int, float)
    )


class Prefix:
    """The start of the ids of all graphs that one call of a node builds."""

    def __init__(self, root: str, call: int, graph: int) -> None:
        self.root = root
        self.call = call
        self.graph = graph

    def take(self) -> str:
        """The start of the ids of the next graph."""
        number = self.graph
        self.graph += 1
        return f"{self.root}.{self.call}.{number}."


prefix_in_force: ContextVar[Prefix | None] = ContextVar("prefix_in_force", default=None)


class GraphBuilder:
    """A graph under construction; ids start with a prefix, so that they are unique in the whole run."""

    _default: ClassVar[Prefix] = Prefix("", 0, 0)

    def __init__(self, prefix: str | None = None) -> None:
        self.prefix = self.alloc_prefix() if prefix is None else prefix
        self.nodes: dict[str, Node] = {}
        self.id_gen = 1

    @classmethod
    def set_default_prefix(cls, prefix_root: str, call_index: int, graph_index: int = 0) -> None:
        """Start the ids of the next graphs with this root."""
        prefix_in_force.set(Prefix(prefix_root, call_index, graph_index))

    @classmethod
    def alloc_prefix(
        cls, root: str | None = None, call_index: int | None = None, graph_index: int | None = None
    ) -> str:
        """The start of the ids of one more graph."""
        default = prefix_in_force.get() or cls._default
        if root is None and call_index is None and graph_index is None:
            return default.take()
        taken = Prefix(
            default.root if root is None else root,
            default.call if call_index is None else call_index,
            default.graph if graph_index is None else graph_index,
        )
        if graph_index is None:
            default.graph += 1
        return taken.take()

    def node(self, class_type: str, id: str | None = None, **kwargs: Any) -> "Node":
        """Add a node; an id that is there already gives the node of that id."""
        name = self.prefix + (str(self.id_gen) if id is None else id)
        if id is None:
            self.id_gen += 1
        if name not in self.nodes:
            self.nodes[name] = Node(name, class_type, kwargs)
        return self.nodes[name]

    def lookup_node(self, id: str) -> "Node | None":
        """The node that was added under an id, or None."""
        return self.nodes.get(self.prefix + id)

    def finalize(self) -> dict[str, dict[str, Any]]:
        """The graph as API JSON."""
        return {name: node.serialize() for name, node in self.nodes.items()}

    def replace_node_output(self, node_id: str, index: int, new_value: Any) -> None:
        """Put a value, or nothing for None, wherever an output of a node is linked to."""
        name = self.prefix + node_id
        for node in self.nodes.values():
            linked = [key for key, value in node.inputs.items() if is_link(value)]
            for key in linked:
                if node.inputs[key][0] == name and node.inputs[key][1] == index:
                    node.set_input(key, new_value)

    def remove_node(self, id: str) -> None:
        """Take a node out."""
        self.nodes.pop(self.prefix + id, None)


class Node:
    """One node of a graph under construction; `inputs` may be changed at any time."""

    def __init__(self, id: str, class_type: str, inputs: Mapping[str, Any]) -> None:
        self.id = id
        self.class_type = class_type
        self.inputs: dict[str, Any] = dict(inputs)
        self.override_display_id: str | None = None

    def out(self, index: int) -> list[Any]:
        """A link to one of its outputs."""
        return [self.id, index]

    def set_input(self, key: str, value: Any) -> None:
        """Set an input, or take it away with None."""
        if value is None:
            self.inputs.pop(key, None)
        else:
            self.inputs[key] = value

    def get_input(self, key: str) -> Any:
        """The value of an input, or None."""
        return self.inputs.get(key)

    def set_override_display_id(self, override_display_id: str) -> None:
        """Have the page show this node's progress on another node."""
        self.override_display_id = override_display_id

    def serialize(self) -> dict[str, Any]:
        """The node as API JSON."""
        data: dict[str, Any] = {"class_type": self.class_type, "inputs": dict(self.inputs)}
        if self.override_display_id is not None:
            data["override_display_id"] = self.override_display_id
        return data


def add_graph_prefix(
    graph: Mapping[str, Mapping[str, Any]], outputs: tuple[Any, ...], prefix: str
) -> tuple[dict[str, dict[str, Any]], tuple[Any, ...]]:
    """A copy of a graph, and of links into it, in which every id starts with a prefix."""

    def moved(value: Any) -> Any:
        return [prefix + value[0], value[1]] if is_link(value) and value[0] in graph else value

    copied = {
        prefix + node_id: {
            **node,
            "inputs": {name: moved(value) for name, value in node.get("inputs", {}).items()},
        }
        for node_id, node in graph.items()
    }
    return copied, tuple(moved(value) for value in outputs)

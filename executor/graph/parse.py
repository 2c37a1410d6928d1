"""Reads a graph from JSON: the API form that clients send, or the editor form that pages save."""

from collections.abc import Mapping
from typing import Any

from executor.graph.editor import convert, is_editor_form
from executor.graph.workflow import Graph, Instance, Link, MalformedLink
from nodes.api.errors import WorkflowError
from nodes.api.spec import NodeSpec

SCALARS = frozenset({str, int, float, bool, type(None)})


def parse(data: Any, specs: Mapping[str, NodeSpec] | None = None) -> Graph:
    """The graph in a JSON value of either form; raises WorkflowError when it is neither.

    The editor form keeps widget values by position, so it needs `specs`. With `specs`, types that a node
    lists as aliases become the node's own.
    """
    if not isinstance(data, Mapping):
        raise WorkflowError(f"A graph is a JSON object, but this is {_kind(data)}")
    if is_editor_form(data):
        if specs is None:
            raise WorkflowError("A graph in editor form can only be read with the node catalogue at hand")
        return _without_aliases(parse_api(convert(data, specs)), specs)
    for wrapper in ("prompt", "workflow"):
        inner = data.get(wrapper)
        if isinstance(inner, Mapping) and "class_type" not in inner:
            return parse(inner, specs)
    graph = parse_api(data)
    return graph if specs is None else _without_aliases(graph, specs)


def parse_api(data: Mapping[str, Any]) -> Graph:
    """The graph in API JSON; raises WorkflowError that names the first entry that is no node."""
    return Graph({node_id: _instance(node_id, entry) for node_id, entry in data.items()})


def _instance(node_id: str, entry: Any) -> Instance:
    if not (type(entry) is dict or isinstance(entry, Mapping)) or "class_type" not in entry:
        raise _unreadable("a node is missing the class_type property.", node_id)
    class_type = entry["class_type"]
    if not isinstance(class_type, str):
        raise _unreadable(f"a class_type is {_kind(class_type)}, not a text.", node_id)
    inputs = entry.get("inputs", {})
    if not (type(inputs) is dict or isinstance(inputs, Mapping)):
        raise _unreadable(f"the inputs of a node are {_kind(inputs)}, not an object.", node_id)
    meta = entry.get("_meta")
    title = None if meta is None or not isinstance(meta, Mapping) else meta.get("title")
    return Instance(
        node_id,
        class_type,
        {name: value if type(value) in SCALARS else read_value(value) for name, value in inputs.items()},
        title if isinstance(title, str) else None,
    )


def _unreadable(problem: str, node_id: str) -> WorkflowError:
    return WorkflowError(
        f"Cannot execute because {problem}", node_id=node_id, details=f"Node ID '#{node_id}'"
    )


def read_value(value: Any) -> Any:
    """A link for `["4", 0]`, what is wrapped for `{"__value__": ...}`, else the value itself."""
    if isinstance(value, list):
        if len(value) == 2 and isinstance(value[0], str) and is_slot(value[1]):
            node_id, slot = value
            return Link(node_id, slot if type(slot) is int else int(slot))
        return MalformedLink(value)
    if isinstance(value, Mapping) and len(value) == 1 and "__value__" in value:
        return value["__value__"]
    return value


def is_slot(value: Any) -> bool:
    """Whether a JSON value is a whole number; 0.0 is one, True is not."""
    if type(value) is int:
        return True
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, int) and not isinstance(value, bool)


def _without_aliases(graph: Graph, specs: Mapping[str, NodeSpec]) -> Graph:
    if all(instance.type in specs for instance in graph.instances.values()):
        return graph
    aliases = {alias: spec.id for spec in specs.values() for alias in spec.aliases}
    return Graph(
        {
            node_id: instance
            if instance.type in specs or instance.type not in aliases
            else instance._replace(type=aliases[instance.type])
            for node_id, instance in graph.instances.items()
        }
    )


def _kind(value: Any) -> str:
    names = {type(None): "null", bool: "a boolean", int: "a number", float: "a number", str: "a text"}
    return names.get(type(value), "an array" if isinstance(value, list) else "an object")

"""What a result depends on, as one short text per instance: equal texts, equal results.

A fingerprint covers the node's type, the version of its code, its literal inputs, size and time of the files
it names, and the fingerprints of its producers. One pass over the graph, producers first, computes all.
"""

import inspect
import logging
import secrets
import struct
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from typing import Any, TypeAlias

from executor.graph.inputs import Slots, without_strangers
from executor.graph.workflow import Graph, Instance, Link
from nodes.api.declare import Node
from nodes.api.errors import WorkflowError
from nodes.api.widgets import File

logger = logging.getLogger(__name__)

Stat: TypeAlias = Callable[[str, str], Any]
SCALARS = (str, int, bool, type(None))


def fingerprints(
    graph: Graph, nodes: Mapping[str, Node], stat: Stat, targets: Iterable[str] | None = None
) -> dict[str, str]:
    """The fingerprint of every instance that the targets (default: all) depend on, producers first.

    `stat(folder, name)` describes a file, usually by size and time of change; it is asked once per file.
    Raises WorkflowError for a cycle, a type that is not in `nodes` and a link to nothing.
    """
    graph = without_strangers(graph, lambda kind: nodes[kind].spec if kind in nodes else None)
    pass_ = _Pass(graph, nodes, stat)
    for node_id in graph.topological_order() if targets is None else graph.ancestors(targets):
        pass_.add(graph.instances[node_id])
    return pass_.found


class _Pass:
    """One computation of fingerprints over a graph."""

    def __init__(self, graph: Graph, nodes: Mapping[str, Node], stat: Stat) -> None:
        self.graph = graph
        self.nodes = nodes
        self.stat = stat
        self.found: dict[str, str] = {}
        self.slots: dict[str, Slots] = {}
        self.files: dict[tuple[str, str], str] = {}

    def add(self, instance: Instance) -> None:
        node = self.nodes.get(instance.type)
        if node is None:
            raise WorkflowError(
                f"Cannot execute because node {instance.type} does not exist.",
                node_id=instance.id,
                details=f"Node ID '#{instance.id}'",
            )
        slots = self.slots.get(instance.type)
        if slots is None:
            slots = self.slots[instance.type] = Slots(node.spec)
        material: list[Any] = [node.spec.id, node.spec.code_version]
        for name, entry, value in slots.present(instance.inputs):
            if type(value) is Link:
                producer = self.found.get(value.node)
                if producer is None:
                    raise WorkflowError(
                        f"The input {name} of {instance.label} is linked to node {value.node}, "
                        "which is not in the graph",
                        node_id=instance.id,
                        input_name=name,
                    )
                material.append((name, "link", producer, value.slot))
            elif type(value) in SCALARS:
                material.append((name, value))
            else:
                material.append((name, "json", encode(value)))
            if isinstance(entry.widget, File) and isinstance(value, str):
                material.append((name, "file", self.describe(entry.widget.folder, value)))
        if node.fingerprint is not None:
            material.append(("", "fingerprint", self.ask(node, instance)))
        text = repr(material).encode("utf-8", "backslashreplace")
        self.found[instance.id] = blake2b(text, digest_size=16).hexdigest()

    def describe(self, folder: str, name: str) -> str:
        key = (folder, name)
        if key not in self.files:
            self.files[key] = encode(self.stat(folder, name))
        return self.files[key]

    def ask(self, node: Node, instance: Instance) -> str:
        """What the node's own fingerprint function says about the literal inputs."""
        assert node.fingerprint is not None
        try:
            return encode(node.fingerprint(**literals_for(node.fingerprint, instance)))
        except Exception as error:  # noqa: BLE001 - it is the node's code
            logger.warning("the fingerprint of %s failed, so it runs again: %r", instance.label, error)
            return secrets.token_hex(16)


def literals_for(function: Callable[..., Any], instance: Instance) -> dict[str, Any]:
    """The literal inputs that a function names among its parameters (all, if it takes `**anything`)."""
    parameters = inspect.signature(function).parameters.values()
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    names = {parameter.name for parameter in parameters}
    return {
        name: value
        for name, value in instance.inputs.items()
        if type(value) is not Link and (takes_all or name in names)
    }


def encode(value: Any) -> str:
    """A text that differs whenever two JSON-like values do: 1, 1.0 and True differ, NaN is equal by bits."""
    parts: list[str] = []
    pending: list[Any] = [value]
    while pending:
        current = pending.pop()
        if isinstance(current, _Raw):
            parts.append(current.text)
        elif isinstance(current, float):
            parts.append("f" + struct.pack(">d", current).hex())
        elif isinstance(current, list | tuple):
            parts.append(f"[{len(current)}")
            pending.extend(reversed(current))
        elif isinstance(current, Mapping):
            parts.append(f"{{{len(current)}")
            for key in sorted(current, key=repr, reverse=True):
                pending += [current[key], _Raw(repr(key))]
        else:
            parts.append(repr(current))
    return " ".join(parts)


class _Raw:
    """A text that is already encoded."""

    def __init__(self, text: str) -> None:
        self.text = text

"""What a result depends on, as one short text per instance: equal texts, equal results.

A fingerprint covers the node's type, the version of its code, its literal inputs, size and time of the files
it names, and the fingerprints of its producers. One pass over the graph, producers first, computes all.
"""

import inspect
import logging
import math
import re
import secrets
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, TypeAlias

from executor.graph.inputs import Slots, without_strangers
from executor.graph.workflow import Graph, Instance, Link, MalformedLink
from nodes.api.declare import Node
from nodes.api.errors import WorkflowError
from nodes.api.widgets import File, Text, Widget

logger = logging.getLogger(__name__)

Stat: TypeAlias = Callable[[str, str], Any]
SCALARS = (str, int, bool, type(None))
MENTION = re.compile(r"embedding:([^\s()]+)")
WEIGHT = re.compile(r":-?[0-9.]+$")


@dataclass(slots=True)
class Material:
    """What a fingerprint is made of, apart from those of the producers.

    prefix: type, version, literals and files as one text.
    parts: (name, value or encoding) of literals, (name, "file", stamp), ("", "fingerprint", answer).
    is_volatile: the node's own fingerprint says that it must run each time.
    """

    type: str
    version: str
    prefix: str
    parts: tuple[tuple[Any, ...], ...]
    links: tuple[tuple[str, Link], ...]
    is_volatile: bool


def fingerprints(
    graph: Graph, nodes: Mapping[str, Node], stat: Stat, targets: Iterable[str] | None = None
) -> dict[str, str]:
    """The fingerprint of every instance that the targets (default: all) depend on, producers first.

    `stat(folder, name)` describes a file, usually by size and time of change; it is asked once per file.
    Raises WorkflowError for a cycle, a type that is not in `nodes` and a link to nothing.
    """
    graph = without_strangers(graph, lambda kind: nodes[kind].spec if kind in nodes else None)
    prints = Fingerprints(graph, nodes, stat)
    prints.reach(graph.instances if targets is None else targets)
    return prints.found


class Fingerprints:
    """The fingerprints of a graph, which may grow: `reach` adds what is not known yet.

    `identify(value)` is a text for a value that is not JSON; such values only come with instances that were
    added while a job runs.
    """

    def __init__(
        self, graph: Graph, nodes: Mapping[str, Node], stat: Stat, identify: Callable[[Any], str] = repr
    ) -> None:
        self.graph = graph
        self.nodes = nodes
        self.stat = stat
        self.identify = identify
        self.found: dict[str, str] = {}
        self.materials: dict[str, Material] = {}
        self.slots: dict[str, Slots] = {}
        self.heads: dict[str, str] = {}
        self.files: dict[tuple[str, str], str] = {}

    def reach(self, targets: Iterable[str]) -> list[str]:
        """The instances that the targets depend on and that were not known, producers first."""
        order = self.graph.ancestors(targets, known=self.found)
        for node_id in order:
            self.add(self.graph.instances[node_id])
        return order

    def add(self, instance: Instance) -> None:
        """Compute the fingerprint of one instance whose producers are known."""
        if instance.type not in self.slots:
            self.meet(instance)
        node, head, found = self.nodes[instance.type], self.heads[instance.type], self.found
        parts: list[tuple[Any, ...]] = []
        links: list[tuple[str, Link]] = []
        marks: list[tuple[str, str, int]] = []
        for name, entry, value in self.slots[instance.type].present(instance.inputs):
            kind = type(value)
            if kind is Link:
                producer = found.get(value.node)
                if producer is None:
                    raise _dangling(instance, name, value)
                links.append((name, value))
                marks.append((name, producer, value.slot))
            elif kind in SCALARS:
                parts.append((name, value))
            else:
                parts.append((name, "json", encode(value, self.identify)))
            if kind is str and may_name_files(entry.widget):
                parts.extend(self.describe_files(name, entry.widget, value))
        is_volatile = False
        if node.fingerprint is not None:
            answer, is_volatile = ask(node, instance)
            parts.append(("", "fingerprint", answer))
        if not node.idempotent:
            parts.append(("", "id", instance.id))
        prefix = f"{head}{parts!r}"
        spec = node.spec
        self.materials[instance.id] = Material(
            spec.id, spec.code_version, prefix, tuple(parts), tuple(links), is_volatile
        )
        found[instance.id] = digest_text(prefix, marks)

    def meet(self, instance: Instance) -> None:
        """Take down what is the same for all instances of a type."""
        node = self.nodes.get(instance.type)
        if node is None:
            raise WorkflowError(
                f"Cannot execute because node {instance.type} does not exist.",
                node_id=instance.id,
                details=f"Node ID '#{instance.id}'",
            )
        self.slots[instance.type] = Slots(node.spec)
        self.heads[instance.type] = repr((node.spec.id, node.spec.code_version))

    def content(self, node_id: str, marks: list[tuple[str, str, int]]) -> str:
        """A fingerprint made with other texts for the inputs than the fingerprints of the producers."""
        return digest_text(self.materials[node_id].prefix, marks) if marks else self.found[node_id]

    def describe_files(self, name: str, widget: Widget | None, value: str) -> Iterator[tuple[Any, ...]]:
        """The files that a literal names, with what tells one version of them from another."""
        if isinstance(widget, File):
            yield (name, "file", self.describe(widget.folder, value))
        elif "embedding:" in value:
            for mentioned in _mentions(value):
                yield (name, "file", mentioned, self.describe("embeddings", mentioned))

    def describe(self, folder: str, name: str) -> str:
        """What tells one version of a file from another."""
        key = (folder, name)
        if key not in self.files:
            self.files[key] = encode(self.stat(folder, name))
        return self.files[key]


def may_name_files(widget: Widget | None) -> bool:
    """Whether a text of this widget is a file, or may mention some."""
    return isinstance(widget, File) or (isinstance(widget, Text) and widget.embeddings)


def digest_text(prefix: str, marks: list[tuple[str, str, int]]) -> str:
    """A short text for what an instance is and what it is linked to."""
    text = f"{prefix}{marks!r}".encode("utf-8", "backslashreplace")
    return blake2b(text, digest_size=16).hexdigest()


def ask(node: Node, instance: Instance) -> tuple[str, bool]:
    """What the node's own fingerprint function says, and whether it says "always": by NaN, or by failing."""
    assert node.fingerprint is not None
    known = literals_for(node.fingerprint, instance)
    identity = next((name for name, kind in node.spec.hidden.items() if kind == "UNIQUE_ID"), None)
    if identity is not None:
        names, takes_all = _parameters(node.fingerprint)
        if takes_all or identity in names:
            known[identity] = instance.id
    try:
        answer = node.fingerprint(**known)
    except Exception as error:  # noqa: BLE001 - it is the node's code
        logger.warning("the fingerprint of %s failed, so it runs again: %r", instance.label, error)
        answer = math.nan
    answers = answer if isinstance(answer, list | tuple) else (answer,)
    if any(isinstance(entry, float) and math.isnan(entry) for entry in answers):
        return secrets.token_hex(16), True
    return encode(answer), False


def literals_for(function: Callable[..., Any], instance: Instance) -> dict[str, Any]:
    """The inputs that a function names as parameters (all, if it takes `**anything`); None for links."""
    names, takes_all = _parameters(function)
    return {
        name: None if type(value) is Link else value
        for name, value in instance.inputs.items()
        if type(value) is not MalformedLink and (takes_all or name in names)
    }


def _parameters(function: Callable[..., Any]) -> tuple[frozenset[str], bool]:
    """The names that a function takes, and whether it takes all others too."""
    parameters = inspect.signature(function).parameters
    return frozenset(parameters), any(entry.kind is entry.VAR_KEYWORD for entry in parameters.values())


def _mentions(text: str) -> Iterator[str]:
    """The files that `embedding:name` may mean, with and without a comma or a weight behind the name."""
    for mention in MENTION.findall(text):
        yield mention
        bare = WEIGHT.sub("", mention.strip(","))
        if bare != mention:
            yield bare


def _dangling(instance: Instance, name: str, link: Link) -> WorkflowError:
    return WorkflowError(
        f"The input {name} of {instance.label} is linked to node {link.node}, which is not in the graph",
        node_id=instance.id,
        input_name=name,
    )


def encode(value: Any, identify: Callable[[Any], str] = repr) -> str:
    """A text that differs whenever two JSON-like values do: 1, 1.0 and True differ, NaN is equal by bits.

    `identify` writes what is not JSON.
    """
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
        elif type(current) in SCALARS:
            parts.append(repr(current))
        else:
            parts.append(identify(current))
    return " ".join(parts)


class _Raw:
    """A text that is already encoded."""

    def __init__(self, text: str) -> None:
        self.text = text

"""How does `NODE.INPUT=VALUE` change a graph? Finds the node and reads the value as its input's type."""

from collections.abc import Iterable, Mapping
from typing import Any

from executor.graph.workflow import Graph, Instance
from nodes.api.dynamic import is_template, live_inputs, words
from nodes.api.spec import InputSpec, NodeSpec
from nodes.api.widgets import Choice

BOOLEANS: Mapping[str, bool] = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}


class OverrideError(ValueError):
    """An override that fits no node, no input or no value; the text says what would."""


def override(graph: Graph, specs: Mapping[str, NodeSpec], assignments: Iterable[str]) -> Graph:
    """A copy of the graph with these `NODE.INPUT=VALUE` applied in order.

    NODE is an id, or the title or type of exactly one node.
    """
    for assignment in assignments:
        place, equals, text = assignment.partition("=")
        if not equals or "." not in place:
            raise OverrideError(f"{assignment!r} is not of the form NODE.INPUT=VALUE")
        instance, name = _find(graph, place)
        spec = specs.get(instance.type)
        if spec is None:
            raise OverrideError(f"{assignment!r}: there is no node type {instance.type}")
        entry = _entry(spec, instance, name, text)
        if entry is None:
            names = ", ".join(entry.name for entry in live_inputs(spec, instance.inputs)) or "none"
            raise OverrideError(f"{assignment!r}: {instance.label} has no input {name!r}; it has {names}")
        graph = graph.with_value(instance.id, name, _value(entry, text, assignment))
    return graph


def _entry(spec: NodeSpec, instance: Instance, name: str, text: str) -> InputSpec | None:
    """The input of that name, also among those that a chosen word brings; for a drop-down, its words."""
    live = live_inputs(spec, {**instance.inputs, name: text})
    entry = next((entry for entry in live if entry.name == name), spec.input(name))
    if entry is not None and is_template(entry):
        return InputSpec(name, "COMBO", widget=Choice(words(entry))) if words(entry) else None
    return entry


def _find(graph: Graph, place: str) -> tuple[Instance, str]:
    """The instance and input name; ids, titles and names of inputs may all hold dots."""
    cuts = [index for index, character in enumerate(place) if character == "."]
    splits = [(place[:cut], place[cut + 1 :]) for cut in cuts]
    for node, name in splits:
        if node in graph.instances:
            return graph.instances[node], name
    for node, name in splits:
        wanted = node.casefold()
        named = [
            instance
            for instance in graph.instances.values()
            if wanted in (instance.type.casefold(), (instance.title or "").casefold())
        ]
        if len(named) > 1:
            ids = ", ".join(instance.id for instance in named)
            raise OverrideError(f"{node!r} is the name of {len(named)} nodes: use one of the ids {ids}")
        if named:
            return named[0], name
    known = ", ".join(f"{instance.id} ({instance.type})" for instance in list(graph.instances.values())[:20])
    raise OverrideError(f"there is no node {splits[0][0]!r}; there are {known or 'none at all'}")


def _value(entry: InputSpec, text: str, assignment: str) -> Any:
    if isinstance(entry.widget, Choice):
        for option in entry.widget.options:
            if str(option) == text:
                return option
        words = ", ".join(map(str, entry.widget.options))
        raise OverrideError(f"{assignment!r}: {entry.name} is one of {words}")
    try:
        match entry.type:
            case "INT":
                return int(text)
            case "FLOAT":
                return float(text)
            case "BOOLEAN":
                return BOOLEANS[text.lower()]
            case "STRING" | "COMBO" | "*":
                return text
    except (ValueError, KeyError) as problem:
        kind = {"INT": "a whole number", "FLOAT": "a number", "BOOLEAN": "true or false"}[entry.type]
        raise OverrideError(f"{assignment!r}: {entry.name} is {kind}, not {text!r}") from problem
    if entry.widget is not None:
        return text
    raise OverrideError(f"{assignment!r}: {entry.name} takes a link of type {entry.type}, not a value")

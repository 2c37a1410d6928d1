"""Turns a graph as pages save it into the API form.

Pages save what they draw: nodes that only exist on the page (notes, reroutes, primitives), nodes that are
muted or bypassed, and subgraphs. All of these are resolved here, so that what is left are nodes to run.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeGuard

from executor.graph.scopes import INPUT_ID, OUTPUT_ID, SavedLink, Scope, build_scopes, slot_type, stored_slots
from executor.graph.types import ANY, is_compatible, members
from executor.graph.widget_values import widget_values
from nodes.api.errors import WorkflowError
from nodes.api.spec import NodeSpec

MUTED, BYPASSED = 2, 4
VIRTUAL_TYPES = ("Note", "MarkdownNote", "Reroute", "PrimitiveNode")


class Source(NamedTuple):
    """Where an input comes from: an output of a node that runs."""

    node: str
    slot: int


@dataclass(frozen=True)
class Literal:
    """An input that comes from a widget elsewhere on the page."""

    value: Any


def is_editor_form(data: Mapping[str, Any]) -> bool:
    """Whether JSON is a graph as pages save it: a list of nodes."""
    return isinstance(data.get("nodes"), list)


def convert(data: Mapping[str, Any], specs: Mapping[str, NodeSpec]) -> dict[str, Any]:
    """API JSON for a graph as pages save it; raises WorkflowError where it cannot be understood."""
    return _Conversion(data, specs).run()


class _Conversion:
    """One conversion."""

    def __init__(self, data: Mapping[str, Any], specs: Mapping[str, NodeSpec]) -> None:
        self.specs = dict(specs)
        for spec in specs.values():
            for alias in spec.aliases:
                self.specs.setdefault(alias, spec)
        self.scopes = build_scopes(data, skip=(MUTED, BYPASSED))

    def run(self) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for scope, node_id, node in self.running_nodes():
            inputs = {
                name: {"__value__": value} if isinstance(value, list) else value
                for name, value in widget_values(node, self.specs.get(node["type"])).items()
            }
            for slot, link in scope.incoming(node_id):
                origin = self.resolve(scope, link, slot_type(slot))
                name = str(slot.get("name", ""))
                if isinstance(origin, Source):
                    inputs[name] = list(origin)
                elif isinstance(origin, Literal):
                    wrap = isinstance(origin.value, list)
                    inputs[name] = {"__value__": origin.value} if wrap else origin.value
            entry: dict[str, Any] = {"class_type": node["type"], "inputs": inputs}
            if isinstance(node.get("title"), str):
                entry["_meta"] = {"title": node["title"]}
            result[scope.key(node_id)] = entry
        for entry in result.values():
            entry["inputs"] = {
                name: value
                for name, value in entry["inputs"].items()
                if not isinstance(value, list) or value[0] in result
            }
        return result

    def running_nodes(self) -> Iterator[tuple[Scope, str, Mapping[str, Any]]]:
        """Every node that is sent to the executor."""
        for scope in self.scopes:
            for node_id, node in scope.nodes.items():
                kind = node["type"]
                if (
                    kind in VIRTUAL_TYPES
                    or node_id in scope.children
                    or node.get("mode") in (MUTED, BYPASSED)
                ):
                    continue
                if kind.startswith(("workflow>", "workflow/")):
                    raise WorkflowError(
                        f"Node {scope.key(node_id)} is a group node ({kind}) of an old kind; "
                        "open the workflow on the page and convert it to a subgraph",
                        node_id=scope.key(node_id),
                    )
                if kind not in self.specs and not scope.is_linked(node_id):
                    continue  # drawn by an extension of the page that is not here, and connected to nothing
                yield scope, node_id, node

    def resolve(self, scope: Scope, link: SavedLink, wanted: str) -> Source | Literal | None:
        """What feeds a link, past everything that only exists on the page; None if nothing does."""
        seen: set[tuple[tuple[str, ...], str]] = set()
        while (scope.path, link.id) not in seen:
            seen.add((scope.path, link.id))
            if link.origin == INPUT_ID and scope.host is not None:
                outer = scope.host.outer_link(link.origin_slot)
                if outer is None:
                    return self.promoted(scope, link.origin_slot)
                following: tuple[Scope, SavedLink] | None = (scope.host.scope, outer)
            else:
                node = scope.nodes.get(link.origin)
                if node is None or node.get("mode") == MUTED:
                    return None
                if node.get("mode") == BYPASSED:
                    following = self.past_bypassed(scope, link, node, wanted)
                elif link.origin in scope.children:
                    child = scope.children[link.origin]
                    inner = child.link_into(OUTPUT_ID, link.origin_slot)
                    following = None if inner is None else (child, inner)
                elif node["type"] == "Reroute":
                    inner = scope.link_into(link.origin, 0)
                    following = None if inner is None else (scope, inner)
                elif node["type"] == "PrimitiveNode":
                    values = node.get("widgets_values")
                    return Literal(values[0]) if isinstance(values, list) and values else None
                elif node["type"] in VIRTUAL_TYPES:
                    return None
                else:
                    return Source(scope.key(link.origin), link.origin_slot)
            if following is None:
                return None
            scope, link = following
        return None

    def past_bypassed(
        self, scope: Scope, link: SavedLink, node: Mapping[str, Any], wanted: str
    ) -> tuple[Scope, SavedLink] | None:
        """The link into a bypassed node that stands for one of its outputs."""
        outputs = stored_slots(node, "outputs")
        produced = slot_type(outputs[link.origin_slot]) if 0 <= link.origin_slot < len(outputs) else ANY
        types = [slot_type(slot) for slot in stored_slots(node, "inputs")]
        chosen = _pass_through(types, produced, wanted, link.origin_slot)
        inner = None if chosen is None else scope.link_into(link.origin, chosen)
        return None if inner is None else (scope, inner)

    def promoted(self, scope: Scope, slot: int) -> Literal | None:
        """The value of a subgraph input without a link: the instance's own, else the first one inside."""
        while True:
            name = scope.input_name(slot)
            values = self.host_values(scope)
            if values.get(name) is not None:
                return Literal(values[name])
            target = next(self.widget_targets(scope, slot), None)
            if target is None:
                return None
            inner_slot, node_id = target
            child = scope.children.get(node_id)
            if child is None:
                node = scope.nodes[node_id]
                values = widget_values(node, self.specs.get(node["type"]))
                return Literal(values[inner_slot]) if inner_slot in values else None
            position = child.input_position(inner_slot)
            assert position is not None  # widget_targets yields no other
            scope, slot = child, position

    def host_values(self, scope: Scope) -> dict[str, Any]:
        """The values that an instance of a subgraph holds for its own inputs, by name."""
        assert scope.host is not None
        node = scope.host.node
        properties = node.get("properties")
        properties = properties if isinstance(properties, Mapping) else {}
        stored = node.get("widgets_values")
        values: dict[str, Any] = {}
        proxies = properties.get("proxyWidgets")
        if isinstance(stored, Mapping):
            values = dict(stored)
        elif isinstance(proxies, list) and isinstance(stored, list):
            for proxy, value in zip(proxies, stored, strict=False):
                if _is_own_input(proxy):
                    values[str(proxy[1])] = value
        elif isinstance(stored, list):
            values = dict(zip(self.promoted_names(scope), stored, strict=False))
        quarantined = properties.get("proxyWidgetErrorQuarantine")
        for entry in quarantined if isinstance(quarantined, list) else ():
            original = entry.get("originalEntry") if isinstance(entry, Mapping) else None
            if _is_own_input(original) and "hostValue" in entry:
                values[str(original[1])] = entry["hostValue"]
        return values

    def promoted_names(self, scope: Scope) -> list[str]:
        """The subgraph inputs that end in a widget, in the order of the definition."""
        return [
            scope.input_name(slot)
            for slot in range(scope.input_count)
            if next(self.widget_targets(scope, slot), None) is not None
        ]

    def widget_targets(self, scope: Scope, slot: int) -> Iterator[tuple[str, str]]:
        """(input name, node) of each widget that a subgraph input feeds, also by way of inner subgraphs."""
        for link in scope.links_from_input(slot):
            node = scope.nodes.get(link.target)
            inputs = [] if node is None else stored_slots(node, "inputs")
            if not 0 <= link.target_slot < len(inputs):
                continue
            target = inputs[link.target_slot]
            name = str(target.get("name", ""))
            child = scope.children.get(link.target)
            if child is None:
                if isinstance(target.get("widget"), Mapping):
                    yield str(target["widget"].get("name", name)), link.target
            else:
                position = child.input_position(name)
                if position is not None and any(self.widget_targets(child, position)):
                    yield name, link.target


def _is_own_input(proxy: Any) -> TypeGuard[list[Any]]:
    """Whether a promotion names an input of the subgraph itself, rather than a widget inside."""
    return isinstance(proxy, list) and len(proxy) >= 2 and str(proxy[0]) == "-1"


def _pass_through(types: list[str], produced: str, wanted: str, slot: int) -> int | None:
    """Which input of a bypassed node takes the place of its output number `slot`."""
    if ANY in members(wanted):
        if not types:
            return None
        return slot if slot < len(types) else 0
    if slot < len(types) and is_compatible(types[slot], produced) and is_compatible(types[slot], wanted):
        return slot
    exact = (index for index, kind in enumerate(types) if kind == wanted)
    fitting = (index for index, kind in enumerate(types) if is_compatible(kind, wanted))
    return next(exact, next(fitting, None))

"""The graphs inside a saved graph: the root, and one for each instance of a subgraph, at any depth."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from nodes.api.errors import WorkflowError

INPUT_ID, OUTPUT_ID = "-10", "-20"
"""The ids under which links name the inputs and outputs of the subgraph they are in."""
DEEPEST = 50
MOST_NODES = 200_000


class SavedLink(NamedTuple):
    """A link between two nodes of one scope."""

    id: str
    origin: str
    origin_slot: int
    target: str
    target_slot: int


class Host(NamedTuple):
    """The node that stands for a scope in the scope around it."""

    scope: "Scope"
    node: Mapping[str, Any]
    node_id: str

    def outer_link(self, slot: int) -> SavedLink | None:
        """The link into the host that feeds an input of the subgraph; matched by name."""
        name = self.scope.children[self.node_id].input_name(slot)
        for index, stored in enumerate(stored_slots(self.node, "inputs")):
            if stored.get("name") == name:
                return self.scope.link_into(self.node_id, index)
        return None


class Scope:
    """One graph: its nodes by id, its links, the scopes of the subgraph instances in it."""

    def __init__(self, data: Mapping[str, Any], path: tuple[str, ...], host: Host | None) -> None:
        self.data = data
        self.path = path
        self.host = host
        self.children: dict[str, Scope] = {}
        self.nodes: dict[str, Mapping[str, Any]] = {}
        for node in data["nodes"]:
            if not isinstance(node, Mapping) or "id" not in node or not isinstance(node.get("type"), str):
                raise WorkflowError(f"A node of the workflow has no id or no type: {str(node)[:80]}")
            self.nodes[str(node["id"])] = node
        self._into: dict[tuple[str, int], list[SavedLink]] = {}
        self._from_input: dict[int, list[SavedLink]] = {}
        self._linked: set[str] = set()
        ends = self.nodes.keys() | {INPUT_ID, OUTPUT_ID}
        for link in _links(data.get("links")):
            self._into.setdefault((link.target, link.target_slot), []).append(link)
            if link.origin == INPUT_ID:
                self._from_input.setdefault(link.origin_slot, []).append(link)
            if link.origin in ends and link.target in ends:
                self._linked.update((link.origin, link.target))
        self._inputs = stored_slots(data, "inputs")

    @property
    def input_count(self) -> int:
        """How many inputs the subgraph declares."""
        return len(self._inputs)

    def key(self, node_id: str) -> str:
        """The id of a node once all scopes are one graph: "57:27"."""
        return ":".join((*self.path, node_id))

    def is_linked(self, node_id: str) -> bool:
        """Whether any link joins the node to another."""
        return node_id in self._linked

    def link_into(self, node_id: str, slot: int) -> SavedLink | None:
        """The link into one input; of several, the first that the input itself names."""
        links = self._into.get((node_id, slot), [])
        if len(links) < 2:
            return links[0] if links else None
        if node_id == OUTPUT_ID:
            sockets, name = stored_slots(self.data, "outputs"), "linkIds"
        else:
            sockets, name = stored_slots(self.nodes.get(node_id, {}), "inputs"), "link"
        named = sockets[slot].get(name) if slot < len(sockets) else None
        wanted = [str(one) for one in (named if isinstance(named, list) else [named])]
        return min(links, key=lambda link: wanted.index(link.id) if link.id in wanted else len(wanted))

    def incoming(self, node_id: str) -> Iterator[tuple[Mapping[str, Any], SavedLink]]:
        """(input, link) for every linked input of a node."""
        for index, slot in enumerate(stored_slots(self.nodes[node_id], "inputs")):
            link = self.link_into(node_id, index)
            if link is not None:
                yield slot, link

    def input_name(self, slot: int) -> str:
        """The name of an input of the subgraph."""
        return str(self._inputs[slot].get("name", "")) if 0 <= slot < len(self._inputs) else ""

    def input_position(self, name: str) -> int | None:
        """The number of the subgraph's input of that name."""
        return next((i for i, entry in enumerate(self._inputs) if entry.get("name") == name), None)

    def links_from_input(self, slot: int) -> list[SavedLink]:
        """The links that start at an input of the subgraph, in the order in which the input lists them."""
        links = self._from_input.get(slot, [])
        order = self._inputs[slot].get("linkIds") if 0 <= slot < len(self._inputs) else None
        if not isinstance(order, list):
            return links
        ranks = {str(link_id): rank for rank, link_id in enumerate(order)}
        return sorted(links, key=lambda link: ranks.get(link.id, len(ranks)))


def build_scopes(data: Mapping[str, Any], skip: tuple[int, ...]) -> list[Scope]:
    """The root scope and all below it; instances whose mode is in `skip` are not entered."""
    definitions = _definitions(data)
    scopes = [Scope(data, (), None)]
    ancestry: dict[tuple[str, ...], tuple[str, ...]] = {(): ()}
    total = len(scopes[0].nodes)
    for scope in scopes:
        entered = ancestry[scope.path]
        for node_id, node in scope.nodes.items():
            definition = definitions.get(node["type"])
            if definition is None or node.get("mode") in skip:
                continue
            if node["type"] in entered:
                raise WorkflowError(
                    f"The subgraph {definition.get('name', node['type'])} contains itself",
                    node_id=scope.key(node_id),
                )
            child = Scope(definition, (*scope.path, node_id), Host(scope, node, node_id))
            scope.children[node_id] = child
            ancestry[child.path] = (*entered, node["type"])
            total += len(child.nodes)
            if len(child.path) > DEEPEST or total > MOST_NODES:
                raise WorkflowError(
                    f"Subgraphs are nested more than {DEEPEST} deep or hold more than {MOST_NODES:,} nodes",
                    node_id=scope.key(node_id),
                )
            scopes.append(child)
    return scopes


def stored_slots(node: Mapping[str, Any], side: str) -> list[Mapping[str, Any]]:
    """The "inputs" or "outputs" that were saved with a node; the slots of links count in these lists."""
    slots = node.get(side)
    if not isinstance(slots, list):
        return []
    return [entry if isinstance(entry, Mapping) else {} for entry in slots]


def slot_type(slot: Mapping[str, Any]) -> str:
    """The type of a saved slot; old files write 0 or -1 for any."""
    kind = slot.get("type")
    return kind if isinstance(kind, str) else "*"


def _definitions(data: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """All subgraph definitions by id, also those that definitions hold themselves."""
    found: dict[str, Mapping[str, Any]] = {}
    pending = [data]
    while pending:
        holder = pending.pop().get("definitions")
        entries = holder.get("subgraphs") if isinstance(holder, Mapping) else None
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, Mapping) and isinstance(entry.get("nodes"), list) and "id" in entry:
                found[str(entry["id"])] = entry
                pending.append(entry)
    return found


def _links(data: Any) -> Iterator[SavedLink]:
    """Links as lists (`[id, origin, slot, target, slot, type]`) or as objects; what is neither is dropped."""
    for entry in data if isinstance(data, list) else ():
        if isinstance(entry, Mapping):
            names = ("id", "origin_id", "origin_slot", "target_id", "target_slot")
            values = [entry.get(name) for name in names]
        elif isinstance(entry, list) and len(entry) >= 5:
            values = entry[:5]
        else:
            continue
        link_id, origin, origin_slot, target, target_slot = values
        if isinstance(origin_slot, int) and isinstance(target_slot, int):
            yield SavedLink(str(link_id), str(origin), origin_slot, str(target), target_slot)

"""Why did an instance run? What it is made of is compared with what it was made of the last time.

A reason is a few words: ("changed", input, before, after), ("upstream", input), ("file", input),
("fingerprint",), ("forced",), ("code",), ("forgotten",), ("first",).
"""

import re
import struct
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from executor.graph.fingerprint import Material

Reason: TypeAlias = tuple[str, ...]
MOST_INSTANCES = 50_000
MOST_REASONS = 5_000
LONGEST_VALUE = 60
NUMBER = re.compile("f[0-9a-f]{16}")
FIRST: Reason = ("first",)


class Past:
    """What instances were made of when a job last gave them a result; belongs to the compute thread."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[Material, str]] = OrderedDict()

    def reason(self, node_id: str, material: Material, fingerprints: Mapping[str, str]) -> Reason:
        """Why an instance runs now."""
        known = self._known.get(node_id)
        if known is None or known[0].type != material.type:
            return FIRST
        before = known[0]
        if before.version != material.version:
            return ("code",)
        if material.is_volatile:
            return ("forced",)
        return (
            changed_input(before, material)
            or changed_beside(before, material)
            or self.changed_upstream(material, fingerprints)
            or ("forgotten",)
        )

    def changed_upstream(self, material: Material, fingerprints: Mapping[str, str]) -> Reason | None:
        """The first link whose producer is not what it was."""
        for name, link in material.links:
            known = self._known.get(link.node)
            if known is None or known[1] != fingerprints[link.node]:
                return ("upstream", name)
        return None

    def remember(
        self, nodes: Iterable[str], materials: Mapping[str, Material], fingerprints: Mapping[str, str]
    ) -> None:
        """Take down what the instances that have results now are made of."""
        known = self._known
        for node_id in nodes:
            known[node_id] = (materials[node_id], fingerprints[node_id])
            known.move_to_end(node_id)
        while len(known) > MOST_INSTANCES:
            known.popitem(last=False)


def changed_input(before: Material, after: Material) -> Reason | None:
    """The first input that has another value or link."""
    if before.prefix == after.prefix and before.links == after.links:
        return None
    old, new = _inputs(before), _inputs(after)
    for name in dict.fromkeys([*new, *old]):
        if old.get(name) != new.get(name):
            return ("changed", name, _short(old.get(name)), _short(new.get(name)))
    return None


def changed_beside(before: Material, after: Material) -> Reason | None:
    """What changed though no input did: a file that one names, or what the node says of itself."""
    if before.prefix == after.prefix:
        return None
    for part in after.parts:
        if len(part) > 2 and part not in before.parts:
            return ("file", part[0]) if part[1] == "file" else ("fingerprint",)
    return ("fingerprint",)


def explain(reason: Sequence[str]) -> str:
    """A reason as a person reads it."""
    kind, *words = reason
    match kind:
        case "changed":
            return f"input {words[0]} changed: {words[1]} is {words[2]} now"
        case "upstream":
            return f"input {words[0]}: what it is linked to changed"
        case "file":
            return f"input {words[0]}: the file changed"
        case "fingerprint":
            return "the node says that its result would be another"
        case "forced":
            return "the node runs each time"
        case "code":
            return "the code of the node changed"
        case "forgotten":
            return "nothing changed, but its result was not kept"
    return "it had not run before"


def explain_all(
    nodes: Iterable[str], executed: Iterable[str], cached: Iterable[str], why: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """For every instance of a graph, what a job did about it and why."""
    ran, kept = frozenset(executed), frozenset(cached)
    told = {}
    for node_id in nodes:
        if node_id in ran:
            told[node_id] = f"ran: {explain(why.get(node_id, FIRST))}"
        else:
            told[node_id] = "cached" if node_id in kept else "skipped: not needed"
    return told


def _inputs(material: Material) -> dict[str, tuple[Any, ...]]:
    """Literals and links by name."""
    found: dict[str, tuple[Any, ...]] = {
        part[0]: part[1:] for part in material.parts if len(part) == 2 or part[1] == "json"
    }
    found.update((name, ("link", *link)) for name, link in material.links)
    return found


def _short(value: tuple[Any, ...] | None) -> str:
    if value is None:
        return "nothing"
    if value[0] == "link" and len(value) == 3:
        return f"output {value[2]} of node {value[1]}"
    text = value[1] if len(value) > 1 else repr(value[0])
    if len(value) > 1 and NUMBER.fullmatch(text):
        text = repr(struct.unpack(">d", bytes.fromhex(text[1:]))[0])
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}..."

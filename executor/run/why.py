"""Why did an instance run? What it is made of is compared with what it was made of the last time.

A reason is a few words: ("changed", input, before, after), ("upstream", input), ("file", input),
("fingerprint",), ("forced",), ("code",), ("forgotten",), ("first",), ("untold",). An instance that was not
called although it was its turn has ("held",) or ("empty",); one that got its result while the job ran, but
not by running, has ("twin", instance) or ("equal",).
"""

import re
import struct
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from executor.graph.fingerprint import Material
from executor.graph.workflow import Graph
from executor.run.events import JobFinished

Reason: TypeAlias = tuple[str, ...]
Deed: TypeAlias = Literal["ran", "cached", "not called", "failed", "stopped", "skipped"]
MOST_INSTANCES = 50_000
MOST_REASONS = 5_000
LONGEST_VALUE = 60
NUMBER = re.compile("f[0-9a-f]{16}")
FIRST: Reason = ("first",)
UNTOLD: Reason = ("untold",)
HELD: Reason = ("held",)
EMPTY: Reason = ("empty",)
EQUAL: Reason = ("equal",)
NOT_CALLED = ("held", "empty")
SENTENCES: Mapping[str, str] = {
    "changed": "input {} changed: {} is {} now",
    "upstream": "input {}: what it is linked to changed",
    "file": "input {}: the file changed",
    "fingerprint": "the node says that its result would be another",
    "forced": "the node runs each time",
    "code": "the code of the node changed",
    "forgotten": "nothing changed, but its result was not kept",
    "first": "no earlier run of it is known",
    "untold": "more nodes ran than reasons are kept for",
    "held": "an input says that the node must not run",
    "empty": "an input is an empty list",
    "twin": "node {} is its equal and gave the result",
    "equal": "what it is linked to ran again and gave what it gave before",
}


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
    return SENTENCES[kind].format(*words)


@dataclass(frozen=True)
class Told:
    """What a job did about one instance: in a word, and in a sentence.

    deed: "ran", "cached", "not called" (held back, or nothing to do), "skipped"; "failed" or "stopped" is the
        one at which the job ended early.
    """

    deed: Deed
    text: str

    def __str__(self) -> str:
        return f"{self.deed}: {self.text}"


def explain_all(
    graph: Graph, targets: Iterable[str], end: JobFinished, failed_at: str = ""
) -> dict[str, Told]:
    """For every instance of a graph, in its order, what a job did about it and why.

    Instances that nodes added while the job ran come after those of the graph.

    Args:
        graph: as it was submitted; what is wrong with it does not matter.
        targets: the output nodes that the job computed.
        end: how the job ended.
        failed_at: the instance that failed, or that ran when the job was cancelled.
    """
    ran, kept = frozenset(end.executed), frozenset(end.cached)
    present = [target for target in targets if target in graph.instances]
    needed = frozenset(graph.ancestors(present, on_cycle=lambda path, start: None))
    is_full = len(end.why) >= MOST_REASONS
    told: dict[str, Told] = {}
    for node_id in dict.fromkeys([*graph.instances, *end.executed, *end.cached]):
        reason = end.why.get(node_id)
        if node_id in ran:
            deed: Deed = "not called" if reason is not None and reason[0] in NOT_CALLED else "ran"
            told[node_id] = Told(deed, explain(reason or (UNTOLD if is_full else FIRST)))
        elif node_id in kept:
            told[node_id] = Told("cached", explain(reason) if reason else "its result was there already")
        elif node_id == failed_at and end.status != "succeeded":
            deed = "failed" if end.status == "failed" else "stopped"
            told[node_id] = Told(deed, f"it ran because {explain(reason or FIRST)}")
        elif node_id not in needed:
            told[node_id] = Told("skipped", "no output that was asked for needs it")
        elif end.status == "succeeded":
            told[node_id] = Told("skipped", "no node that ran wanted its result")
        else:
            told[node_id] = Told("skipped", "the job ended before it was its turn")
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

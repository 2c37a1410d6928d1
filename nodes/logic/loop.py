"""Repeats a part of a graph: what lies between a start and its end is written out once for each iteration."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count as numbered
from typing import Annotated, Any, ClassVar, NamedTuple

from nodes.api.context import Context, DynamicGraph
from nodes.api.declare import node
from nodes.api.errors import NodeError
from nodes.api.results import Expansion
from nodes.api.sockets import AnyValue, Lazy
from nodes.api.widgets import Grow, Hint, Range

MENU = "logic/loop"
START, END = "StartLoop", "EndLoop"
MOST = 2_000
MOST_TERMINATIONS = 10_000
LARGEST = 2**64 - 1
SMALLEST = -(2**63)

Link = tuple[str, int]
Values = Annotated[dict[str, AnyValue], Grow(prefix="value", minimum=0, maximum=MOST)]
Terminations = Annotated[dict[str, AnyValue], Grow(prefix="value", minimum=0, maximum=MOST_TERMINATIONS)]


@dataclass(frozen=True)
class Simple:
    """So many times.

    Args:
        num_iterations: how often.
    """

    key: ClassVar[str] = "simple"
    num_iterations: Annotated[int, Range(0, MOST)] = 1


@dataclass(frozen=True)
class Counted:
    """From one number to before another.

    Args:
        start_iteration_index: the first number.
        max_iteration: the number before which it ends.
        step: from one number to the next.
    """

    key: ClassVar[str] = "For"
    start_iteration_index: Annotated[int, Range(SMALLEST, LARGEST)] = 0
    max_iteration: Annotated[int, Range(SMALLEST, LARGEST)] = 1
    step: Annotated[int, Range(1, LARGEST)] = 1


@dataclass(frozen=True, eq=False)
class Listed:
    """Once for each value of a list.

    Args:
        list: any values.
    """

    key: ClassVar[str] = "List"
    list: AnyValue


class Iteration(NamedTuple):
    """Where a loop is, and what it works on."""

    iteration_index: int
    is_first: bool
    is_last: bool
    list_item: AnyValue
    current_iteration_value: AnyValue


@dataclass(frozen=True)
class Body:
    """What is repeated, as API JSON.

    entries: the instances between start and end by id.
    start: the id of the start.
    output: whose value an iteration gives, or None.
    following: whose value the next iteration begins with, or None.
    terminations: what must be computed, too.
    accumulate: keep the values of all iterations, not only of the last.
    """

    entries: Mapping[str, Mapping[str, Any]]
    start: str
    output: Link | None
    following: Link | None
    terminations: tuple[Link, ...]
    accumulate: bool


@node(id=START, display_name="Start Loop", category=MENU, experimental=True)
def start(
    mode: Simple | Counted | Listed,
    cache_iterations: bool = True,
    parent_iteration: Annotated[int, Hint(socket_only=True, optional=True)] = 0,
    initial_iteration_value: AnyValue | None = None,
) -> Iteration:
    """Begin a loop: what hangs on this node and leads to an End Loop is repeated.

    Args:
        mode: how often.
        cache_iterations: changes nothing: what an iteration computes from the same inputs is always kept.
        parent_iteration: anything of an outer loop, so that this one begins anew in each of its iterations.
        initial_iteration_value: what the first iteration works on.
    """
    item = mode.list if isinstance(mode, Listed) else None
    index = mode.start_iteration_index if isinstance(mode, Counted) else 0
    return Iteration(index, True, False, item, initial_iteration_value)


@node(id=END, display_name="End Loop", category=MENU, experimental=True, outputs=("outputs",))
async def end(
    ctx: Context,
    output_value: Lazy[AnyValue] | None = None,
    next_iteration_value: Lazy[AnyValue] | None = None,
    accumulate: Annotated[bool, Hint(optional=True)] = False,
    *,
    terminations: Annotated[
        dict[str, Lazy[AnyValue]], Grow(prefix="termination", minimum=0, maximum=50), Hint(optional=True)
    ],
) -> list[AnyValue]:
    """End a loop and give what its iterations made.

    Args:
        output_value: what an iteration makes.
        next_iteration_value: what the next iteration works on; without it, always the initial value.
        accumulate: give what every iteration made, not only the last.
        terminations: what else is computed in each iteration.
    """
    graph = ctx.dynamic_graph
    inputs = graph.get_node(ctx.node_id)["inputs"]
    start_id = start_of(graph, ctx.node_id)
    body = Body(
        entries={found: graph.get_node(found) for found in between(graph, start_id, ctx.node_id)},
        start=start_id,
        output=link_of(inputs.get("output_value")),
        following=link_of(inputs.get("next_iteration_value")),
        terminations=tuple(link for name, link in links_in(inputs) if name.startswith("terminations.")),
        accumulate=accumulate,
    )
    begin = graph.get_node(start_id)["inputs"]
    given = {name.replace(".", "_"): value for name, value in begin.items() if name.startswith("mode")}
    if "initial_iteration_value" in begin:
        given["initial"] = begin["initial_iteration_value"]
    plan = f"{ctx.node_id}.plan"
    entry = {"class_type": "LoopPlan", "inputs": {**given, "body": {"__value__": body}}}
    expansion: Any = Expansion({plan: entry}, ([plan, 0],))
    return expansion  # type: ignore[no-any-return]  # It stands for the outputs


@node(id="LoopPlan", display_name="Loop Plan", category=MENU, experimental=True, outputs=("outputs",))
def plan(
    ctx: Context,
    mode: list[AnyValue],
    body: list[AnyValue],
    mode_num_iterations: Annotated[list[AnyValue], Hint(optional=True)] = [],  # noqa: B006 - never changed
    mode_start_iteration_index: Annotated[list[AnyValue], Hint(optional=True)] = [],  # noqa: B006
    mode_max_iteration: Annotated[list[AnyValue], Hint(optional=True)] = [],  # noqa: B006
    mode_step: Annotated[list[AnyValue], Hint(optional=True)] = [],  # noqa: B006
    mode_list: Annotated[list[AnyValue], Hint(optional=True)] = [],  # noqa: B006
    initial: Annotated[list[AnyValue], Hint(optional=True)] = [],  # noqa: B006
) -> list[AnyValue]:
    """Write out the iterations of a loop; End Loop adds this node itself.

    Args:
        mode: how the number of iterations is told.
        body: what is repeated.
        mode_num_iterations: how often.
        mode_start_iteration_index: the first number.
        mode_max_iteration: the number before which it ends.
        mode_step: from one number to the next.
        mode_list: what it goes through.
        initial: what the first iteration works on.
    """
    if mode[0] == Simple.key:
        indices: Sequence[int] = range(*mode_num_iterations[:1])
    elif mode[0] == Counted.key:
        indices = range(mode_start_iteration_index[0], mode_max_iteration[0], mode_step[0])
    elif mode[0] == Listed.key:
        indices = range(len(mode_list))
    else:
        raise NodeError(f"a loop is simple, For or List, not {mode[0]!r}")
    most = min(MOST, MOST_TERMINATIONS // max(1, len(body[0].terminations)))
    if len(indices) > most:
        raise NodeError(f"{len(indices)} iterations are too many; at most {most} are written out")
    items = mode_list if mode[0] == Listed.key else [None] * len(indices)
    graph, gather = written_out(ctx.node_id, body[0], indices, items, initial)
    expansion: Any = Expansion(graph, ([gather, 0],))
    return expansion  # type: ignore[no-any-return]  # It stands for the outputs


def written_out(
    prefix: str, body: Body, indices: Sequence[int], items: Sequence[Any], initial: Sequence[Any]
) -> tuple[dict[str, dict[str, Any]], str]:
    """Return the instances of all iterations, and the id of the one that gathers what they make."""
    graph: dict[str, dict[str, Any]] = {}
    gathered: dict[str, Any] = {}
    places, ends = numbered(), numbered()
    current: dict[str, Any] = {"current_iteration_value": {"__value__": initial[0]}} if initial else {}
    for step, (index, item) in enumerate(zip(indices, items, strict=True)):

        def inside(link: Link, step: int = step) -> list[Any]:
            is_inside = link[0] in body.entries or link[0] == body.start
            return [f"{prefix}.{step}.{link[0]}" if is_inside else link[0], link[1]]

        for found, entry in body.entries.items():
            inputs = {
                name: inside(link) if (link := link_of(value)) else value
                for name, value in entry["inputs"].items()
            }
            graph[f"{prefix}.{step}.{found}"] = {"class_type": entry["class_type"], "inputs": inputs}
        first, last = step == 0, step == len(indices) - 1
        flags = {"iteration_index": index, "is_first": first, "is_last": last, "reuse_cache": True}
        values = {"list_item": {"__value__": item}, **current}
        iteration = {"class_type": "LoopIteration", "inputs": {**flags, **values}}
        graph[f"{prefix}.{step}.{body.start}"] = iteration
        if body.following is not None:
            current = {"current_iteration_value": inside(body.following)}
        if body.output is not None and (last or body.accumulate):
            gathered[f"values.value{next(places)}"] = inside(body.output)
        for link in body.terminations:
            gathered[f"terminations.value{next(ends)}"] = inside(link)
    gather = f"{prefix}.gather"
    graph[gather] = {"class_type": "LoopGather", "inputs": gathered}
    return graph, gather


@node(id="LoopIteration", display_name="Loop Iteration", category=MENU, experimental=True)
def iteration(
    iteration_index: int,
    is_first: bool,
    is_last: bool,
    list_item: AnyValue | None = None,
    current_iteration_value: AnyValue | None = None,
    *,
    reuse_cache: bool,
) -> Iteration:
    """Stand for the start of a loop in one iteration; End Loop adds this node itself.

    Args:
        iteration_index: the number of the iteration.
        is_first: whether it is the first.
        is_last: whether it is the last.
        list_item: the value of the list.
        current_iteration_value: what the iteration before handed on.
        reuse_cache: changes nothing here.
    """
    return Iteration(iteration_index, is_first, is_last, list_item, current_iteration_value)


@node(id="LoopGather", display_name="Loop Gather", category=MENU, experimental=True, outputs=("outputs",))
def gather(values: Values, terminations: Terminations) -> list[AnyValue]:
    """Gather what the iterations of a loop made; End Loop adds this node itself.

    Args:
        values: what is given on.
        terminations: what only had to be computed.
    """
    return list(values.values())


def link_of(value: Any) -> Link | None:
    """Return an input of API JSON as a link, or None if it is a value."""
    is_link = isinstance(value, list) and len(value) == 2 and isinstance(value[0], str)
    return (value[0], int(value[1])) if is_link and type(value[1]) in (int, float) else None


def links_in(inputs: Mapping[str, Any]) -> Iterator[tuple[str, Link]]:
    """Yield the names and links of those inputs that are linked."""
    for name, value in inputs.items():
        link = link_of(value)
        if link is not None:
            yield name, link


def start_of(graph: DynamicGraph, end_id: str) -> str:
    """Return the start that belongs to an end: of those up the links, the one that hangs on all others.

    Loops within are passed over.

    Raises:
        NodeError: there is none, or it cannot be told which.
    """
    found = _starts_above(graph, end_id)
    inner = [one for one in found if found - {one} <= _starts_above(graph, one)]
    if len(inner) != 1:
        raise NodeError(f"an End Loop hangs on one Start Loop, but here it hangs on {len(found)}")
    return inner[0]


def _starts_above(graph: DynamicGraph, node_id: str) -> set[str]:
    """Return all starts up the links of an instance, but those of loops that end on the way."""
    found: set[str] = set()
    seen = {node_id}
    pending = [node_id]
    while pending:
        entry = graph.get_node(pending.pop())
        for _, (producer, _slot) in links_in(entry["inputs"]):
            if producer in seen:
                continue
            seen.add(producer)
            kind = graph.get_node(producer)["class_type"]
            if kind == START:
                found.add(producer)
            pending.append(start_of(graph, producer) if kind == END else producer)
    return found


def between(graph: DynamicGraph, start_id: str, end_id: str) -> list[str]:
    """Return the ids of what depends on the start and is needed by the end, neither of them included."""
    needed: dict[str, list[str]] = {}
    pending = [end_id]
    while pending:
        current = pending.pop()
        if current in needed or current == start_id:
            continue
        needed[current] = [link[0] for _, link in links_in(graph.get_node(current)["inputs"])]
        pending += needed[current]
    inside: set[str] = {start_id}
    changed = True
    while changed:
        grown = {found for found, producers in needed.items() if not inside.isdisjoint(producers)} - inside
        changed = bool(grown)
        inside |= grown
    return sorted(inside - {start_id, end_id})

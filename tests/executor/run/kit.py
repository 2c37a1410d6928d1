"""Small nodes and an engine for tests of running."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Annotated, Any, NamedTuple, TypeVar
from weakref import WeakSet

from executor.graph.parse import parse
from executor.graph.workflow import Graph
from executor.run.cache import ResultCache
from executor.run.context import context_maker
from executor.run.engine import Engine, RunRequest
from executor.run.events import Event, JobFinished, NodeFailed, NodeFinished, NodeStarted
from nodes.api.context import Context
from nodes.api.declare import Node, node, node_of
from nodes.api.sockets import AnyValue, Image, Lazy
from nodes.api.widgets import File, Hint

T = TypeVar("T")
calls: list[str] = []


@node()
def number(value: int = 0) -> int:
    """Give a number."""
    calls.append(f"number {value}")
    return value


@node()
def add(left: int, right: int) -> int:
    """Add two numbers."""
    calls.append(f"add {left} {right}")
    return left + right


@node()
def join(*items: AnyValue) -> str:
    """Write all inputs in a row."""
    return " ".join(map(str, items))


@node()
def prefixed(prefix: str = ">", *items: AnyValue) -> str:
    """Write all inputs in a row after a prefix."""
    return " ".join(map(str, (prefix, *items)))


@node(output_node=True)
def show(ctx: Context, value: AnyValue) -> None:
    """Show a value."""
    calls.append(f"show {value}")
    ctx.show("text", [str(value)])


@node(output_node=True)
def show_object(ctx: Context) -> None:
    """Show what cannot be sent."""
    ctx.show("text", [object()])


@node()
async def switch(condition: bool, on_true: Lazy[T], on_false: Lazy[T]) -> T:
    """Pass one of two inputs on."""
    return await (on_true if condition else on_false)


@node()
async def pick(which: Lazy[int], first: Lazy[T], second: Lazy[T]) -> T:
    """Pass on what a lazy number says."""
    return await (second if await which else first)


@node()
async def both(left: Lazy[int], right: Lazy[int]) -> int:
    """Add two lazy numbers, both awaited at once."""
    return sum(await asyncio.gather(left, right))


@node()
async def lazy_options(left: Lazy[Annotated[int, Hint(optional=True)]] = 5, *, items: Lazy[list[int]]) -> int:
    """Add a lazy literal to the length of a lazy list."""
    first = await left if not isinstance(left, int) else left
    return first + len(await items)


@node()
async def wait(seconds: float, value: int = 0) -> int:
    """Give a number later."""
    await asyncio.sleep(seconds)
    calls.append(f"wait {value}")
    return value


@node()
async def stubborn(seconds: float) -> int:
    """Go on when it is told to stop."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(left)
    return 1


class Tracked:
    """A value whose end can be seen."""


alive: "WeakSet[Tracked]" = WeakSet()


@node()
def tracked() -> AnyValue:
    """Give a value whose end can be seen."""
    value = Tracked()
    alive.add(value)
    return value


@node()
def split(count: int) -> list[int]:
    """Give the numbers below a count."""
    return list(range(count))


@node()
def total(values: list[int]) -> int:
    """Add up a list."""
    calls.append(f"total {values}")
    result = sum(values)
    values.clear()
    return result


class Pair(NamedTuple):
    """Two numbers."""

    small: int
    large: int


@node()
def pair(left: int, right: int) -> Pair:
    """Put two numbers in order."""
    return Pair(min(left, right), max(left, right))


@node()
def entries(count: int) -> AnyValue:
    """Give one tuple."""
    return tuple(range(count))


@node()
def wrong_count(value: int) -> tuple[int, int]:
    """Return fewer values than declared."""
    return (value,)


@node()
def not_a_tuple(value: int) -> tuple[int, int]:
    """Return one value where two are declared."""
    return value


@node()
def not_a_list(value: int) -> list[int]:
    """Return one value where a list is declared."""
    return value


@node()
def fail(value: AnyValue | None = None, message: str = "on purpose") -> int:
    """Raise."""
    calls.append("fail")
    raise ValueError(message)


@node()
async def fail_later(seconds: float) -> int:
    """Raise after a while."""
    await asyncio.sleep(seconds)
    raise LookupError("late")


@node()
def leave() -> int:
    """End the process, or try to."""
    raise SystemExit(3)


@node()
def work(ctx: Context, steps: int = 10, seconds: float = 0.0) -> int:
    """Report progress."""
    for step in range(steps):
        ctx.progress(step, steps)
        time.sleep(seconds)
    calls.append("work")
    return steps


@node(output_node=True)
def optional_outputs(value: int) -> tuple[int, int]:
    """An output node that returns nothing."""


counter = iter(range(10**9))


@node(fingerprint=lambda: next(counter))
def clock() -> int:
    """Give another number each time it runs."""
    return next(counter)


@node()
def read(name: Annotated[str, File("input")]) -> str:
    """Read a file."""
    calls.append(f"read {name}")
    return name


@node()
def picture(size: int) -> Image:
    """Make bytes that stand for a picture."""
    return bytearray(size)


MODULE = globals()
NODES: dict[str, Node] = {
    value.node.spec.id: node_of(value) for value in tuple(MODULE.values()) if hasattr(value, "node")
}
SPECS = {name: entry.spec for name, entry in NODES.items()}


class Job:
    """What one run reported."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.outputs: dict[str, tuple[Any, ...]] = {}
        self.finished: JobFinished | None = None

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def started(self) -> list[str]:
        return [event.node_id for event in self.of(NodeStarted)]

    @property
    def failure(self) -> NodeFailed:
        (event,) = self.of(NodeFailed)
        return event

    @property
    def status(self) -> str:
        assert self.finished is not None
        return self.finished.status

    def finish_of(self, node_id: str) -> NodeFinished:
        (event,) = [event for event in self.of(NodeFinished) if event.node_id == node_id]
        return event


@contextmanager
def borrow(value: Any, shape: Any) -> Iterator[Any]:
    yield value


class NoFiles:
    """Files that are never asked for."""


def make_engine(cache: ResultCache | None = None, **options: Any) -> Engine:
    options.setdefault("surroundings", nullcontext)
    return Engine(
        NODES, ResultCache() if cache is None else cache, context_maker(NoFiles(), borrow), **options
    )


def graph_of(**entries: Any) -> Graph:
    """A graph from `name=("type", {inputs})`."""
    return parse({name: {"class_type": kind, "inputs": inputs} for name, (kind, inputs) in entries.items()})


numbers = iter(range(10**9))


async def run(engine: Engine, graph: Graph, *targets: str, **options: Any) -> Job:
    """Run a graph and gather what it reports."""
    job = Job()
    request = RunRequest(options.pop("job_id", f"job{next(numbers)}"), graph, targets, **options)
    job.finished = await engine.run(request, job.events.append, job.outputs.__setitem__)
    return job

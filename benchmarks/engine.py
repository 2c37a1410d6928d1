"""How fast graphs of trivial nodes are read, checked and run: `python -m benchmarks.engine`."""

import argparse
import asyncio
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from executor.graph.fingerprint import fingerprints
from executor.graph.parse import parse
from executor.graph.validate import validate
from executor.graph.workflow import Graph
from executor.run.cache import ResultCache
from executor.run.context import context_maker
from executor.run.engine import Engine, RunRequest
from executor.worker.heap import settle
from loaders.folders import Folders
from nodes.api.context import Context
from nodes.api.declare import node, node_of
from nodes.api.sockets import AnyValue, Lazy

T = TypeVar("T")


@node()
def number(value: int = 0) -> int:
    """Give a number."""
    return value


@node()
def add(left: int, right: int) -> int:
    """Add two numbers."""
    return left + right


@node()
def add_all(*items: int) -> int:
    """Add all numbers."""
    return sum(items)


@node()
async def add_later(left: int, right: int) -> int:
    """Add two numbers, some time."""
    return left + right


@node()
async def switch(condition: bool, on_true: Lazy[T], on_false: Lazy[T]) -> T:
    """Pass one of two inputs on."""
    return await (on_true if condition else on_false)


@node(output_node=True)
def show(ctx: Context, value: AnyValue) -> None:
    """Show a value."""
    ctx.show("text", [str(value)])


NODES = {function.__name__: node_of(function) for function in (number, add, add_all, add_later, switch, show)}
SPECS = {name: entry.spec for name, entry in NODES.items()}


def chain(length: int, kind: str = "add") -> dict[str, Any]:
    """A chain of nodes and an output node, `length` in all."""
    prompt: dict[str, Any] = {"0": {"class_type": "number", "inputs": {"value": 1}}}
    for index in range(1, length - 1):
        previous = [str(index - 1), 0]
        inputs: dict[str, Any] = {"left": previous, "right": 1}
        if kind == "switch":
            inputs = {"condition": True, "on_true": previous, "on_false": 0}
        prompt[str(index)] = {"class_type": kind, "inputs": inputs}
    prompt["out"] = {"class_type": "show", "inputs": {"value": [str(length - 2), 0]}}
    return prompt


def wide(count: int) -> dict[str, Any]:
    """A tree of additions over numbers, `count` nodes in all, with one output node."""
    prompt: dict[str, Any] = {}
    leaves = count // 2
    row = []
    for index in range(leaves):
        prompt[f"n{index}"] = {"class_type": "number", "inputs": {"value": index}}
        row.append(f"n{index}")
    while len(row) > 1:
        left, right, *row = row
        name = f"s{len(prompt)}"
        prompt[name] = {"class_type": "add", "inputs": {"left": [left, 0], "right": [right, 0]}}
        row.append(name)
    prompt["out"] = {"class_type": "show", "inputs": {"value": [row[0], 0]}}
    return prompt


def fan_in(count: int) -> dict[str, Any]:
    """One node that is linked to all others, and an output node, `count` nodes in all."""
    prompt: dict[str, Any] = {
        f"n{index}": {"class_type": "number", "inputs": {"value": index}} for index in range(count - 2)
    }
    inputs = {f"items.item{index}": [f"n{index}", 0] for index in range(count - 2)}
    prompt["all"] = {"class_type": "add_all", "inputs": inputs}
    prompt["out"] = {"class_type": "show", "inputs": {"value": ["all", 0]}}
    return prompt


def many_outputs(count: int) -> dict[str, Any]:
    """Pairs of a number and an output node, `count` nodes in all."""
    prompt: dict[str, Any] = {}
    for index in range(count // 2):
        prompt[f"n{index}"] = {"class_type": "number", "inputs": {"value": index}}
        prompt[f"o{index}"] = {"class_type": "show", "inputs": {"value": [f"n{index}", 0]}}
    return prompt


GRAPHS: dict[str, Callable[[], dict[str, Any]]] = {
    "wide, 1,000 nodes": lambda: wide(1000),
    "wide, 3,000 nodes": lambda: wide(3000),
    "500 outputs, 1,000 nodes": lambda: many_outputs(1000),
    "chain of 900": lambda: chain(900),
    "chain of 3,000": lambda: chain(3000),
    "chain of 12,500": lambda: chain(12_500),
    "chain of 25,000": lambda: chain(25_000),
    "chain of 50,000": lambda: chain(50_000),
    "fan-in of 12,500": lambda: fan_in(12_500),
    "fan-in of 25,000": lambda: fan_in(25_000),
    "fan-in of 50,000": lambda: fan_in(50_000),
    "chain of 900 async": lambda: chain(900, "add_later"),
    "chain of 900 switches": lambda: chain(900, "switch"),
}


def with_other_tail(graph: Graph) -> Graph:
    """The graph with another value in the last input of the node before the output."""
    output = list(graph.instances.values())[-1]
    tail = graph.instances[output.inputs["value"].node]
    return graph.with_value(tail.id, list(tail.inputs)[-1], 1_000_000)


@contextmanager
def borrow(value: Any, shape: Any) -> Iterator[Any]:
    yield value


def no_files(folder: str) -> list[str]:
    return []


async def measure(prompt: dict[str, Any]) -> dict[str, float]:
    """Milliseconds for each stage, with a fresh engine: by the clock, and of the processor."""
    times: dict[str, float] = {}

    def begin() -> tuple[float, float]:
        return time.perf_counter(), time.process_time()

    def lap(name: str, start: tuple[float, float]) -> None:
        times[name] = (time.perf_counter() - start[0]) * 1000
        times[f"{name} cpu"] = (time.process_time() - start[1]) * 1000

    start = begin()
    graph = parse(prompt)
    lap("parse", start)
    start = begin()
    validation = validate(graph, SPECS, no_files)
    lap("validate", start)
    assert not validation.problems, validation.problems[:3]
    start = begin()
    fingerprints(validation.graph, NODES, lambda folder, name: None)
    lap("fingerprint", start)
    events: list[Any] = []
    cache = ResultCache(max_entries=100_000)
    with Engine(NODES, cache, context_maker(Folders(Path()), borrow)) as engine:
        graph = validation.graph
        for name in ("first run", "unchanged", "tail changed"):
            if name == "tail changed":
                graph = with_other_tail(graph)
            request = RunRequest(name, graph, validation.outputs)
            start = begin()
            finished = await engine.run(request, events.append)
            lap(name, start)
            assert finished.status == "succeeded"
            assert bool(finished.executed) == (name != "unchanged")
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="", help="only graphs with this in their name")
    options = parser.parse_args()
    settle()  # as workers do
    print(f"milliseconds, median of {options.rounds} rounds")
    timed = ("parse", "validate", "first run", "unchanged", "tail changed")
    stages = [name for stage in timed for name in (stage, f"{stage} cpu")]
    print(f"{'graph':28}" + "".join(f"{stage:>18}" for stage in stages))
    for name, build in GRAPHS.items():
        if options.only not in name:
            continue
        prompt = build()
        rounds = [asyncio.run(measure(prompt)) for _ in range(options.rounds)]
        medians = [statistics.median(entry[stage] for entry in rounds) for stage in stages]
        print(f"{name:28}" + "".join(f"{value:18.1f}" for value in medians))


if __name__ == "__main__":
    main()

"""Loops in graphs, run by the real engine."""

from collections.abc import Iterator
from typing import Any

import pytest

from executor.graph.parse import parse
from executor.graph.validate import validate
from executor.run.cache import Many, ResultCache
from executor.run.context import context_maker
from executor.run.engine import Engine, RunRequest
from executor.run.events import NodeFailed
from loaders.folders import Folders
from nodes.builtin import load_builtin
from tests.nodes.conftest import borrowed

NODES = load_builtin()
SPECS = {name: node.spec for name, node in NODES.items()}
Graph = dict[str, dict[str, Any]]


def node(type_name: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": type_name, "inputs": inputs}


def formula(expression: str, **values: Any) -> dict[str, Any]:
    return node(
        "ComfyMathExpression",
        expression=expression,
        **{f"values.{key}": value for key, value in values.items()},
    )


class Bench:
    """An engine with what it kept."""

    def __init__(self, engine: Engine, folders: Folders) -> None:
        self.engine, self.folders = engine, folders
        self.executed: tuple[str, ...] = ()
        self.failures: list[str] = []

    def run(self, graph: Graph, looked_at: str = "end") -> list[Any]:
        prompt = graph | {"show": node("PreviewAny", source=[looked_at, 0])}
        checked = validate(parse(prompt, SPECS), SPECS, self.folders.names, nodes=NODES)
        assert checked.problems == ()
        values: dict[str, Any] = {}
        events: list[Any] = []
        request = RunRequest("job", checked.graph, (*checked.outputs, looked_at), None, prompt)
        finished = self.engine.complete(request, events.append, values.__setitem__)
        self.failures = [event.message for event in events if isinstance(event, NodeFailed)]
        self.executed = finished.executed
        if self.failures:
            return []
        (value,) = values[looked_at]
        assert isinstance(value, Many)
        return list(value.values)


@pytest.fixture
def bench(folders: Folders) -> Iterator[Bench]:
    maker = context_maker(folders, borrowed)
    with Engine(NODES, ResultCache(), maker, stat=folders.stamp) as engine:
        yield Bench(engine, folders)


def counting(accumulate: bool = True, **mode: Any) -> Graph:
    """A loop that doubles a value, from 1, and adds the index."""
    return {
        "one": node("PrimitiveInt", value=1),
        "start": node("StartLoop", cache_iterations=True, initial_iteration_value=["one", 0], **mode),
        "double": formula("2 * a + b", a=["start", 4], b=["start", 0]),
        "end": node(
            "EndLoop", output_value=["double", 1], next_iteration_value=["double", 1], accumulate=accumulate
        ),
    }


def simple(count: Any) -> dict[str, Any]:
    return {"mode": "simple", "mode.num_iterations": count}


def test_each_iteration_begins_with_what_the_last_one_made(bench: Bench) -> None:
    # 1 -> 2 + 0 = 2 -> 4 + 1 = 5 -> 10 + 2 = 12 -> 24 + 3 = 27
    assert bench.run(counting(**simple(4))) == [2, 5, 12, 27]
    assert bench.run(counting(accumulate=False, **simple(4))) == [27]
    assert bench.run(counting(**simple(0))) == []


def test_a_loop_from_a_number_to_before_another(bench: Bench) -> None:
    mode = {"mode": "For", "mode.start_iteration_index": 5, "mode.max_iteration": 12, "mode.step": 3}
    # Indices 5, 8, 11: 2 + 5 = 7, 14 + 8 = 22, 44 + 11 = 55
    assert bench.run(counting(**mode)) == [7, 22, 55]


def test_a_loop_over_a_list(bench: Bench) -> None:
    graph = {name: node("PrimitiveInt", value=value) for name, value in (("a", 3), ("b", 5), ("c", 7))}
    graph["list"] = node("CreateList", **{f"inputs.input{i}": [name, 0] for i, name in enumerate("abc")})
    graph["start"] = node("StartLoop", mode="List", cache_iterations=False, **{"mode.list": ["list", 0]})
    graph["square"] = formula("a * a + 100 * b + 1000 * c", a=["start", 3], b=["start", 1], c=["start", 2])
    graph["end"] = node("EndLoop", output_value=["square", 1], accumulate=True)
    assert bench.run(graph) == [109, 25, 1049]


def test_how_often_may_be_computed(bench: Bench) -> None:
    graph = counting(**simple(["count", 1]))
    graph["count"] = formula("a + 1", a=["one", 0])
    assert bench.run(graph) == [2, 5]


def test_what_the_loop_does_not_touch_is_computed_once(bench: Bench) -> None:
    graph = counting(**simple(5))
    graph["outside"] = formula("a + 10", a=["one", 0])
    graph["double"] = formula("a + b", a=["start", 4], b=["outside", 1])
    assert bench.run(graph) == [12, 23, 34, 45, 56]
    assert bench.executed.count("outside") == 1
    assert "double" not in bench.executed


def test_the_same_loop_again_runs_nothing_and_a_longer_one_only_what_is_new(bench: Bench) -> None:
    bench.run(counting(**simple(3)))
    first = len(bench.executed)
    assert bench.run(counting(**simple(3))) == [2, 5, 12]
    assert bench.executed == ()
    assert bench.run(counting(**simple(4))) == [2, 5, 12, 27]
    assert 0 < len(bench.executed) <= first + 2


def test_loops_within_loops(bench: Bench) -> None:
    graph = {
        "outer": node("StartLoop", cache_iterations=True, **simple(3)),
        "inner": node("StartLoop", cache_iterations=True, parent_iteration=["outer", 0], **simple(2)),
        "sum": formula("10 * a + b", a=["outer", 0], b=["inner", 0]),
        "inner_end": node("EndLoop", output_value=["sum", 1], accumulate=True),
        "picked": node("GetItemFromList", list=["inner_end", 0], index=-1),
        "end": node("EndLoop", output_value=["picked", 0], accumulate=True),
    }
    assert bench.run(graph) == [1, 11, 21]


def test_without_a_next_value_each_iteration_begins_anew(bench: Bench) -> None:
    graph = counting(**simple(3))
    del graph["end"]["inputs"]["next_iteration_value"]
    assert bench.run(graph) == [2, 3, 4]


def test_what_else_is_asked_for_is_computed_each_time(bench: Bench) -> None:
    graph = counting(**simple(3))
    graph["aside"] = formula("1 / (a - 2)", a=["start", 0])
    assert bench.run(graph) == [2, 5, 12]
    graph["end"]["inputs"]["terminations.termination0"] = ["aside", 0]
    bench.run(graph)
    assert any("division by zero" in failure for failure in bench.failures)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"end": node("EndLoop", output_value=["one", 0])},
            "hangs on one Start Loop, but here it hangs on 0",
        ),
        (
            {"start": node("StartLoop", cache_iterations=True, **simple(["big", 0]))},
            "3000 iterations are too many",
        ),
    ],
)
def test_bad_loops_are_refused(bench: Bench, changes: Graph, message: str) -> None:
    graph = counting(**simple(2)) | {"big": node("PrimitiveInt", value=3000)} | changes
    bench.run(graph)
    assert [message in failure for failure in bench.failures] == [True]

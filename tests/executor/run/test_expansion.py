import re

import pytest

from executor.run import growth
from executor.run.cache import Many, ResultCache
from executor.run.events import NodeFinished, NodeStarted
from nodes.api.results import Blocked
from tests.executor.run.kit import calls, graph_of, run
from tests.executor.run.pack_kit import log, make_pack_engine


@pytest.fixture
def engine():
    log.clear()
    calls.clear()
    with make_pack_engine() as engine:
        yield engine


def add(left, right=1):
    return {"class_type": "add", "inputs": {"left": left, "right": right}}


async def test_a_graph_runs_in_the_place_of_its_node(engine):
    graph = graph_of(
        n=("number", {"value": 5}),
        a=("Loop", {"count": 2, "value": ["n", 0]}),
        out=("show", {"value": ["a", 0]}),
    )
    job = await run(engine, graph, "out")
    assert job.finished.outputs == {"out": {"text": ("7",)}}
    assert job.started == ["n", "a", "a.0.0.1", "a.0.0.2", "a.0.0.2.0.0.1", "a.0.0.2.0.0.2", "out"]
    ids = {
        event.node_id: (event.display_id, event.parent_id, event.real_id) for event in job.of(NodeFinished)
    }
    assert ids["a"] == ("", "", "")
    assert ids["a.0.0.1"] == ("a", "a", "a")
    assert ids["a.0.0.2.0.0.1"] == ("a", "a.0.0.2", "a")


async def test_a_second_run_does_not_look_inside(engine):
    graph = graph_of(a=("Loop", {"count": 2, "value": 1}))
    await run(engine, graph, "a")
    job = await run(engine, graph, "a")
    assert job.outputs == {"a": (3,)}
    assert job.of(NodeStarted) == []
    assert job.finished.cached == ("a",)


async def test_what_is_inside_is_cached_as_well(engine):
    await run(engine, graph_of(a=("Loop", {"count": 2, "value": 1})), "a")
    calls.clear()
    job = await run(engine, graph_of(a=("Loop", {"count": 3, "value": 1})), "a")
    assert job.outputs == {"a": (4,)}
    assert calls == ["add 3 1"]


async def test_loops_of_any_depth_need_no_recursion(engine):
    job = await run(engine, graph_of(a=("Loop", {"count": 150, "value": 0})), "a")
    assert job.outputs == {"a": (150,)}


@pytest.mark.parametrize(("name", "most"), [("DEEPEST", 40), ("MOST_ADDED", 80)])
async def test_a_node_that_adds_itself_for_ever_is_stopped_and_named(engine, monkeypatch, name, most):
    monkeypatch.setattr(growth, name, most)
    graph = graph_of(a=("Loop", {"count": 10**9, "value": 0}), out=("show", {"value": ["a", 0]}))
    job = await run(engine, graph, "out")
    assert (job.status, job.failure.node_id) == ("failed", "a")
    assert job.failure.message == "Loop (node a) adds nodes without end, it seems: 82, 41 inside each other"
    assert (await run(engine, graph_of(n=("number", {})), "n")).status == "succeeded"


async def test_values_shown_values_and_graphs_can_come_from_the_calls_of_one_node(engine):
    graph = graph_of(n=("Several", {"count": 6}), a=("Mixed", {"value": ["n", 0]}))
    job = await run(engine, graph, "a")
    assert job.outputs == {"a": (Many((0, 10, 102, 3, 40, 105)),)}
    assert job.finish_of("a").ui == {"text": (1, 4)}
    assert "a.2.0.1" in job.started
    assert "a.5.0.1" in job.started


async def test_lists_from_inside_become_lists_outside(engine):
    inner = {"s": {"class_type": "Several", "inputs": {"count": 3}}, "t": add(1)}
    graph = graph_of(
        a=("Adder", {"graph": {"x": inner["s"]}, "result": {"__value__": ["x", 0]}}),
        b=("AdderOfLists", {"graph": {"y": inner["s"]}, "result": {"__value__": ["y", 0]}}),
        c=("AdderOfLists", {"graph": {"z": inner["t"]}, "result": {"__value__": ["z", 0]}}),
    )
    job = await run(engine, graph, "a", "b", "c")
    assert job.outputs == {"a": (Many((0, 1, 2)),), "b": (Many((0, 1, 2)),), "c": (Many((2,)),)}
    assert job.finish_of("a").ui == {"text": ("expanded",)}


async def test_output_nodes_inside_run_and_show(engine):
    inner = {"x": add(1), "y": {"class_type": "show", "inputs": {"value": ["x", 0]}}}
    inner["z"] = {"class_type": "show", "inputs": {"value": "alone"}, "override_display_id": "other"}
    graph = graph_of(a=("Adder", {"graph": inner, "result": 3}))
    job = await run(engine, graph, "a")
    assert job.outputs == {"a": (3,)}
    assert job.finished.outputs["y"] == {"text": ("2",)}
    assert job.finished.outputs["z"] == {"text": ("alone",)}
    assert job.finish_of("z").display_id == "other"


async def test_inputs_inside_may_be_any_object(engine):
    thing = object()

    class Odd:
        pass

    graph = graph_of(a=("Adder", {"result": {"__value__": ["x", 0]}}))
    inner = {"x": {"class_type": "GatherAll", "inputs": {"first": thing, "secret": {"__value__": [Odd]}}}}
    changed = graph.instances["a"]._replace(inputs={**graph.instances["a"].inputs, "graph": inner})
    job = await run(engine, type(graph)({"a": changed}), "a")
    assert job.outputs["a"][0] == (("first", thing), ("secret", [Odd]))


async def test_links_from_inside_may_lead_outside_even_to_what_was_let_go(engine):
    graph = graph_of(
        n=("number", {"value": 5}),
        unused=("number", {"value": 7}),
        m=("add", {"left": ["n", 0], "right": 1}),
        a=(
            "Adder",
            {
                "graph": {"x": add(["n", 0], ["unused", 0])},
                "result": {"__value__": ["x", 0]},
                "after": ["m", 0],
            },
        ),
        b=("Raw", {"source": ["m", 0]}),
    )
    for cache in (ResultCache(), ResultCache(max_entries=0)):
        calls.clear()
        with make_pack_engine(cache) as engine:
            job = await run(engine, graph, "m", "a", "b")
        assert job.outputs == {"m": (6,), "a": (12,), "b": (7,)}
        assert job.status == "succeeded"


async def test_a_link_can_be_passed_on_as_it_is(engine):
    graph = graph_of(n=("number", {"value": 5}), a=("Raw", {"source": ["n", 0]}))
    job = await run(engine, graph, "a")
    assert log == ["raw ['n', 0]"]
    assert job.outputs == {"a": (6,)}


async def test_blocked_results_of_a_graph_hold_back_what_follows(engine):
    inner = {"x": {"class_type": "Block", "inputs": {"value": 1, "message": "inside"}}}
    graph = graph_of(
        a=("Adder", {"graph": inner, "result": {"__value__": ["x", 0]}}),
        b=("add", {"left": ["a", 0], "right": 1}),
    )
    job = await run(engine, graph, "b")
    assert job.outputs == {"b": (Blocked(None),)}


async def test_async_nodes_inside_overlap(engine):
    graph = graph_of(
        a=("AddSoon", {"value": 1}),
        b=("AddSoon", {"value": 2}),
        c=("add", {"left": ["a", 0], "right": ["b", 0]}),
    )
    job = await run(engine, graph, "c")
    assert job.outputs == {"c": (3,)}
    assert job.started.index("b.0.0.1") < job.started.index("c")


async def test_nodes_inside_know_their_family(engine):
    graph = graph_of(
        a=(
            "Adder",
            {"graph": {"x": {"class_type": "Family", "inputs": {}}}, "result": {"__value__": ["x", 0]}},
        )
    )
    job = await run(engine, graph, "a")
    assert job.outputs == {"a": (("a", "a", "a", ["a", "x"]),)}


@pytest.mark.parametrize(
    ("inner", "result", "message"),
    [
        ({"x": add(["y", 0]), "y": add(["x", 0])}, "x", "wait for each other"),
        ({"x": add(["a", 0])}, "x", "wait for each other"),
        ({"x": add(["out", 0])}, "x", "wait for each other"),
        (
            {
                "x": {
                    "class_type": "switch",
                    "inputs": {"condition": True, "on_true": ["a", 0], "on_false": 0},
                }
            },
            "x",
            "wait for each",
        ),
        ({"x": add(["gone", 0])}, "x", "linked to node gone, which is not in the graph"),
        ({"x": add(1)}, "gone", "takes a result from node gone"),
        ({"a": add(1)}, "a", "adds a node with the id a, which is taken"),
        ({"x": {"class_type": "Unheard", "inputs": {}}}, "x", "of the type Unheard, which does not exist"),
        ({"x": add("five")}, "x", "unsupported operand|can only concatenate"),
    ],
)
async def test_a_graph_that_cannot_run_fails_at_the_node_that_brought_it(engine, inner, result, message):
    graph = graph_of(
        a=("Adder", {"graph": inner, "result": {"__value__": [result, 0]}}),
        out=("add", {"left": ["a", 0], "right": 1}),
    )
    job = await run(engine, graph, "out")
    assert job.status == "failed"
    assert (job.failure.node_id, job.failure.node_type) == ("a", "Adder")
    assert re.search(message, job.failure.message)


async def test_a_failure_inside_names_both(engine):
    graph = graph_of(
        a=("Adder", {"graph": {"x": {"class_type": "fail", "inputs": {}}}, "result": {"__value__": ["x", 0]}})
    )
    job = await run(engine, graph, "a")
    assert (job.failure.node_id, job.failure.inner_id, job.failure.inner_type) == ("a", "x", "fail")

import pytest

from executor.run.cache import Many, ResultCache
from executor.run.events import JobStarted, NodeFinished, NodesCached, NodeStarted
from tests.executor.run.kit import calls, graph_of, make_engine, run


async def test_a_graph_runs_in_declared_order_and_each_node_once(engine):
    graph = graph_of(
        out=("show", {"value": ["sum", 0]}),
        sum=("add", {"right": ["b", 0], "left": ["a", 0]}),
        b=("add", {"left": ["a", 0], "right": 1}),
        a=("number", {"value": 3}),
    )
    job = await run(engine, graph, "out")
    assert calls == ["number 3", "add 3 1", "add 3 4", "show 7"]
    assert job.status == "succeeded"
    assert job.finished.outputs == {"out": {"text": ("7",)}}
    assert job.finished.executed == ("a", "b", "sum", "out")
    assert job.finished.cached == ()


async def test_events_come_in_order(engine):
    graph = graph_of(a=("number", {"value": 1}), out=("show", {"value": ["a", 0]}))
    job = await run(engine, graph, "out")
    kinds = [type(event).__name__ for event in job.events]
    assert kinds == [
        "JobStarted",
        "NodesCached",
        "NodeStarted",
        "NodeFinished",
        "NodeStarted",
        "NodeFinished",
        "JobFinished",
    ]
    assert job.of(NodesCached)[0].nodes == ()
    assert job.of(JobStarted)[0].time > 0
    assert job.events[-1] == job.finished


async def test_what_no_target_needs_does_not_run(engine):
    graph = graph_of(
        a=("number", {"value": 1}), b=("fail", {}), out=("show", {"value": ["a", 0]}), other=("fail", {})
    )
    job = await run(engine, graph, "out")
    assert job.status == "succeeded"
    assert "fail" not in calls


async def test_an_unchanged_graph_runs_nothing_and_says_so(engine):
    graph = graph_of(a=("number", {"value": 1}), out=("show", {"value": ["a", 0]}))
    first = await run(engine, graph, "out")
    calls.clear()
    second = await run(engine, graph, "out")
    assert calls == []
    assert second.of(NodeStarted) == []
    assert second.of(NodesCached)[0].nodes == ("a", "out")
    finish = second.finish_of("out")
    assert finish.cached
    assert finish.ui == {"text": ("1",)}
    assert second.finished.outputs == first.finished.outputs
    assert second.finished.executed == ()
    assert second.finished.cached == ("a", "out")


async def test_only_what_follows_a_change_runs_again(engine):
    graph = graph_of(
        a=("number", {"value": 1}),
        b=("number", {"value": 2}),
        sum=("add", {"left": ["a", 0], "right": ["b", 0]}),
        out=("show", {"value": ["sum", 0]}),
    )
    await run(engine, graph, "out")
    calls.clear()
    job = await run(engine, graph.with_value("b", "value", 5), "out")
    assert calls == ["number 5", "add 1 5", "show 6"]
    assert job.finished.cached == ("a",)
    assert [event.node_id for event in job.of(NodeFinished)] == ["b", "sum", "out"]


async def test_equal_nodes_run_once_in_one_job(engine):
    graph = graph_of(
        a=("number", {"value": 4}),
        twin=("number", {"value": 4}),
        sum=("add", {"left": ["a", 0], "right": ["twin", 0]}),
    )
    job = await run(engine, graph, "sum")
    assert calls == ["number 4", "add 4 4"]
    assert job.outputs == {"sum": (8,)}
    assert job.finish_of("twin").cached
    assert job.finished.cached == ("twin",)


async def test_equal_async_nodes_run_once_in_one_job(engine):
    graph = graph_of(
        a=("wait", {"seconds": 0.02, "value": 4}),
        twin=("wait", {"seconds": 0.02, "value": 4}),
        sum=("add", {"left": ["a", 0], "right": ["twin", 0]}),
    )
    job = await run(engine, graph, "sum")
    assert calls == ["wait 4", "add 4 4"]
    assert job.outputs == {"sum": (8,)}


async def test_twins_both_run_when_the_cache_keeps_nothing():
    calls.clear()
    graph = graph_of(
        a=("number", {"value": 4}),
        b=("show", {"value": ["a", 0]}),
        twin=("number", {"value": 4}),
        c=("add", {"left": ["twin", 0], "right": 1}),
    )
    with make_engine(ResultCache(max_entries=0)) as engine:
        job = await run(engine, graph, "b", "c")
    assert job.outputs["c"] == (5,)
    assert calls == ["number 4", "show 4", "number 4", "add 4 1"]


async def test_a_target_need_not_be_an_output_node_and_may_be_named_twice(engine):
    graph = graph_of(a=("number", {"value": 4}), b=("add", {"left": ["a", 0], "right": 1}))
    job = await run(engine, graph, "b", "a", "b")
    assert job.outputs == {"b": (5,), "a": (4,)}


async def test_several_outputs_of_a_named_tuple_are_linked_by_number(engine):
    graph = graph_of(
        pair=("pair", {"left": 9, "right": 4}),
        out=("add", {"left": ["pair", 1], "right": ["pair", 0]}),
        large=("show", {"value": ["pair", 1]}),
    )
    job = await run(engine, graph, "out", "large")
    assert job.outputs["out"] == (13,)
    assert job.finished.outputs == {"large": {"text": ("9",)}}


async def test_one_output_may_be_a_tuple(engine):
    graph = graph_of(one=("entries", {"count": 1}))
    job = await run(engine, graph, "one")
    assert job.outputs == {"one": ((0,),)}


async def test_an_output_node_may_return_nothing_for_its_outputs(engine):
    job = await run(engine, graph_of(a=("optional_outputs", {"value": 1})), "a")
    assert job.outputs == {"a": (None, None)}


async def test_growing_inputs_arrive_in_the_order_of_their_numbers(engine):
    graph = graph_of(
        a=("number", {"value": 1}),
        b=("join", {"items.item10": 10, "items.item2": "two", "items.item0": ["a", 0]}),
        c=("prefixed", {"items.item0": 7}),
        d=("prefixed", {"items.item0": 7, "prefix": "#"}),
    )
    job = await run(engine, graph, "b", "c", "d")
    assert job.outputs == {"b": ("1 two 10",), "c": ("> 7",), "d": ("# 7",)}


async def test_an_impure_node_runs_each_time(engine):
    graph = graph_of(a=("clock", {}), out=("show", {"value": ["a", 0]}))
    first = await run(engine, graph, "out")
    second = await run(engine, graph, "out")
    assert first.finished.outputs != second.finished.outputs


async def test_a_file_that_changed_is_read_again():
    stamps = {"x.png": (3, 1)}
    calls.clear()
    with make_engine(stat=lambda folder, name: (folder, stamps[name])) as engine:
        graph = graph_of(a=("read", {"name": "x.png"}))
        await run(engine, graph, "a")
        await run(engine, graph, "a")
        assert calls == ["read x.png"]
        stamps["x.png"] = (3, 2)
        await run(engine, graph, "a")
        assert calls == ["read x.png", "read x.png"]


async def test_literals_that_python_calls_equal_have_results_of_their_own(engine):
    values = [1, 1.0, True]
    for value in values:
        await run(engine, graph_of(out=("show", {"value": value})), "out")
    assert calls == ["show 1", "show 1.0", "show True"]


async def test_results_are_let_go_when_the_last_consumer_had_them():
    seen = []
    cache = ResultCache(max_entries=0)
    with make_engine(cache) as engine:
        graph = graph_of(
            a=("number", {"value": 1}),
            b=("add", {"left": ["a", 0], "right": ["a", 0]}),
            c=("add", {"left": ["b", 0], "right": 1}),
            out=("show", {"value": ["c", 0]}),
        )
        drives = []
        original = engine._drive
        engine._drive = lambda drive: (drives.append(drive), original(drive))[1]
        await run(engine, graph, "out")
        seen = drives[0].outcomes
    assert seen == {}


@pytest.mark.parametrize("length", [50_000])
async def test_a_chain_of_any_length_runs_without_recursion(engine, length):
    entries = {"0": ("number", {"value": 1})}
    for index in range(1, length):
        entries[str(index)] = ("add", {"left": [str(index - 1), 0], "right": 1})
    job = await run(engine, graph_of(**entries), str(length - 1))
    assert job.outputs == {str(length - 1): (length,)}


async def test_jobs_follow_each_other_on_the_compute_thread(engine):
    import asyncio

    graph = graph_of(a=("work", {"steps": 3, "seconds": 0.01}))
    jobs = await asyncio.gather(*(run(engine, graph.with_value("a", "steps", n), "a") for n in (2, 3, 4)))
    assert [job.outputs["a"] for job in jobs] == [(2,), (3,), (4,)]


def test_a_job_can_be_completed_without_an_event_loop(engine):
    from executor.run.engine import RunRequest

    events = []
    request = RunRequest("j", graph_of(a=("number", {"value": 4})), ("a",))
    finished = engine.complete(request, events.append)
    assert finished.status == "succeeded"
    assert events[-1] is finished


async def test_surroundings_are_entered_on_both_threads():
    import threading
    from contextlib import contextmanager

    entered = []

    @contextmanager
    def surroundings():
        entered.append(threading.current_thread().name)
        yield

    with make_engine(surroundings=surroundings) as engine:
        await run(engine, graph_of(a=("wait", {"seconds": 0.0})), "a")
    assert sorted(entered)[0] == "async nodes"
    assert sorted(entered)[1].startswith("compute")


async def test_a_list_output_arrives_whole_as_many(engine):
    job = await run(engine, graph_of(a=("split", {"count": 3})), "a")
    assert job.outputs == {"a": (Many((0, 1, 2)),)}

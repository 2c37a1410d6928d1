import pytest

from executor.graph.workflow import Graph
from executor.run.cache import ResultCache
from executor.run.disk_cache import DiskCache
from executor.run.events import JobFinished
from executor.run.why import MOST_REASONS, SENTENCES, explain, explain_all
from tests.executor.run.kit import graph_of, make_engine, run
from tests.executor.run.pack_kit import ALL, make_pack_engine


def told_of(job, graph, *targets, failed_at=""):
    told = explain_all(graph, targets, job.finished, failed_at)
    return {node_id: str(entry) for node_id, entry in told.items()}


@pytest.fixture
def engine():
    with make_pack_engine() as engine:
        yield engine


GRAPH = graph_of(
    a=("number", {"value": 1}),
    b=("number", {"value": 2}),
    c=("add", {"left": ["a", 0], "right": ["b", 0]}),
    out=("show", {"value": ["c", 0]}),
    other=("number", {"value": 9}),
)


async def test_a_first_run_needs_no_reasons(engine):
    job = await run(engine, GRAPH, "out")
    assert job.finished.why == {}
    told = told_of(job, GRAPH, "out")
    assert told["a"] == "ran: no earlier run of it is known"
    assert told["other"] == "skipped: no output that was asked for needs it"


async def test_what_changed_is_named_and_what_follows_refers_to_it(engine):
    await run(engine, GRAPH, "out")
    job = await run(engine, GRAPH.with_value("b", "value", 5), "out")
    assert job.finished.why == {
        "b": ("changed", "value", "2", "5"),
        "c": ("upstream", "right"),
        "out": ("upstream", "value"),
    }
    assert told_of(job, GRAPH, "out") == {
        "a": "cached: its result was there already",
        "b": "ran: input value changed: 2 is 5 now",
        "c": "ran: input right: what it is linked to changed",
        "out": "ran: input value: what it is linked to changed",
        "other": "skipped: no output that was asked for needs it",
    }


async def test_a_new_link_and_a_changed_float_are_named(engine):
    graph = graph_of(a=("number", {"value": 1}), w=("wait", {"seconds": 0.01, "value": ["a", 0]}))
    await run(engine, graph, "w")
    job = await run(engine, graph.with_value("w", "seconds", 0.02), "w")
    assert job.finished.why == {"w": ("changed", "seconds", "0.01", "0.02")}
    job = await run(engine, graph.with_value("w", "value", 7), "w")
    assert job.finished.why["w"] == ("changed", "seconds", "0.02", "0.01")
    job = await run(engine, graph.with_value("w", "value", 8), "w")
    assert job.finished.why == {"w": ("changed", "value", "7", "8")}
    job = await run(engine, graph.with_value("w", "value", "x" * 99), "w")
    assert len(job.finished.why["w"][3]) < 70


async def test_nodes_that_always_run_say_so_and_what_was_not_kept_too(engine):
    graph = graph_of(a=("Never", {"value": 1}), b=("number", {}), c=("clock", {}))
    await run(engine, graph, "a", "b", "c")
    engine.cache.clear()
    job = await run(engine, graph, "a", "b", "c")
    assert job.finished.why == {"a": ("forced",), "b": ("forgotten",), "c": ("fingerprint",)}


async def test_changed_code_and_changed_files_are_named():
    from dataclasses import replace

    stamps = {"x.png": 1}
    graph = graph_of(a=("read", {"name": "x.png"}))
    with make_engine(stat=lambda folder, name: stamps[name]) as engine:
        await run(engine, graph, "a")
        stamps["x.png"] = 2
        job = await run(engine, graph, "a")
        assert job.finished.why == {"a": ("file", "name")}
        entry = ALL["read"]
        changed = replace(entry, spec=replace(entry.spec, code_version="other"))
        object.__setattr__(engine._parts, "nodes", {**ALL, "read": changed})
        job = await run(engine, graph, "a")
        assert job.finished.why == {"a": ("code",)}


async def test_outputs_that_were_not_asked_for_and_lazy_inputs_nobody_wanted_are_told_apart(engine):
    graph = graph_of(
        a=("number", {"value": 1}),
        b=("number", {"value": 2}),
        s=("switch", {"condition": True, "on_true": ["a", 0], "on_false": ["b", 0]}),
        out=("show", {"value": ["s", 0]}),
        other=("show", {"value": ["b", 0]}),
    )
    told = told_of(await run(engine, graph, "out"), graph, "out")
    assert told["b"] == "skipped: no node that ran wanted its result"
    assert told["other"] == "skipped: no output that was asked for needs it"


async def test_results_that_came_while_the_job_ran_say_from_where(engine):
    graph = graph_of(
        a=("number", {"value": 1}),
        twin=("number", {"value": 1}),
        sum=("add", {"left": ["a", 0], "right": ["twin", 0]}),
        n=("Never", {"value": 4}),
        after=("add", {"left": ["n", 0], "right": 1}),
    )
    job = await run(engine, graph, "sum", "after")
    assert told_of(job, graph, "sum", "after")["twin"] == "cached: node a is its equal and gave the result"
    told = told_of(await run(engine, graph, "sum", "after"), graph, "sum", "after")
    assert told["n"] == "ran: the node runs each time"
    assert told["after"] == "cached: what it is linked to ran again and gave what it gave before"
    assert told["twin"] == "cached: its result was there already"


async def test_what_was_not_called_is_not_said_to_have_run(engine):
    graph = graph_of(
        b=("Block", {"value": 1}),
        held=("add", {"left": ["b", 0], "right": 1}),
        none=("Several", {"count": 0}),
        empty=("add", {"left": ["none", 0], "right": 1}),
    )
    told = told_of(await run(engine, graph, "held", "empty"), graph, "held", "empty")
    assert told["b"].startswith("ran: ")
    assert told["held"] == "not called: an input says that the node must not run"
    assert told["empty"] == "not called: an input is an empty list"


async def test_a_job_that_failed_says_where_and_what_it_did_not_come_to(engine):
    graph = graph_of(
        a=("number", {"value": 1}),
        f=("fail", {"value": ["a", 0]}),
        out=("show", {"value": ["f", 0]}),
    )
    told = told_of(await run(engine, graph, "out"), graph, "out", failed_at="f")
    assert told["f"] == "failed: it ran because no earlier run of it is known"
    assert told["out"] == "skipped: the job ended before it was its turn"
    end = JobFinished("j", "cancelled", {}, (), (), 0.0, 0.0, {"a": ("code",)})
    told = explain_all(graph, ["out"], end, "a")
    assert str(told["a"]) == "stopped: it ran because the code of the node changed"


async def test_what_was_added_while_the_job_ran_is_told_too(engine):
    graph = graph_of(a=("Loop", {"count": 1, "value": 1}))
    told = told_of(await run(engine, graph, "a"), graph, "a")
    assert list(told) == ["a", "a.0.0.1", "a.0.0.2"]
    assert told["a.0.0.1"] == "ran: no earlier run of it is known"


async def test_another_process_with_the_same_disk_cache_knows_results_but_no_reasons(tmp_path):
    for _ in range(2):
        cache = ResultCache()
        cache.disk = DiskCache(tmp_path, worth_seconds=0.0)
        with make_pack_engine(cache) as engine:
            job = await run(engine, GRAPH, "out")
            later = await run(engine, GRAPH.with_value("b", "value", 3), "out")
    told = told_of(job, GRAPH, "out")
    assert told["a"] == told["out"] == "cached: its result was there already"
    assert later.finished.executed == ()


def test_a_reason_that_was_not_kept_is_not_made_up():
    instances = graph_of(a=("number", {})).instances
    why = {f"n{index}": ("code",) for index in range(MOST_REASONS)}
    end = JobFinished("j", "succeeded", {}, ("a",), (), 0.0, 0.0, why)
    told = explain_all(Graph(instances), ["a", "gone"], end)
    assert str(told["a"]) == "ran: more nodes ran than reasons are kept for"


def test_every_reason_can_be_read():
    words = ("x", "1", "2")
    texts = {explain((kind, *words[: sentence.count("{}")])) for kind, sentence in SENTENCES.items()}
    assert len(texts) == len(SENTENCES)
    assert explain(("changed", "x", "{}", "2")) == "input x changed: {} is 2 now"

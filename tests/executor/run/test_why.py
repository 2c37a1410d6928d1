import pytest

from executor.run.why import explain, explain_all
from tests.executor.run.kit import graph_of, make_engine, run
from tests.executor.run.pack_kit import ALL, make_pack_engine


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
    told = explain_all(GRAPH.instances, job.finished.executed, job.finished.cached, job.finished.why)
    assert told["a"] == "ran: it had not run before"
    assert told["other"] == "skipped: not needed"


async def test_what_changed_is_named_and_what_follows_refers_to_it(engine):
    await run(engine, GRAPH, "out")
    job = await run(engine, GRAPH.with_value("b", "value", 5), "out")
    assert job.finished.why == {
        "b": ("changed", "value", "2", "5"),
        "c": ("upstream", "right"),
        "out": ("upstream", "value"),
    }
    told = explain_all(GRAPH.instances, job.finished.executed, job.finished.cached, job.finished.why)
    assert told == {
        "a": "cached",
        "b": "ran: input value changed: 2 is 5 now",
        "c": "ran: input right: what it is linked to changed",
        "out": "ran: input value: what it is linked to changed",
        "other": "skipped: not needed",
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


def test_every_reason_can_be_read():
    kinds = [
        ("first",),
        ("code",),
        ("forced",),
        ("forgotten",),
        ("fingerprint",),
        ("file", "x"),
        ("upstream", "x"),
    ]
    texts = {explain(reason) for reason in [*kinds, ("changed", "x", "1", "2")]}
    assert len(texts) == 8

import asyncio

import pytest

from executor.run import asides
from executor.run.cache import Many
from executor.run.engine import RunRequest
from executor.run.events import NodesCached, NodeStarted
from executor.run.failures import describe
from nodes.api.errors import OutOfMemory
from tests.executor.run.kit import alive, calls, graph_of, make_engine, run


async def test_a_failure_names_node_type_message_traceback_and_inputs(engine):
    graph = graph_of(
        a=("number", {"value": 3}), bad=("fail", {"value": ["a", 0], "message": "no such thing"})
    )
    job = await run(engine, graph, "bad")
    failure = job.failure
    assert (failure.node_id, failure.node_type) == ("bad", "fail")
    assert (failure.exception_type, failure.message) == ("ValueError", "no such thing")
    assert failure.inputs == {"value": 3, "message": "no such thing"}
    assert "in fail" in failure.traceback[0]
    assert "executor" not in failure.traceback[0].split("tests")[0].rsplit("/", 2)[-1]
    assert job.status == "failed"


@pytest.mark.parametrize("kind", ["fail", "fail_later"])
async def test_an_error_of_an_allocator_is_said_in_a_sentence_wherever_it_is_raised(kind):
    def shortage(error):
        return OutOfMemory(2, 1, "not enough memory") if isinstance(error, LookupError | ValueError) else None

    inputs = {"fail": {"message": "CUDA error"}, "fail_later": {"seconds": 0.0}}[kind]
    with make_engine(shortage=shortage) as engine:
        job = await run(engine, graph_of(bad=(kind, inputs)), "bad")
    assert job.failure.exception_type == "nodes.api.errors.OutOfMemory"
    assert job.failure.message == "not enough memory"
    assert f"in {kind}" in job.failure.traceback[0]


async def test_outputs_that_were_finished_before_a_failure_are_kept(engine):
    graph = graph_of(
        a=("number", {"value": 3}),
        good=("show", {"value": ["a", 0]}),
        bad=("fail", {"value": ["a", 0]}),
        out=("show", {"value": ["bad", 0]}),
    )
    job = await run(engine, graph, "good", "out")
    assert job.finished.outputs == {"good": {"text": ("3",)}}
    assert job.finished.executed == ("a", "good")


async def test_a_failure_does_not_poison_the_cache(engine):
    graph = graph_of(a=("number", {"value": 3}), bad=("fail", {"value": ["a", 0]}))
    await run(engine, graph, "bad")
    calls.clear()
    job = await run(engine, graph, "bad")
    assert calls == ["fail"]
    assert job.status == "failed"
    good = await run(engine, graph_of(a=("number", {"value": 3})), "a")
    assert good.finished.cached == ("a",)


async def test_a_failure_in_an_async_node_ends_the_job_and_the_others(engine):
    graph = graph_of(
        bad=("fail_later", {"seconds": 0.02}),
        slow=("wait", {"seconds": 30.0}),
        out=("add", {"left": ["slow", 0], "right": ["bad", 0]}),
    )
    job = await run(engine, graph, "out")
    assert job.status == "failed"
    assert job.failure.exception_type == "LookupError"
    assert job.finished.seconds < 5
    assert (await run(engine, graph_of(a=("number", {})), "a")).status == "succeeded"


async def test_one_of_several_calls_that_fails_is_the_failure(engine):
    graph = graph_of(a=("split", {"count": 3}), bad=("fail_later", {"seconds": ["a", 0]}))
    job = await run(engine, graph, "bad")
    assert job.failure.message == "late"


async def test_a_node_that_leaves_the_process_only_fails(engine):
    job = await run(engine, graph_of(a=("leave", {})), "a")
    assert job.failure.exception_type == "SystemExit"
    assert job.failure.message == "3"


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("wrong_count", "declares 2 outputs but returned 1"),
        ("not_a_tuple", "declares 2 outputs but returned one int"),
        ("not_a_list", "the output INT is a list but got one int"),
    ],
)
async def test_a_result_that_does_not_fit_the_declaration_is_refused(engine, kind, message):
    job = await run(engine, graph_of(a=(kind, {"value": 1})), "a")
    assert message in job.failure.message


async def test_what_cannot_be_sent_is_refused_where_it_is_shown(engine):
    job = await run(engine, graph_of(a=("show_object", {})), "a")
    assert "cannot be sent" in job.failure.message


async def test_a_missing_input_is_a_failure_of_that_node(engine):
    job = await run(engine, graph_of(a=("add", {"left": 1})), "a")
    assert job.failure.node_id == "a"
    assert "right" in job.failure.message


async def test_a_malformed_link_counts_as_missing(engine):
    job = await run(engine, graph_of(a=("add", {"left": 1, "right": ["x"]})), "a")
    assert "right" in job.failure.message


async def test_a_link_to_an_output_that_is_not_there_is_a_failure(engine):
    graph = graph_of(a=("number", {}), b=("add", {"left": ["a", 3], "right": 1}))
    job = await run(engine, graph, "b")
    assert job.failure.node_id == "b"
    assert "linked to output 3 of node a, which has 1" in job.failure.message


@pytest.mark.parametrize(
    ("entries", "target", "node_id", "message"),
    [
        ({"a": ("nothing_like_it", {})}, "a", "a", "nothing_like_it does not exist"),
        ({"a": ("number", {})}, "z", "z", "no node z"),
        ({"a": ("add", {"left": ["q", 0], "right": 1})}, "a", "a", "linked to node q"),
        (
            {"a": ("add", {"left": ["b", 0], "right": 1}), "b": ("add", {"left": ["a", 0], "right": 1})},
            "a",
            "a",
            "wait for each other",
        ),
    ],
)
async def test_a_graph_that_cannot_run_fails_with_a_sentence(engine, entries, target, node_id, message):
    job = await run(engine, graph_of(**entries), target)
    assert job.status == "failed"
    assert job.failure.node_id == node_id
    assert message in job.failure.message


async def test_a_cancelled_job_stops_at_its_next_step(engine):
    graph = graph_of(a=("work", {"steps": 1000, "seconds": 0.01}), out=("show", {"value": ["a", 0]}))

    def emit(event):
        if isinstance(event, NodeStarted):
            engine.cancel("slow")

    finished = await engine.run(RunRequest("slow", graph, ("out",)), emit)
    assert finished.status == "cancelled"
    assert calls == []
    assert not engine.cancel("slow")


async def test_a_cancelled_job_stops_between_nodes(engine):
    graph = graph_of(a=("number", {"value": 1}), out=("show", {"value": ["a", 0]}))

    def emit(event):
        if isinstance(event, NodeStarted):
            engine.cancel("j")

    finished = await engine.run(RunRequest("j", graph, ("out",)), emit)
    assert finished.status == "cancelled"
    assert calls == ["number 1"]


async def test_a_cancelled_job_stops_between_the_elements_of_a_list(engine):
    graph = graph_of(a=("split", {"count": 5}), out=("show", {"value": ["a", 0]}))

    def emit(event):
        if isinstance(event, NodeStarted) and event.node_id == "out":
            engine.cancel("j")

    finished = await engine.run(RunRequest("j", graph, ("out",)), emit)
    assert finished.status == "cancelled"
    assert calls == ["show 0"]


async def test_a_cancelled_job_stops_its_async_nodes(engine):
    graph = graph_of(a=("wait", {"seconds": 60.0}))
    task = asyncio.create_task(engine.run(RunRequest("j", graph, ("a",)), lambda event: None))
    await asyncio.sleep(0.05)
    assert engine.cancel("j")
    finished = await task
    assert finished.status == "cancelled"
    assert finished.seconds < 2


async def test_a_job_that_waits_can_be_cancelled_before_it_starts(engine):
    first = asyncio.create_task(run(engine, graph_of(a=("work", {"steps": 5, "seconds": 0.02})), "a"))
    await asyncio.sleep(0.01)
    second = asyncio.create_task(run(engine, graph_of(a=("work", {"steps": 7})), "a", job_id="second"))
    await asyncio.sleep(0.01)
    assert engine.cancel("second")
    assert (await first).status == "succeeded"
    assert (await second).status == "cancelled"
    assert calls == ["work"]


async def test_what_was_computed_before_a_cancel_is_kept(engine):
    graph = graph_of(a=("number", {"value": 1}), out=("show", {"value": ["a", 0]}))

    def emit(event):
        if isinstance(event, NodeStarted) and event.node_id == "out":
            engine.cancel("j")

    await engine.run(RunRequest("j", graph, ("out",)), emit)
    job = await run(engine, graph, "out")
    assert "a" in job.finished.cached


async def test_leaving_the_awaiting_task_cancels_the_job(engine):
    graph = graph_of(a=("work", {"steps": 1000, "seconds": 0.01}))
    events = []
    task = asyncio.create_task(engine.run(RunRequest("j", graph, ("a",)), events.append))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await run(engine, graph_of(a=("number", {})), "a")
    assert events[-1].status == "cancelled"


async def test_closing_the_engine_cancels_what_runs():
    engine = make_engine()
    graph = graph_of(a=("work", {"steps": 1000, "seconds": 0.01}))
    task = asyncio.create_task(engine.run(RunRequest("j", graph, ("a",)), lambda event: None))
    await asyncio.sleep(0.05)
    await asyncio.to_thread(engine.close)
    assert (await task).status == "cancelled"


def test_inputs_are_described_in_few_words():
    class Tensor:
        shape = (1, 2, 3)
        dtype = "float32"

    assert describe(Tensor()) == "Tensor(1, 2, 3) float32"
    assert describe("x" * 500) == "x" * 200 + "..."
    assert describe([1, 2]) == "list of 2"
    assert describe(Many((1, 2))) == "list of 2"
    assert describe(object()) == "object"
    assert describe(None) is None
    assert describe(True) is True


async def test_an_async_node_that_will_not_stop_is_left_behind(engine, monkeypatch):
    monkeypatch.setattr(asides, "GRACE_SECONDS", 0.1)
    graph = graph_of(a=("stubborn", {"seconds": 1.0}), b=("both", {"left": ["a", 0], "right": 1}))
    task = asyncio.create_task(engine.run(RunRequest("j", graph, ("b",)), lambda event: None))
    await asyncio.sleep(0.05)
    engine.cancel("j")
    finished = await task
    assert finished.status == "cancelled"
    assert finished.seconds < 0.6
    assert (await run(engine, graph_of(a=("wait", {"seconds": 0.0})), "a")).status == "succeeded"


async def test_an_undeclared_link_to_nothing_harms_nobody(engine):
    graph = graph_of(
        a=("number", {"value": 1, "extra": ["gone", 0], "more": ["bad", 0]}), bad=("unheard", {})
    )
    job = await run(engine, graph, "a")
    assert job.outputs == {"a": (1,)}
    assert job.of(NodesCached)[0].nodes == ()


async def test_what_a_node_was_given_is_let_go_after_its_failure(engine):
    graph = graph_of(a=("tracked", {}), bad=("fail", {"value": ["a", 0]}))
    engine.cache.max_entries = 0
    await run(engine, graph, "bad")
    await run(engine, graph_of(a=("number", {})), "a")  # the thread has left the first job behind
    assert len(alive) == 0

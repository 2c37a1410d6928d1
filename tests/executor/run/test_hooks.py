import pytest

from executor.run.cache import Many
from executor.run.events import NodeBlocked, NodeStarted
from nodes.api.results import Blocked
from tests.executor.run.kit import calls, graph_of, run
from tests.executor.run.pack_kit import log, make_pack_engine


@pytest.fixture
def engine():
    log.clear()
    calls.clear()
    with make_pack_engine() as engine:
        yield engine


async def test_a_node_behind_a_blocked_output_is_not_called_and_the_run_succeeds(engine):
    graph = graph_of(
        a=("Block", {"value": 1, "message": "too small"}),
        b=("add", {"left": ["a", 0], "right": 1}),
        c=("add", {"left": ["b", 0], "right": 1}),
        d=("show", {"value": ["a", 0]}),
    )
    job = await run(engine, graph, "c", "d")
    assert job.status == "succeeded"
    assert not any(call.startswith(("add", "show")) for call in calls)
    assert job.outputs["c"] == (Blocked(None),)
    told = [(event.node_id, event.node_type, event.message) for event in job.of(NodeBlocked)]
    assert told == [("b", "add", "too small"), ("d", "show", "too small")]


async def test_a_blocked_node_is_cached_and_says_so_once(engine):
    graph = graph_of(a=("Block", {"value": 1, "message": "no"}), b=("add", {"left": ["a", 0], "right": 1}))
    await run(engine, graph, "b")
    job = await run(engine, graph, "b")
    assert job.finished.executed == ()
    assert job.of(NodeBlocked) == []


async def test_only_the_blocked_items_of_a_list_are_held_back(engine):
    graph = graph_of(
        a=("Holes", {}),
        b=("add", {"left": ["a", 0], "right": 1}),
        c=("total", {"values": ["b", 0]}),
        d=("Several", {"count": 3}),
        e=("Block", {"value": ["d", 0]}),
        f=("add", {"left": ["e", 0], "right": 1}),
    )
    job = await run(engine, graph, "b", "c", "f")
    assert job.outputs["b"] == (Many((1, Blocked(None), 3)),)
    assert job.outputs["c"] == (Blocked(None),)  # a whole list with a hole in it is not taken
    assert job.outputs["f"] == (Many((1, Blocked(None), 3)),)
    assert [event.node_id for event in job.of(NodeBlocked)] == ["b"]


async def test_a_node_may_block_all_its_outputs(engine):
    graph = graph_of(a=("Silent", {"value": 1}), b=("show", {"value": ["a", 1]}))
    job = await run(engine, graph, "b")
    assert job.status == "succeeded"
    assert job.of(NodeBlocked) == []
    assert job.finished.outputs == {}


async def test_an_awaited_input_may_hold_its_node_back(engine):
    graph = graph_of(
        a=("Block", {"value": 1, "message": "no"}),
        holes=("Holes", {}),
        b=("switch", {"condition": True, "on_true": ["a", 0], "on_false": 0}),
        c=("switch", {"condition": True, "on_true": ["holes", 0], "on_false": 0}),
        d=("lazy_options", {"items": ["holes", 0]}),
        e=("wait", {"seconds": 0, "value": ["a", 0]}),
    )
    job = await run(engine, graph, "b", "c", "d", "e")
    assert job.outputs["b"] == job.outputs["d"] == job.outputs["e"] == (Blocked(None),)
    assert job.outputs["c"] == (Many((0, Blocked(None), 2)),)
    assert sorted(event.node_id for event in job.of(NodeBlocked)) == ["b", "c", "d", "e"]


@pytest.mark.parametrize("kind", ["Mix", "MixLater"])
async def test_a_node_that_is_asked_gets_only_the_lazy_inputs_it_wants(engine, kind):
    graph = graph_of(
        a=("number", {"value": 5}),
        b=("number", {"value": 6}),
        mix=(kind, {"image1": ["a", 0], "image2": ["b", 0], "mask": 0}),
    )
    job = await run(engine, graph, "mix")
    assert job.outputs == {"mix": (5,)}
    assert calls == ["number 5"]
    assert log == ["ask 0", "ask 0", "mix 5 None 0"]
    job = await run(engine, graph.with_value("mix", "mask", 2), "mix")
    assert job.outputs == {"mix": ((5, 6),)}


async def test_the_wishes_for_all_items_of_a_list_are_joined(engine):
    graph = graph_of(
        a=("number", {"value": 5}),
        b=("number", {"value": 6}),
        masks=("Several", {"count": 2}),
        mix=("Mix", {"image1": ["a", 0], "image2": ["b", 0], "mask": ["masks", 0]}),
    )
    job = await run(engine, graph, "mix")
    assert job.outputs == {"mix": (Many((5, 6)),)}


async def test_a_wish_for_what_is_not_linked_is_a_failure(engine):
    graph = graph_of(a=("number", {}), mix=("Greedy", {"image1": ["a", 0], "mask": 0}))
    job = await run(engine, graph, "mix")
    assert job.status == "failed"
    assert "asks for the input nothing like it, which is not linked" in job.failure.message


async def test_without_a_question_a_lazy_input_is_never_computed(engine):
    graph = graph_of(a=("number", {}), mix=("Unasked", {"image1": ["a", 0], "mask": 0}))
    job = await run(engine, graph, "mix")
    assert job.outputs == {"mix": (None,)}
    assert calls == []


async def test_undeclared_links_and_values_of_hidden_inputs_arrive_where_they_are_accepted(engine):
    graph = graph_of(
        a=("number", {"value": 5}),
        all=("GatherAll", {"first": 1, "other": ["a", 0], "secret": "s", "unknown": 3}),
    )
    job = await run(engine, graph, "all")
    assert job.outputs == {"all": ((("first", 1), ("other", 5), ("secret", "s")),)}
    job = await run(engine, graph.with_value("a", "value", 6), "all")
    assert job.outputs["all"][0][1] == ("other", 6)


async def test_a_node_for_lists_is_called_once_with_lists_alone(engine):
    graph = graph_of(
        a=("Several", {"count": 4}),
        b=("Whole", {"values": ["a", 0], "factor": 10}),
        c=("Whole", {"values": 7, "factor": ["b", 0]}),
    )
    job = await run(engine, graph, "c")
    assert log == ["whole [0, 1, 2, 3] [10]", "whole [7] [60]"]
    assert job.outputs == {"c": (420,)}


async def test_an_object_of_an_instance_lives_on_while_its_id_has_the_same_type(engine):
    def graph(start, kind="Counted"):
        return graph_of(a=(kind, {"start": start}))

    async def value(graph):
        return (await run(engine, graph, "a")).outputs["a"][0]

    assert [await value(graph(0)), await value(graph(100))] == [1, 102]
    await run(engine, graph_of(b=("number", {})), "b")
    assert await value(graph(200)) == 201
    await value(graph(300, "CountedTwice"))
    assert await value(graph(300)) == 301
    engine.forget()
    assert await value(graph(400)) == 401


async def test_instances_that_are_no_equals_do_not_share_a_result(engine):
    graph = graph_of(a=("Counted", {}), b=("Counted", {}), c=("CountedTwice", {}), d=("CountedTwice", {}))
    job = await run(engine, graph, "a", "b", "c", "d")
    assert [name for name in "abcd" if name in job.finished.executed] == ["a", "c", "d"]


async def test_running_code_finds_its_context(engine):
    graph = graph_of(n=("Several", {"count": 2}), a=("Where", {}))
    job = await run(engine, graph, "a")
    assert job.outputs == {"a": ((True, "a", 0),)}


async def test_outputs_and_what_is_shown_may_come_together(engine):
    graph = graph_of(
        n=("Several", {"count": 2}),
        a=("Shown", {"value": ["n", 0]}),
        b=("ShownNothing", {}),
        c=("show", {"value": ["b", 1]}),
    )
    job = await run(engine, graph, "a", "c")
    assert job.outputs["a"] == (Many((0, 1)),)
    assert job.finished.outputs["a"] == {"text": ("0", "1"), "note": ("one", "one")}
    assert job.finish_of("b").ui == {"text": ("x",)}
    assert job.finished.outputs["c"] == {"text": ("None",)}


async def test_not_a_number_as_a_fingerprint_means_always(engine):
    graph = graph_of(a=("Never", {"value": 1}), b=("add", {"left": ["a", 0], "right": 1}))
    await run(engine, graph, "b")
    job = await run(engine, graph, "b")
    assert [event.node_id for event in job.of(NodeStarted)] == ["a"]
    assert job.finish_of("b").cached

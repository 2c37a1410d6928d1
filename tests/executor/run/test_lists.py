from executor.run.cache import Many
from tests.executor.run.kit import calls, graph_of, run


async def test_a_node_for_single_values_runs_once_for_each_element(engine):
    graph = graph_of(a=("split", {"count": 3}), b=("add", {"left": ["a", 0], "right": 10}))
    job = await run(engine, graph, "b")
    assert job.outputs == {"b": (Many((10, 11, 12)),)}
    assert calls == ["add 0 10", "add 1 10", "add 2 10"]


async def test_a_shorter_list_repeats_its_last_element(engine):
    graph = graph_of(
        a=("split", {"count": 3}),
        b=("split", {"count": 2}),
        c=("add", {"left": ["a", 0], "right": ["b", 0]}),
    )
    job = await run(engine, graph, "c")
    assert job.outputs == {"c": (Many((0, 2, 3)),)}


async def test_a_node_for_lists_gets_the_whole_list_once(engine):
    graph = graph_of(
        a=("split", {"count": 4}), b=("total", {"values": ["a", 0]}), c=("total", {"values": ["b", 0]})
    )
    job = await run(engine, graph, "c")
    assert calls == ["total [0, 1, 2, 3]", "total [6]"]
    assert job.outputs == {"c": (6,)}


async def test_a_node_that_empties_its_list_harms_nobody_else(engine):
    graph = graph_of(
        a=("split", {"count": 3}),
        b=("total", {"values": ["a", 0]}),
        c=("add", {"left": ["a", 0], "right": ["b", 0]}),
    )
    job = await run(engine, graph, "c")
    assert job.outputs == {"c": (Many((3, 4, 5)),)}


async def test_an_empty_list_means_no_calls(engine):
    graph = graph_of(
        a=("split", {"count": 0}),
        b=("add", {"left": ["a", 0], "right": 1}),
        c=("total", {"values": ["b", 0]}),
    )
    job = await run(engine, graph, "b", "c")
    assert job.outputs == {"b": (Many(()),), "c": (0,)}


async def test_lists_of_lists_are_joined(engine):
    graph = graph_of(a=("split", {"count": 4}), b=("split", {"count": ["a", 0]}))
    job = await run(engine, graph, "b")
    assert job.outputs == {"b": (Many((0, 0, 1, 0, 1, 2)),)}


async def test_what_the_calls_show_is_joined(engine):
    graph = graph_of(a=("split", {"count": 3}), out=("show", {"value": ["a", 0]}))
    job = await run(engine, graph, "out")
    assert job.finished.outputs == {"out": {"text": ("0", "1", "2")}}


async def test_an_async_node_is_mapped_with_its_calls_side_by_side(engine):
    graph = graph_of(a=("split", {"count": 20}), b=("wait", {"seconds": 0.2, "value": ["a", 0]}))
    job = await run(engine, graph, "b")
    assert job.outputs == {"b": (Many(tuple(range(20))),)}
    assert job.finish_of("b").seconds < 2


async def test_a_literal_reaches_a_node_for_lists_as_a_list_of_one(engine):
    job = await run(engine, graph_of(a=("total", {"values": 5})), "a")
    assert job.outputs == {"a": (5,)}

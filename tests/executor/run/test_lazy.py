from executor.run.cache import Many
from tests.executor.run.kit import calls, graph_of, run


def choice(condition, **more):
    return graph_of(
        yes=("number", {"value": 1}),
        no=("number", {"value": 2}),
        switch=("switch", {"condition": condition, "on_true": ["yes", 0], "on_false": ["no", 0]}),
        **more,
    )


async def test_a_lazy_input_that_is_not_awaited_is_not_computed(engine):
    job = await run(engine, choice(True), "switch")
    assert job.outputs == {"switch": (1,)}
    assert calls == ["number 1"]


async def test_the_condition_itself_is_computed_first(engine):
    graph = choice(["c", 0], c=("add", {"left": 0, "right": 0}))
    job = await run(engine, graph, "switch")
    assert job.outputs == {"switch": (2,)}
    assert job.started == ["c", "switch", "no"]


async def test_a_lazy_input_that_is_already_there_is_used(engine):
    graph = choice(True, out=("add", {"left": ["yes", 0], "right": ["switch", 0]}))
    job = await run(engine, graph, "out")
    assert job.outputs == {"out": (2,)}
    assert calls == ["number 1", "add 1 1"]


async def test_several_lazy_inputs_can_be_awaited_at_once(engine):
    graph = graph_of(
        a=("wait", {"seconds": 0.05, "value": 1}),
        b=("wait", {"seconds": 0.05, "value": 2}),
        both=("both", {"left": ["a", 0], "right": ["b", 0]}),
    )
    job = await run(engine, graph, "both")
    assert job.outputs == {"both": (3,)}


async def test_a_lazy_input_awaited_by_two_nodes_is_computed_once(engine):
    graph = graph_of(
        a=("wait", {"seconds": 0.02, "value": 1}),
        x=("both", {"left": ["a", 0], "right": 1}),
        y=("both", {"left": ["a", 0], "right": 2}),
        out=("add", {"left": ["x", 0], "right": ["y", 0]}),
    )
    job = await run(engine, graph, "out")
    assert job.outputs == {"out": (5,)}
    assert calls.count("wait 1") == 1


async def test_a_lazy_literal_can_be_awaited_and_a_lazy_list_is_whole(engine):
    graph = graph_of(
        a=("split", {"count": 3}),
        b=("lazy_options", {"left": 4, "items": ["a", 0]}),
        c=("lazy_options", {"items": 1}),
        d=("lazy_options", {"items": ["c", 0]}),
    )
    job = await run(engine, graph, "b", "c", "d")
    assert job.outputs == {"b": (7,), "c": (6,), "d": (6,)}


async def test_a_lazy_input_that_is_a_list_is_mapped_over(engine):
    graph = graph_of(
        a=("split", {"count": 3}),
        switch=("switch", {"condition": True, "on_true": ["a", 0], "on_false": 0}),
        both=("both", {"left": ["a", 0], "right": 1}),
    )
    job = await run(engine, graph, "switch", "both")
    assert job.outputs == {"switch": (Many((0, 1, 2)),), "both": (Many((1, 2, 3)),)}


async def test_a_list_of_conditions_chooses_element_by_element(engine):
    graph = graph_of(
        c=("split", {"count": 2}),
        a=("split", {"count": 3}),
        switch=("switch", {"condition": ["c", 0], "on_true": ["a", 0], "on_false": 7}),
    )
    job = await run(engine, graph, "switch")
    assert job.outputs == {"switch": (Many((7, 1, 2)),)}


async def test_a_lazy_input_that_is_an_empty_list_means_no_calls(engine):
    graph = graph_of(
        a=("split", {"count": 0}),
        switch=("switch", {"condition": True, "on_true": ["a", 0], "on_false": 0}),
    )
    job = await run(engine, graph, "switch")
    assert job.outputs == {"switch": (Many(()),)}


async def test_a_failure_behind_a_lazy_input_names_the_node_that_failed(engine):
    graph = graph_of(
        bad=("fail", {}),
        switch=("switch", {"condition": True, "on_true": ["bad", 0], "on_false": 0}),
    )
    job = await run(engine, graph, "switch")
    assert job.status == "failed"
    assert job.failure.node_id == "bad"


async def test_a_long_chain_of_switches_runs(engine):
    entries = {"0": ("number", {"value": 1})}
    for index in range(1, 300):
        previous = [str(index - 1), 0]
        entries[str(index)] = ("switch", {"condition": True, "on_true": previous, "on_false": 0})
    job = await run(engine, graph_of(**entries), "299")
    assert job.outputs == {"299": (1,)}


async def test_async_nodes_overlap_with_each_other_and_with_computing_ones(engine):
    entries = {str(n): ("wait", {"seconds": 0.2, "value": n}) for n in range(10)}
    entries["slow"] = ("work", {"steps": 4, "seconds": 0.05})
    entries["all"] = (
        "join",
        {f"items.item{n}": [str(n), 0] for n in range(10)} | {"items.item10": ["slow", 0]},
    )
    job = await run(engine, graph_of(**entries), "all")
    assert job.outputs["all"] == ("0 1 2 3 4 5 6 7 8 9 4",)
    assert job.finished.seconds < 1.8  # one after the other: 2.2

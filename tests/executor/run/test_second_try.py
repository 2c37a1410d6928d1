"""Memory that runs short: what failed is let go of, the node gets one more try, and later jobs run."""

import gc
import weakref
from contextlib import contextmanager

import pytest

from executor.run.cache import ResultCache
from executor.run.context import context_maker
from executor.run.engine import Engine
from executor.run.policies import HeadroomCache
from executor.run.second_try import forget
from nodes.api.context import Context
from nodes.api.declare import node, node_of
from nodes.api.errors import OutOfMemory
from tests.executor.run.kit import NODES, NoFiles, borrow, graph_of, make_engine, run

held: list[weakref.ref] = []
tries: list[int] = []
room = {"short": 0}


class Large:
    """Something that takes memory."""


def reserve(large: Large) -> int:
    """Fail as an allocator does, as often as is left."""
    if room["short"]:
        room["short"] -= 1
        raise MemoryError(f"no room beside {large!r:.10}")
    return 1


@node()
def hungry(ctx: Context, value: int = 0) -> int:
    """Take memory, and then want more."""
    tries.append(value)
    ctx.show("text", [f"try {len(tries)}"])
    large = Large()
    held.append(weakref.ref(large))
    return reserve(large) + value


HUNGRY = {"hungry": node_of(hungry)}


def shortage(error: BaseException) -> OutOfMemory | None:
    return OutOfMemory(2, 1, "not enough memory") if isinstance(error, MemoryError) else None


@contextmanager
def engine(short: int, cache: ResultCache | None = None):
    """An engine whose node finds no memory so many times, and what lived each time room was made."""
    held.clear()
    tries.clear()
    room["short"] = short
    alive: list[int] = []

    def relieve() -> None:
        gc.collect()
        alive.append(sum(each() is not None for each in held))

    maker = context_maker(NoFiles(), borrow)
    with Engine(
        NODES | HUNGRY, ResultCache() if cache is None else cache, maker, shortage=shortage, relieve=relieve
    ) as made:
        yield made, alive


async def test_a_node_that_ran_short_is_tried_once_more_after_all_it_held_is_gone():
    with engine(short=1) as (made, alive):
        job = await run(made, graph_of(a=("hungry", {"value": 4})), "a")
    assert job.outputs["a"] == (5,)
    assert tries == [4, 4]
    assert alive == [0]
    assert job.finished.executed == ("a",)
    assert job.finished.outputs["a"] == {"text": ("try 2",)}


async def test_there_is_no_third_try_and_the_failure_holds_nothing():
    with engine(short=2) as (made, alive):
        job = await run(made, graph_of(a=("hungry", {"value": 4})), "a")
        assert job.finished.status == "failed"
        assert job.failure.exception_type == "nodes.api.errors.OutOfMemory"
        assert "in hungry" in job.failure.traceback[0]
        assert tries == [4, 4]
        assert alive == [0, 0]
        again = await run(made, graph_of(a=("hungry", {"value": 5})), "a")
    assert again.outputs["a"] == (6,)


async def test_only_the_call_that_ran_short_is_made_again():
    with engine(short=1) as (made, _):
        graph = graph_of(many=("split", {"count": 3}), a=("hungry", {"value": ["many", 0]}))
        job = await run(made, graph, "a")
    assert job.finished.status == "succeeded"
    assert tries == [0, 0, 1, 2]


async def test_other_errors_are_not_tried_again():
    with engine(short=0) as (made, alive):
        job = await run(made, graph_of(a=("fail", {})), "a")
    assert job.failure.exception_type == "ValueError"
    assert alive == []


async def test_results_of_other_jobs_give_way_and_those_of_this_one_stay():
    cache = HeadroomCache(0, lambda: 2**40)
    with engine(short=0, cache=cache) as (made, _):
        await run(made, graph_of(old=("number", {"value": 1})), "old")
        room["short"] = 1
        graph = graph_of(new=("number", {"value": 2}), a=("hungry", {"value": ["new", 0]}))
        job = await run(made, graph, "a")
        assert job.finished.status == "succeeded"
        again = await run(
            made, graph_of(old=("number", {"value": 1}), new=("number", {"value": 2})), "old", "new"
        )
    assert again.finished.executed == ("old",)


def test_errors_are_made_to_hold_nothing_with_their_causes():
    def outer():
        large = Large()
        held.append(weakref.ref(large))
        try:
            reserve(large)
        except MemoryError as error:
            raise OutOfMemory(1, 0) from error

    held.clear()
    room["short"] = 1
    with pytest.raises(OutOfMemory) as caught:
        outer()
    error = caught.value
    del caught
    forget(error)
    gc.collect()
    assert held[0]() is None
    assert error.__traceback__ is None


def test_an_engine_without_a_measure_of_memory_tries_once():
    with make_engine() as made:
        assert made._parts.shortage(MemoryError()) is None

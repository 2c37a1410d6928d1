"""Memory that runs short: what failed is let go of, the node gets one more try, and later jobs run."""

import asyncio
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
from nodes.api.sockets import Lazy
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


@node()
async def waiting(ctx: Context, number: Lazy[int], value: int = 0) -> int:
    """Take memory, wait, and then want more."""
    tries.append(value)
    ctx.show("text", [f"try {len(tries)}"])
    large = Large()
    held.append(weakref.ref(large))
    added = await number
    await asyncio.sleep(0)
    return reserve(large) + value + added


HUNGRY = {"hungry": node_of(hungry), "waiting": node_of(waiting)}


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


async def test_an_async_node_gets_a_second_try_too_and_keeps_what_it_awaited():
    with engine(short=1) as (made, alive):
        graph = graph_of(one=("number", {"value": 10}), a=("waiting", {"value": 4, "number": ["one", 0]}))
        job = await run(made, graph, "a")
    assert job.outputs["a"] == (15,)
    assert tries == [4, 4]
    assert alive == [0]
    assert job.finished.executed == ("one", "a")
    assert job.finished.outputs["a"] == {"text": ("try 2",)}


async def test_an_async_node_gets_no_third_try_and_its_failure_holds_nothing():
    with engine(short=2) as (made, alive):
        graph = graph_of(one=("number", {"value": 10}), a=("waiting", {"value": 4, "number": ["one", 0]}))
        job = await run(made, graph, "a")
        assert job.failure.exception_type == "nodes.api.errors.OutOfMemory"
        assert tries == [4, 4]
        assert alive == [0, 0]


async def test_calls_of_an_async_node_that_ran_short_together_are_made_again_one_at_a_time():
    with engine(short=3) as (made, alive):
        graph = graph_of(
            many=("split", {"count": 3}),
            one=("number", {"value": 10}),
            a=("waiting", {"value": ["many", 0], "number": ["one", 0]}),
        )
        job = await run(made, graph, "a")
    assert job.finished.status == "succeeded"
    assert sorted(tries) == [0, 0, 1, 1, 2, 2]
    assert tries[3:] == [0, 1, 2]
    assert len(alive) == 3


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

import weakref

import pytest

from executor.run import policies
from executor.run.cache import Outcome
from executor.run.policies import ClassicCache, HeadroomCache, NoCache, RecentCache, ResultCache, make_cache
from tests.executor.run.kit import calls, graph_of, run
from tests.executor.run.pack_kit import make_pack_engine


def chain(value):
    return graph_of(a=("number", {"value": value}), b=("add", {"left": ["a", 0], "right": 1}))


async def executed(engine, graph, target="b"):
    return (await run(engine, graph, target)).finished.executed


async def test_classic_keeps_what_the_last_job_needed():
    with make_pack_engine(make_cache("classic")) as engine:
        assert await executed(engine, chain(1)) == ("a", "b")
        assert await executed(engine, chain(1)) == ()
        assert await executed(engine, chain(2)) == ("a", "b")
        assert await executed(engine, chain(1)) == ("a", "b")
        assert await executed(engine, graph_of(a=("number", {"value": 1})), "a") == ()
        assert len(engine.cache) == 1


async def test_classic_keeps_what_a_failed_job_did_not_get_to():
    def graph(message):
        bad = ("fail", {"message": message})
        return graph_of(
            bad=bad,
            b=("number", {"value": 2}),
            c=("join", {"items.item0": ["bad", 0], "items.item1": ["b", 0]}),
        )

    with make_pack_engine(ClassicCache()) as engine:
        await run(engine, graph_of(b=("number", {"value": 2})), "b")
        await run(engine, graph("x"), "c")
        assert await executed(engine, graph_of(b=("number", {"value": 2}))) == ()


async def test_an_equal_result_of_what_ran_again_cuts_the_rest_off_in_classic_too():
    graph = graph_of(a=("Never", {"value": 4}), b=("add", {"left": ["a", 0], "right": 1}))
    with make_pack_engine(ClassicCache()) as engine:
        assert await executed(engine, graph) == ("a", "b")
        assert await executed(engine, graph) == ("a",)
        assert await executed(engine, graph) == ("a",)


async def test_lru_keeps_the_last_few_beside_the_job_itself():
    with make_pack_engine(make_cache("lru", 3)) as engine:
        assert isinstance(engine.cache, RecentCache)
        for value in (1, 2, 3):
            assert await executed(engine, chain(value)) == ("a", "b")
        assert await executed(engine, chain(3)) == ()
        assert len(engine.cache) == 3
        assert "a" in await executed(engine, chain(1))


async def test_nothing_is_kept_where_nothing_shall_be():
    with make_pack_engine(make_cache("none")) as engine:
        assert isinstance(engine.cache, NoCache)
        for _ in range(2):
            assert await executed(engine, chain(1)) == ("a", "b")
        counted = graph_of(a=("Counted", {"start": 0}))
        for _ in range(2):
            assert (await run(engine, counted, "a")).outputs == {"a": (1,)}


@pytest.fixture
def always_looks(monkeypatch):
    monkeypatch.setattr(policies, "LOOK_SECONDS", -1.0)


def test_how_much_memory_is_free_is_not_asked_after_each_small_node(monkeypatch):
    now, asked = [100.0], []
    monkeypatch.setattr(policies.time, "monotonic", lambda: now[0])
    cache = HeadroomCache(500, lambda: asked.append(now[0]) or 1000)
    for index in range(100):
        now[0] += 0.01
        cache.put(f"{index}", Outcome((1,)))
    assert 10 <= len(asked) <= 25


@pytest.mark.usefixtures("always_looks")
def test_old_results_make_room_when_memory_runs_short():
    free = [1000]
    cache = HeadroomCache(500, lambda: free[0])
    for name in "abc":
        cache.put(name, Outcome((bytes(100),)))
    assert len(cache) == 3
    cache.begin(())
    free[0] = 430
    cache.put("d", Outcome((bytes(100),)))
    assert ["a" in cache, "b" in cache, "c" in cache, "d" in cache] == [False, False, False, True]


@pytest.mark.usefixtures("always_looks")
def test_a_network_goes_with_the_last_result_that_holds_it_when_memory_runs_short():
    networks = weakref.WeakSet()

    class Network:
        def __init__(self):
            networks.add(self)

    cache = HeadroomCache(300, lambda: 1000 - 250 * len(networks))
    for name in "abcde":
        cache.begin((f"load {name}", f"patch {name}"))
        network = Network()
        cache.put(f"load {name}", Outcome((network,)))
        cache.put(f"patch {name}", Outcome(((network, "patched"),)))
        del network
        assert f"load {name}" in cache
        assert len(networks) <= 3
    assert "load a" not in cache


def test_what_the_running_job_uses_stays_however_short_memory_is():
    cache = HeadroomCache(500, lambda: 0)
    cache.begin(("a",))
    for name in "ab":
        cache.put(name, Outcome((bytes(100),)))
    cache.begin(("b",))
    assert ["a" in cache, "b" in cache] == [False, True]


def test_policies_have_names():
    assert type(make_cache()) is ResultCache
    assert isinstance(make_cache("lru", 0), ClassicCache)
    assert make_cache("ram", 2, lambda: 0).headroom_bytes == 2**31
    with pytest.raises(ValueError, match="how much memory is free"):
        make_cache("ram", 2)
    assert calls is not None

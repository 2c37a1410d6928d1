"""A change behind a lazy input that is not wanted makes nothing run; what is wanted is never guessed."""

import pytest

from executor.run.contents import Wishes
from tests.executor.run.kit import calls, graph_of, run
from tests.executor.run.pack_kit import log, make_pack_engine


@pytest.fixture
def engine():
    log.clear()
    calls.clear()
    with make_pack_engine() as engine:
        yield engine


def mixed(kind, mask, one=5, two=6):
    """A node that wants its first input for a mask of 0, the second for 1, both for any other."""
    return graph_of(
        a=("number", {"value": one}),
        b=("number", {"value": two}),
        mix=(kind, {"image1": ["a", 0], "image2": ["b", 0], "mask": mask}),
        out=("show", {"value": ["mix", 0]}),
    )


def switched(kind, condition, one=5, two=6):
    """The same of a node that awaits what it wants."""
    inputs = {"condition": condition == 0, "on_true": ["a", 0], "on_false": ["b", 0]}
    return graph_of(
        a=("number", {"value": one}),
        b=("number", {"value": two}),
        mix=(kind, inputs),
        out=("show", {"value": ["mix", 0]}),
    )


KINDS = [(mixed, "Mix"), (mixed, "MixLater"), (switched, "switch")]


@pytest.mark.parametrize(("make", "kind"), KINDS)
async def test_a_change_behind_what_is_not_wanted_makes_nothing_run(engine, make, kind):
    await run(engine, make(kind, 0), "out")
    job = await run(engine, make(kind, 0, two=7), "out")
    assert not job.finished.executed
    job = await run(engine, make(kind, 0, one=8, two=7), "out")
    assert tuple(job.finished.executed) == ("a", "mix", "out")
    job = await run(engine, make(kind, 0, two=9), "out")
    assert not job.finished.executed, "what was wanted is what it was in the first run"


@pytest.mark.parametrize(("make", "kind"), KINDS)
async def test_other_inputs_may_mean_other_wishes(engine, make, kind):
    await run(engine, make(kind, 0), "out")
    job = await run(engine, make(kind, 1), "out", "mix")
    assert job.outputs["mix"] == (6,)
    assert tuple(job.finished.executed) == ("b", "mix", "out")
    job = await run(engine, make(kind, 1, one=70), "out", "mix")
    assert job.outputs["mix"] == (6,)
    assert not job.finished.executed


async def test_a_wish_that_follows_from_what_was_wanted_before_it_is_not_taken_for_granted(engine):
    def graph(which):
        return graph_of(
            which=("number", {"value": which}),
            a=("number", {"value": 5}),
            b=("number", {"value": 6}),
            pick=("pick", {"which": ["which", 0], "first": ["a", 0], "second": ["b", 0]}),
        )

    assert (await run(engine, graph(0), "pick")).outputs == {"pick": (5,)}
    calls.clear()
    assert (await run(engine, graph(1), "pick")).outputs == {"pick": (6,)}
    assert calls == ["number 1", "number 6"], "what the other value of which would want is not computed"
    engine.cache.clear()
    calls.clear()
    assert (await run(engine, graph(0), "pick")).outputs == {"pick": (5,)}
    assert calls == ["number 0", "number 5"]


async def test_what_is_wanted_at_once_is_one_round(engine):
    def graph(value):
        return graph_of(
            a=("number", {"value": value}),
            b=("number", {"value": 2}),
            both=("both", {"left": ["a", 0], "right": ["b", 0]}),
        )

    assert (await run(engine, graph(1), "both")).outputs == {"both": (3,)}
    assert (await run(engine, graph(3), "both")).outputs == {"both": (5,)}
    job = await run(engine, graph(1), "both")
    assert (job.outputs, tuple(job.finished.executed)) == ({"both": (3,)}, ())


async def test_what_must_run_each_time_asks_each_time(engine):
    def graph(round_):
        return graph_of(
            a=("number", {"value": 5}),
            clock=("CountedTwice", {"start": round_}),
            mix=("Mix", {"image1": ["a", 0], "image2": ["a", 0], "mask": ["clock", 0]}),
        )

    await run(engine, graph(0), "mix")
    await run(engine, graph(10), "mix")
    assert [line for line in log if line.startswith("ask")] == ["ask 1", "ask 1", "ask 12", "ask 12"]


@pytest.mark.parametrize("kind", ["Peeks", "PeeksRaw"])
async def test_what_looks_at_the_graph_runs_again_when_the_graph_is_another(engine, kind):
    def graph(left, right):
        return graph_of(sum=("add", {"left": left, "right": right}), peek=(kind, {"source": ["sum", 0]}))

    for pair in ((2, 3), (1, 4)):  # the sum is the same
        job = await run(engine, graph(*pair), "peek")
        assert job.outputs == {"peek": (str({"left": pair[0], "right": pair[1]}),)}
    job = await run(engine, graph(1, 4), "peek")
    assert not job.finished.executed


def test_only_so_many_wishes_are_kept(monkeypatch):
    monkeypatch.setattr("executor.run.contents.MOST_WISHES", 2)
    wishes = Wishes()
    for content in "abc":
        wishes.note(content, [content])
    assert [wishes.of(content) for content in "abc"] == [(), ("b",), ("c",)]
    wishes.clear()
    assert wishes.of("c") == ()

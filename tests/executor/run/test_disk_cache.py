import math
import os
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executor.run import disk_cache
from executor.run.cache import Many, Outcome, ResultCache
from executor.run.disk_cache import DiskCache
from executor.run.stored_values import Packed, Unstorable, Values
from nodes.api.results import Blocked
from tests.executor.run.kit import calls, graph_of, run
from tests.executor.run.pack_kit import make_pack_engine


class Grid:
    """Stands for a tensor."""

    def __init__(self, rows):
        self.rows = rows


class GridCodec:
    kind = "grid"

    def pack(self, value):
        if type(value) is not Grid:
            return None
        return Packed({"rows": len(value.rows)}, bytes(value.rows), {"extra": (1, "x")})

    def unpack(self, packed):
        assert packed.parts == {"extra": (1, "x")}
        return Grid(list(packed.data))


def open_cache(folder, **options):
    return DiskCache(Path(folder), codecs=(GridCodec(),), worth_seconds=0.0, **options)


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.binary(max_size=9)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(values)
@settings(deadline=None)
def test_a_value_is_read_as_it_was_written(value):
    import json

    codec = Values(())
    pieces = []
    again = codec.read(json.loads(json.dumps(codec.write(value, pieces))), pieces)
    assert repr(again) == repr(value)


def test_a_float_keeps_its_bits():
    odd = struct.unpack(">d", bytes.fromhex("7ff8000000000123"))[0]
    pieces = []
    again = Values(()).read(Values(()).write(odd, pieces), pieces)
    assert math.isnan(again)
    assert struct.pack(">d", again).hex() == "7ff8000000000123"


def test_what_no_codec_knows_is_refused():
    deep = []
    for _ in range(99):
        deep = [deep]
    for value in (object(), {1}, deep, Grid([1])):
        with pytest.raises(Unstorable):
            Values(()).write(value, [])
    with pytest.raises(ValueError, match="unknown form"):
        Values(()).read(["other", 1], [])


def test_an_outcome_survives_the_process(tmp_path):
    first = open_cache(tmp_path)
    slots = (1, Many((Grid([1, 2]), Blocked("no"))), b"xy")
    first.put("f", "c", Outcome(slots, {"text": ("a",)}, "c"), 1.0)
    first.close()
    second = open_cache(tmp_path)
    assert "f" in second
    for outcome in (second.get("f"), second.find("c")):
        assert outcome.slots[0] == 1
        assert outcome.slots[1].values[0].rows == [1, 2]
        assert outcome.slots[1].values[1:] == (Blocked("no"),)
        assert outcome.ui == {"text": ("a",)}
        assert outcome.content == "c"
    assert "f" not in open_cache(tmp_path, salt="another version")
    assert second.get("other") is None


def test_a_result_of_another_torch_is_not_used(tmp_path, monkeypatch):
    cache = open_cache(tmp_path)
    cache.put("f", "c", Outcome((1,)), 1.0)
    cache.close()
    assert "f" in open_cache(tmp_path)
    monkeypatch.setattr(disk_cache, "version", lambda package: f"another {package}")
    assert "f" not in open_cache(tmp_path)
    assert disk_cache.installed("torch") == "another torch"
    monkeypatch.undo()
    assert disk_cache.installed("no such package") == "none"


def test_processes_that_share_a_folder_share_its_bound(tmp_path, monkeypatch):
    monkeypatch.setattr(disk_cache, "LOOK_SECONDS", -1.0)
    one, other = (open_cache(tmp_path, max_bytes=3500) for _ in range(2))
    for index in range(4):
        one.put(f"one{index}", "", Outcome((bytes(1000),)), 1.0)
        one.flush()
        other.put(f"other{index}", "", Outcome((bytes(1000),)), 1.0)
        other.flush()
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 3500
    assert other.get("one3") is not None
    one.close()
    other.close()


def test_what_is_quick_or_cannot_be_stored_is_left_out(tmp_path, caplog):
    cache = DiskCache(tmp_path)
    cache.put("quick", "", Outcome((1,)), 0.01)
    cache.put("odd", "", Outcome((object(),)), 9.0)
    cache.put("shows", "", Outcome((1,), {"x": (object(),)}), 9.0)
    cache.put("good", "", Outcome((1,)), 9.0)
    cache.flush()
    assert len(cache) == 1
    assert cache.get("good") == Outcome((1,))
    assert caplog.text == ""
    cache.close()


@pytest.mark.parametrize(
    "harm", [lambda data: data[:-1], lambda data: b"", lambda data: data[:60] + b"?" + data[61:]]
)
def test_a_damaged_file_counts_as_absent_and_is_removed(tmp_path, harm, caplog):
    cache = open_cache(tmp_path)
    cache.put("f", "c", Outcome((1,)), 1.0)
    cache.close()
    (path,) = tmp_path.iterdir()
    path.write_bytes(harm(path.read_bytes()))
    cache = open_cache(tmp_path)
    assert cache.get("f") is None
    assert "f" not in cache
    assert cache.bytes == 0
    assert list(tmp_path.iterdir()) == []
    assert "cannot be used" in caplog.text


def test_a_file_that_was_removed_by_another_process_counts_as_absent(tmp_path, caplog):
    cache = open_cache(tmp_path)
    cache.put("f", "c", Outcome((1,)), 1.0)
    cache.flush()
    next(tmp_path.iterdir()).unlink()
    assert cache.get("f") is None
    cache.close()


def test_the_size_is_bounded_and_the_least_used_go_first(tmp_path):
    cache = open_cache(tmp_path, max_bytes=3500)
    for name in "abc":
        cache.put(name, name, Outcome((bytes(1000),)), 1.0)
    cache.flush()
    assert cache.get("a") is not None
    cache.put("d", "d", Outcome((bytes(1000),)), 1.0)
    cache.put("huge", "huge", Outcome((bytes(9000),)), 1.0)
    cache.flush()
    assert [name in cache for name in "abcd"] == [True, False, True, True]
    assert cache.bytes == sum(path.stat().st_size for path in tmp_path.iterdir()) <= 3500
    cache.close()
    again = open_cache(tmp_path, max_bytes=1500)
    assert len(again) == 1
    again.clear()
    assert list(tmp_path.iterdir()) == []


def test_what_was_left_unfinished_is_removed_when_it_is_old(tmp_path):
    for name, age in (("old.part", 9999), ("new.part", 1)):
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (0, 0) if age > 99 else None)
    open_cache(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["new.part"]


def test_a_full_disk_is_said_and_harms_nothing(tmp_path, caplog, monkeypatch):
    cache = open_cache(tmp_path)

    for error in (OSError(28, "no space left"), MemoryError("no memory left")):

        def full(descriptor, error=error):
            raise error

        monkeypatch.setattr(os, "fsync", full)
        cache.put("f", "c", Outcome((1,)), 1.0)
        cache.flush()
        assert str(error) in caplog.text
        assert cache.get("f") is None
    monkeypatch.undo()
    cache.put("f", "c", Outcome((1,)), 1.0)
    cache.flush()
    assert cache.get("f") == Outcome((1,))
    cache.close()


def engine_on(folder):
    cache = ResultCache()
    cache.disk = open_cache(folder)
    return make_pack_engine(cache)


GRAPH = graph_of(
    a=("Never", {"value": 4}),
    b=("add", {"left": ["a", 0], "right": 1}),
    c=("number", {"value": 7}),
    out=("show", {"value": ["b", 0]}),
)


async def test_a_graph_goes_on_from_what_was_finished_in_another_process(tmp_path):
    with engine_on(tmp_path) as engine:
        await run(engine, GRAPH, "out", "c")
    calls.clear()
    with engine_on(tmp_path) as engine:
        job = await run(engine, GRAPH, "out", "c")
    assert job.finished.executed == ("a",)
    assert set(job.finished.cached) == {"b", "c", "out"}
    assert job.outputs["c"] == (7,)
    assert job.finished.outputs == {"out": {"text": ("5",)}}
    assert calls == []


async def test_a_result_that_turns_out_to_be_damaged_is_computed_again(tmp_path):
    with engine_on(tmp_path) as engine:
        await run(engine, GRAPH, "c")
    for path in tmp_path.iterdir():
        path.write_bytes(b"")
    with engine_on(tmp_path) as engine:
        job = await run(engine, GRAPH, "c")
    assert job.outputs == {"c": (7,)}
    assert (job.finished.executed, job.finished.cached) == (("c",), ())

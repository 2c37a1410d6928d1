import threading
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from executor.run.cache import Many, Outcome, ResultCache, measure_bytes


def test_the_least_recently_used_go_first():
    cache = ResultCache(max_entries=2)
    cache.put("a", Outcome((1,)))
    cache.put("b", Outcome((2,)))
    assert cache.get("a") == Outcome((1,))
    cache.put("c", Outcome((3,)))
    assert "b" not in cache
    assert "a" in cache
    assert cache.get("b") is None
    assert len(cache) == 2


def test_asking_whether_something_is_there_is_no_use_of_it():
    cache = ResultCache(max_entries=2)
    for name in "ab":
        cache.put(name, Outcome())
    assert "a" in cache
    cache.put("c", Outcome())
    assert "a" not in cache


def test_bytes_are_bounded():
    cache = ResultCache(max_bytes=100)
    cache.put("a", Outcome((b"x" * 60,)))
    cache.put("b", Outcome((b"x" * 30,)))
    assert cache.bytes == 90
    cache.put("c", Outcome((b"x" * 40,)))
    assert "a" not in cache
    assert cache.bytes == 70


def test_what_is_larger_than_the_cache_is_not_kept_and_drives_nothing_out():
    cache = ResultCache(max_bytes=100)
    cache.put("a", Outcome((b"x" * 60,)))
    cache.put("b", Outcome((b"x" * 101,)))
    assert "b" not in cache
    assert "a" in cache


def test_a_new_result_replaces_the_old_one():
    cache = ResultCache()
    cache.put("a", Outcome((b"xx",)))
    cache.put("a", Outcome((b"x",)))
    assert cache.bytes == 1
    assert cache.get("a") == Outcome((b"x",))


def test_what_a_node_shows_is_kept():
    cache = ResultCache()
    cache.put("a", Outcome((), {"text": ("x",)}))
    assert cache.get("a").ui == {"text": ("x",)}


def test_everything_can_be_forgotten():
    cache = ResultCache()
    cache.put("a", Outcome((b"x",)))
    cache.clear()
    assert len(cache) == 0
    assert cache.bytes == 0


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 50)), max_size=40))
def test_the_bounds_hold_whatever_is_put_in(entries):
    cache = ResultCache(max_entries=3, max_bytes=60)
    for name, size in entries:
        cache.put(name, Outcome((bytes(size),)))
        assert len(cache) <= 3
        assert cache.bytes <= 60
        assert name in cache
    assert cache.bytes == sum(
        len(outcome.slots[0]) for name in "abcdef" if (outcome := cache.get(name)) is not None
    )


def test_several_threads_may_use_it():
    cache = ResultCache(max_entries=50)

    def use(seed):
        for index in range(500):
            cache.put(str((seed * index) % 70), Outcome((b"x",)))
            cache.get(str(index % 70))

    threads = [threading.Thread(target=use, args=(seed,)) for seed in (3, 7, 11)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.bytes == len(cache) == 50


@dataclass(frozen=True)
class Latent:
    samples: object
    extra: object


class Tensor:
    nbytes = 1000


def test_values_are_measured_by_what_they_keep_alive():
    tensor = Tensor()
    assert measure_bytes(None) == measure_bytes(3) == measure_bytes(True) == measure_bytes(2.0) == 0
    assert measure_bytes("abc") == 3
    assert measure_bytes(tensor) == 1000
    assert measure_bytes([tensor, tensor, (Tensor(),)]) == 2000
    assert measure_bytes({"a": tensor, "b": {"c": b"xy"}}) == 1002
    assert measure_bytes(Latent(tensor, None)) == 1000
    assert measure_bytes(Many((tensor, 3, "ab"))) == 1002
    assert measure_bytes(Image.new("RGB", (10, 20))) == 600
    assert measure_bytes(Latent) == 0
    assert measure_bytes(object()) == 0


def test_a_value_that_holds_itself_can_be_measured():
    loop = ["abc"]
    loop.append(loop)
    assert measure_bytes(loop) == 3

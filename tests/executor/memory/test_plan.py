"""Placement: what fits stays, the rest is streamed in an even spread, nothing passes the room."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executor.memory.plan import SMALLEST_STREAMED_BYTES, Leaf, Need, Placement, least_bytes, place, size_text
from nodes.api.errors import OutOfMemory

MIB = 2**20


def need(*sizes: int) -> Need:
    return Need("Net", tuple(Leaf(f"leaf{index}", size) for index, size in enumerate(sizes)))


def peak(placement: Placement, wanted: Need) -> int:
    """Resident bytes and the two largest streamed neighbours, counted from the names alone."""
    sizes = {leaf.name: leaf.stored_bytes for leaf in wanted.leaves}
    moving = [sizes[name] for name in placement.streamed]
    pairs = (
        [sum(moving)]
        if len(moving) < 2
        else [a + b for a, b in zip(moving, moving[1:] + moving[:1], strict=True)]
    )
    return sum(sizes[name] for name in placement.resident) + max(pairs)


def test_what_fits_stays_as_a_whole() -> None:
    placement = place(need(MIB, 2 * MIB, 10), 3 * MIB + 10)
    assert placement.resident == {"leaf0", "leaf1", "leaf2"}
    assert placement.streamed == ()
    assert placement.buffer_bytes == 0
    assert "all 3 leaves stay" in placement.reason


def test_one_byte_less_streams() -> None:
    wanted = need(*[MIB] * 8)
    placement = place(wanted, 8 * MIB - 1)
    assert placement.streamed
    assert peak(placement, wanted) <= 8 * MIB - 1


def test_the_streamed_ones_are_spread_evenly() -> None:
    wanted = need(*[MIB] * 100)
    placement = place(wanted, 52 * MIB)
    places = [int(name.removeprefix("leaf")) for name in placement.streamed]
    assert len(places) == 50
    assert {b - a for a, b in pairwise(places)} == {2}
    assert placement.buffer_bytes == 2 * MIB


def test_small_leaves_are_never_streamed() -> None:
    small = SMALLEST_STREAMED_BYTES - 1
    placement = place(need(MIB, small, MIB, small, MIB, small), 2 * MIB + 3 * small)
    assert placement.streamed == ("leaf0", "leaf2", "leaf4")
    assert placement.peak_bytes == 2 * MIB + 3 * small


def test_tables_wait_before_anything_is_streamed_and_what_must_stay_does() -> None:
    leaves = (Leaf("table", 4 * MIB, "gather"), *need(*[MIB] * 4).leaves, Leaf("shared", MIB, "stay"))
    wanted = Need("Net", leaves)
    first, then = place(wanted, 5 * MIB), place(wanted, 4 * MIB)
    assert (first.streamed, first.gathered, first.peak_bytes) == ((), {"table"}, 5 * MIB)
    assert "large tables wait" in first.reason
    assert 0 < len(then.streamed) <= 4
    assert then.gathered == {"table"}
    assert "shared" in then.resident
    assert then.peak_bytes <= 4 * MIB
    assert least_bytes(wanted) == 3 * MIB


def test_no_room_for_the_buffer_is_refused_with_numbers() -> None:
    with pytest.raises(OutOfMemory, match=r"Net needs 4\.0 MiB at least.*3\.9 MiB are free") as caught:
        place(need(MIB, 2 * MIB, 2 * MIB), 4 * MIB - 100_000)
    assert caught.value.requested_bytes == 4 * MIB
    assert caught.value.free_bytes == 4 * MIB - 100_000


def test_a_network_of_one_leaf_cannot_be_streamed() -> None:
    with pytest.raises(OutOfMemory):
        place(need(MIB), MIB - 1)


def test_a_room_below_nothing_is_none() -> None:
    with pytest.raises(OutOfMemory) as caught:
        place(need(MIB, MIB), -MIB)
    assert caught.value.free_bytes == 0


def test_a_network_without_weights_needs_no_room() -> None:
    assert place(need(), 0).peak_bytes == 0


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 4 * MIB), min_size=1, max_size=60),
    st.floats(0, 1.2),
)
def test_nothing_passes_the_room_and_every_leaf_is_placed_once(sizes: list[int], share: float) -> None:
    wanted = need(*sizes)
    room = int(wanted.weight_bytes * share)
    if room < least_bytes(wanted):
        with pytest.raises(OutOfMemory):
            place(wanted, room)
        return
    placement = place(wanted, room)
    assert placement.resident.isdisjoint(placement.streamed)
    assert placement.resident | set(placement.streamed) == {leaf.name for leaf in wanted.leaves}
    order = [leaf.name for leaf in wanted.leaves if leaf.name in placement.streamed]
    assert list(placement.streamed) == order
    if placement.streamed:
        assert placement.peak_bytes == peak(placement, wanted)
    assert placement.peak_bytes <= room


@settings(deadline=None)
@given(st.lists(st.integers(MIB, 4 * MIB), min_size=20, max_size=60), st.floats(0.3, 1))
def test_the_room_is_used(sizes: list[int], share: float) -> None:
    wanted = need(*sizes)
    room = int(wanted.weight_bytes * share)
    placement = place(wanted, room)
    assert room - placement.peak_bytes <= 12 * MIB


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 KiB"), (1, "1 KiB"), (3 * MIB // 2, "1.5 MiB"), (5 * 2**29, "2.5 GiB")]
)
def test_sizes_for_people(size: int, text: str) -> None:
    assert size_text(size) == text

"""Caps that a person sets: nothing passes them, and a network is streamed no more and no less than said."""

import pytest

from executor.memory.limits import Limits, Streaming
from executor.memory.plan import Leaf, Need, place
from nodes.api.errors import OutOfMemory

MIB = 2**20
NEED = Need("Net", tuple(Leaf(str(index), MIB) for index in range(20)))


def test_the_cap_is_the_least_of_what_is_free_and_what_is_allowed() -> None:
    assert Limits(reserve_bytes=10).cap(100) == 90
    assert Limits(vram_bytes=50, reserve_bytes=10).cap(100) == 50
    assert Limits(vram_bytes=200, reserve_bytes=10).cap(100) == 90
    assert Limits(reserve_bytes=200).cap(100) == 0


@pytest.mark.parametrize(
    ("limits", "peak"),
    [
        (Limits(), 20 * MIB),
        (Limits(streaming="never"), 20 * MIB),
        (Limits(streaming="early"), 10 * MIB),
        (Limits(streaming="always"), 2 * MIB),
    ],
)
def test_weights_take_what_the_way_allows_though_there_is_room(limits: Limits, peak: int) -> None:
    placement = place(NEED, limits.weight_room(NEED, 100 * MIB))
    assert placement.peak_bytes == peak


def test_what_may_not_be_streamed_is_refused_with_numbers() -> None:
    with pytest.raises(OutOfMemory, match=r"Net has 20\.0 MiB of weights, but 19\.0 MiB are free") as caught:
        Limits(streaming="never").weight_room(NEED, 19 * MIB)
    assert caught.value.requested_bytes == 20 * MIB


@pytest.mark.parametrize("streaming", ["needed", "early", "always"])
def test_no_way_gives_more_than_there_is(streaming: Streaming) -> None:
    assert Limits(streaming=streaming).weight_room(NEED, MIB) <= MIB

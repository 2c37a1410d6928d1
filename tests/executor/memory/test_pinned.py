"""What is pinned is capped, counted once, and let go of with the last network that wants it."""

from typing import Any

import pytest
import torch

from executor.memory.pinned import Pins, Storage
from models.adapters.patch import Patched
from tests.fixtures.streaming import Holder, bounded, have_tiny_leaves_streamed, run_unet, unet, weight_bytes


class Driver:
    """Pins what it is asked to, unless it is told to refuse."""

    def __init__(self) -> None:
        self.pinned: set[int] = set()
        self.refuses = False

    def register(self, storage: Storage) -> bool:
        assert storage.data_ptr() not in self.pinned
        if not self.refuses:
            self.pinned.add(storage.data_ptr())
        return not self.refuses

    def unregister(self, storage: Storage) -> None:
        self.pinned.remove(storage.data_ptr())

    def pins(self, cap: int) -> Pins:
        return Pins(cap, self.register, self.unregister)


def test_tensors_of_one_block_are_pinned_once_and_for_as_long_as_anybody_wants_them() -> None:
    driver = Driver()
    pins = driver.pins(4096)
    block = torch.zeros(512)
    pins.pin([block[:100], block[100:200]], "one")
    pins.pin([block[200:]], "two")
    assert (pins.pinned_bytes, len(driver.pinned)) == (2048, 1)
    assert pins.is_pinned(block[5:])
    pins.release("one")
    assert pins.pinned_bytes == 2048
    pins.release("two")
    assert (pins.pinned_bytes, driver.pinned) == (0, set())


def test_the_cap_holds_and_what_is_refused_is_not_counted() -> None:
    driver = Driver()
    pins = driver.pins(1000)
    small, large = torch.zeros(100), torch.zeros(200)
    pins.pin([large, small, large], "one")
    pins.pin([torch.zeros(0), torch.zeros(10, device="meta")], "one")
    assert (pins.is_pinned(small), pins.is_pinned(large), pins.pinned_bytes) == (False, True, 800)
    driver.refuses = True
    pins.pin([torch.zeros(10)], "one")
    assert pins.pinned_bytes == 800


def test_what_a_network_streams_is_pinned_until_the_network_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    have_tiny_leaves_streamed(monkeypatch)
    network: Any = unet()
    residency, tier = bounded(0.5 * weight_bytes(network))
    with torch.no_grad(), residency.borrow(Patched(Holder(network))):
        run_unet(network)
        assert 0 < tier.pins.pinned_bytes <= tier.cap_bytes
        (report,) = residency.report()
        assert 0 < report.pinned_bytes < report.waiting_bytes == report.weight_bytes
        assert report.file_bytes == 0
    residency.free()
    assert tier.pins.pinned_bytes == 0
    with residency.borrow(Patched(Holder(network))):
        assert tier.pins.pinned_bytes > 0
    del network
    assert tier.pins.pinned_bytes == 0

"""Stands in for a device with a memory of its own: a part of the processor's, with a hard cap and books."""

import weakref
from collections import Counter
from collections.abc import Iterable

import torch
from torch import Tensor

from executor.memory.blocks import Copy
from executor.memory.pinned import Pins
from executor.memory.streams import Lane, StraightLane


class BoundedTier:
    """Bytes of the processor's memory, as many as a cap allows, each counted as long as it lives.

    Attributes:
        cap_bytes: how many there are.
        held_bytes: how many are taken now, by what torch really holds.
        peak_bytes: the most that were taken at one time.
        crossings: how often the tensor whose numbers begin at an address was copied in.
        crossed_bytes: how many bytes were copied in, in all.
        kept_free: what is to stay free for activations.
        home_is_short: whether to say that the rest of the memory is.
        pins: an account that pins in its books alone, as much as the cap is.
    """

    device = torch.device("cpu")

    def __init__(self, cap_bytes: int) -> None:
        self.cap_bytes = cap_bytes
        self.held_bytes = self.peak_bytes = self.crossed_bytes = self.kept_free = 0
        self.home_is_short = False
        self.crossings: Counter[int] = Counter()
        self.pins = Pins(cap_bytes, lambda storage: True, lambda storage: None)

    def block(self, size_bytes: int) -> Tensor:
        """New bytes (size_bytes,) uint8.

        Raises:
            torch.OutOfMemoryError: above the cap.
        """
        if self.held_bytes + size_bytes > self.cap_bytes:
            free = self.cap_bytes - self.held_bytes
            raise torch.OutOfMemoryError(
                f"bounded device out of memory. Tried to allocate {size_bytes} bytes, {free} are free"
            )
        block = torch.empty(size_bytes, dtype=torch.uint8)
        self.held_bytes += size_bytes
        self.peak_bytes = max(self.peak_bytes, self.held_bytes)
        weakref.finalize(block.untyped_storage(), self._give_back, size_bytes).atexit = False
        return block

    def copy(self, pairs: Iterable[Copy]) -> None:
        """Fill tensors, and count."""
        for target, source in pairs:
            target.copy_(source)
            self.crossings[source.data_ptr()] += 1
            self.crossed_bytes += source.numel() * source.element_size()

    def lane(self) -> Lane:
        """Copies are made at once."""
        return StraightLane(self.copy)

    def fits(self, size_bytes: int) -> bool:
        """Whether so much more leaves what is to stay free."""
        return self.cap_bytes - self.held_bytes - size_bytes >= self.kept_free

    def is_home_short(self) -> bool:
        """What it was told to say."""
        return self.home_is_short

    def taken_bytes(self) -> int:
        """What is held."""
        return self.held_bytes

    def capacity(self, held_bytes: int) -> int:
        """The cap."""
        del held_bytes
        return self.cap_bytes

    def _give_back(self, size_bytes: int) -> None:
        self.held_bytes -= size_bytes

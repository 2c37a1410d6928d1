"""Says what a memory for weights is: blocks of bytes that are taken, filled over a border and given back."""

from collections.abc import Iterable
from typing import Protocol

import torch
from torch import Tensor

from executor.memory.blocks import Copy
from executor.memory.limits import Limits
from executor.memory.pinned import Pins, pins_for
from executor.memory.streams import CudaLane, Lane, StraightLane
from models.host_memory import host_room

# Devices that say nothing of their memory.
_ENDLESS = 2**62
# Memory is short when less than this part of it is free.
_SHORT_SHARE = 0.15


class Tier(Protocol):
    """The memory that networks compute in, apart from the one that they wait in.

    Attributes:
        kept_free: bytes that those who run networks now may compute with beside weights.
    """

    kept_free: int

    @property
    def device(self) -> torch.device:
        """Where its tensors are, in torch's words."""
        ...

    @property
    def pins(self) -> Pins:
        """What is pinned of the memory that copies come from."""
        ...

    def block(self, size_bytes: int) -> Tensor:
        """New bytes (size_bytes,) uint8, given back when no tensor looks at them any more.

        Raises:
            torch.OutOfMemoryError: if there are not so many.
        """
        ...

    def copy(self, pairs: Iterable[Copy]) -> None:
        """Fill tensors of the tier from elsewhere, before whatever is computed next."""
        ...

    def lane(self) -> Lane:
        """A way on which copies come in beside what is computed."""
        ...

    def fits(self, size_bytes: int) -> bool:
        """Whether so many bytes beyond the plan leave what is kept free for activations."""
        ...

    def is_home_short(self) -> bool:
        """Whether the memory that networks wait in is short, so that no second copy is to wait there."""
        ...

    def taken_bytes(self) -> int:
        """Bytes that this process has of it now, whatever for."""
        ...

    def capacity(self, held_bytes: int) -> int:
        """Bytes that weights and activations may take together, `held_bytes` of weights being there now."""
        ...


class DeviceTier:
    """The memory of a device that torch knows."""

    def __init__(self, device: torch.device, limits: Limits) -> None:
        """limits: how much of it may be taken."""
        self.device = device
        self.kept_free = 0
        self.pins = pins_for(device, limits.ram_bytes)
        self._limits = limits

    def block(self, size_bytes: int) -> Tensor:
        """New bytes (size_bytes,) uint8."""
        return torch.empty(size_bytes, dtype=torch.uint8, device=self.device)

    def copy(self, pairs: Iterable[Copy]) -> None:
        """Fill tensors, in the order of what is computed."""
        for target, source in pairs:
            target.copy_(source, non_blocking=True)

    def lane(self) -> Lane:
        """A stream of its own on CUDA; elsewhere copies are made at once."""
        return CudaLane(self.device) if self.device.type == "cuda" else StraightLane(self.copy)

    def capacity(self, held_bytes: int) -> int:
        """What is free and what is held, as far as the limits go."""
        return self._limits.cap(free_bytes(self.device) + held_bytes)

    def fits(self, size_bytes: int) -> bool:
        """Whether the limits, and what is free, allow so much more beside activations."""
        taken = self.taken_bytes()
        return self.capacity(taken) - taken - size_bytes >= self.kept_free

    def taken_bytes(self) -> int:
        """What tensors take there."""
        return int(torch.cuda.memory_allocated(self.device)) if self.device.type == "cuda" else 0

    def is_home_short(self) -> bool:
        """Whether little of what this process may have is free."""
        room = host_room(self._limits.ram_bytes)
        return room.free < room.total * _SHORT_SHARE


def free_bytes(device: torch.device) -> int:
    """What could be allocated on a device now, torch's idle blocks included; no bound where none is known."""
    if device.type != "cuda":
        return _ENDLESS
    free, _ = torch.cuda.mem_get_info(device)
    return int(free) + idle_bytes(device)


def idle_bytes(device: torch.device) -> int:
    """What torch holds of a CUDA device and has not given to any tensor."""
    return int(torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device))

"""Brings the weights of streamed leaves, the next ones while one computes, through a buffer for two."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from executor.memory.blocks import Copy, laid_out, packed_bytes
from models.packed.mapped import read_ahead

Copies = Iterable[Copy]


class Lane(Protocol):
    """A way on which copies come in beside what is computed."""

    def adopt(self, buffer: Tensor) -> None:
        """Say that copies on the lane will go to a new buffer (bytes,)."""
        ...

    def start(self, copies: Copies) -> Any:
        """Begin copies, which wait for all that was computed up to the last mark; gives what to wait for."""
        ...

    def wait(self, ticket: Any) -> None:
        """Have what is computed from here on wait for copies that were started."""
        ...

    def mark(self) -> None:
        """Say that what was computed so far looked at buffers that later copies may fill."""
        ...


class StraightLane:
    """Copies where they are started; there is nothing to wait for."""

    def __init__(self, copy: Callable[[Copies], None]) -> None:
        self._copy = copy

    def adopt(self, buffer: Tensor) -> None:
        """Nothing needs to be known of a buffer."""

    def start(self, copies: Copies) -> None:
        """Copy."""
        self._copy(copies)

    def wait(self, ticket: Any) -> None:
        """It is done already."""

    def mark(self) -> None:
        """What was computed is over."""


class CudaLane:
    """A side stream: copies from pinned memory run beside the kernels of the current stream."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._side = torch.cuda.Stream(device)
        self._over: torch.cuda.Event | None = None

    def adopt(self, buffer: Tensor) -> None:
        """Have the buffer outlive copies to it, and copies wait for what used its memory before."""
        buffer.record_stream(self._side)
        self.mark()

    def start(self, copies: Copies) -> torch.cuda.Event:
        """Queue copies on the side stream; the event comes when they are through."""
        if self._over is not None:
            self._side.wait_event(self._over)
        with torch.cuda.stream(self._side):
            for target, source in copies:
                target.copy_(source, non_blocking=True)
            through = torch.cuda.Event()
            through.record(self._side)
        return through

    def wait(self, ticket: torch.cuda.Event) -> None:
        """Have the current stream wait for the side stream; the processor goes on."""
        torch.cuda.current_stream(self._device).wait_event(ticket)

    def mark(self) -> None:
        """Note where the current stream is."""
        self._over = torch.cuda.Event()
        self._over.record(torch.cuda.current_stream(self._device))


class Cargo(Protocol):
    """What a leaf needs brought: a value with an identity of its own."""

    def parcels(self) -> Sequence[Tensor]:
        """The tensors that wait for it now, always the same objects until they change."""
        ...


Follow = dict[tuple[Cargo | None, Cargo | None], Cargo]
"""Which leaf was used after two others, one after the other."""


@dataclass(eq=False)
class _Load:
    """The weights of one leaf in the buffer or in memory of their own."""

    cargo: Cargo
    sources: tuple[Tensor, ...]
    begin: int
    end: int
    tensors: list[Tensor]
    ticket: Any
    uses: int = 0

    def meets(self, begin: int, end: int) -> bool:
        return self.begin < end and begin < self.end

    def is_of(self, cargo: Cargo) -> bool:
        present = cargo.parcels()
        return (
            self.cargo is cargo
            and len(present) == len(self.sources)
            and all(one is other for one, other in zip(present, self.sources, strict=True))
        )


class Stream:
    """Lends the weights of leaves for as long as they compute.

    Two fit into the buffer, from either end. When one is done, those that came next the last time are
    fetched: the one after next may fill the place that has become free. A leaf that nobody foresaw is fetched
    when it is asked for.
    """

    def __init__(
        self,
        buffer: Tensor,
        lane: Lane,
        follow: Follow,
        spare: Callable[[int], Tensor],
    ) -> None:
        """Make a stream.

        Args:
            buffer: (bytes,) uint8 on the device.
            lane: how copies come.
            follow: what is known of the order, which is added to.
            spare: takes bytes beside the buffer, for what does not fit into it.
        """
        self.buffer = buffer
        self._lane = lane
        self._follow = follow
        self._spare = spare
        self._loads: list[_Load] = []
        self._before: Cargo | None = None
        self._current: Cargo | None = None
        lane.adopt(buffer)

    @property
    def size_bytes(self) -> int:
        """What the buffer takes."""
        return self.buffer.numel()

    def widen(self, size_bytes: int) -> None:
        """Take a larger buffer; nobody may use what was lent.

        Raises:
            torch.OutOfMemoryError: if there is no room; then each leaf comes for itself.
        """
        self._loads.clear()
        self.buffer = self.buffer.new_empty(0)
        self.buffer = self._spare(size_bytes)
        self._lane.adopt(self.buffer)

    def take(self, cargo: Cargo) -> list[Tensor]:
        """The weights of a leaf on the device, in the order of its parcels, until `give`."""
        self._follow[self._before, self._current] = cargo
        self._before, self._current = self._current, cargo
        load = self._find(cargo) or self._load(cargo, ())
        if load is None:
            load = self._beside(cargo)
        load.uses += 1
        self._lane.wait(load.ticket)
        return load.tensors

    def give(self, cargo: Cargo) -> None:
        """Say that a leaf has computed, and fetch those that will come next."""
        for load in self._loads:
            if load.cargo is cargo and load.uses:
                load.uses -= 1
        self._lane.mark()
        self._loads = [load for load in self._loads if load.uses or load.end > load.begin]
        following = self._follow.get((self._before, self._current))
        later = None if following is None else self._follow.get((self._current, following))
        wanted = [one for one in (following, later) if one is not None]
        for one in wanted:
            if self._find(one) is None:
                self._load(one, wanted)
        self._announce(following, later)

    def _announce(self, following: Cargo | None, later: Cargo | None) -> None:
        """Have what comes after the next two be read from its file, if it waits in one."""
        third = self._follow.get((following, later))
        for home in () if third is None else third.parcels():
            read_ahead(home)

    def _find(self, cargo: Cargo) -> _Load | None:
        return next((load for load in self._loads if load.is_of(cargo)), None)

    def _load(self, cargo: Cargo, wanted: Sequence[Cargo]) -> _Load | None:
        """Start fetching a leaf to where nothing is that is in use or wanted; None if there is no place."""
        sources = tuple(cargo.parcels())
        size = packed_bytes(sources)
        kept = [load for load in self._loads if load.uses or any(load.is_of(other) for other in wanted)]
        for begin in (0, self.buffer.numel() - size):
            end = begin + size
            if size > self.buffer.numel() or any(load.meets(begin, end) for load in kept):
                continue
            self._loads = [load for load in self._loads if load in kept or not load.meets(begin, end)]
            return self._start(cargo, sources, self.buffer[begin:end], begin)
        return None

    def _beside(self, cargo: Cargo) -> _Load:
        """Fetch a leaf to memory of its own, for this one use."""
        sources = tuple(cargo.parcels())
        block = self._spare(packed_bytes(sources))
        self._lane.adopt(block)
        load = self._start(cargo, sources, block, 0)
        load.begin = load.end = self.buffer.numel()
        return load

    def _start(self, cargo: Cargo, sources: tuple[Tensor, ...], place: Tensor, begin: int) -> _Load:
        tensors, copies = laid_out(place, sources)
        ticket = self._lane.start(copies)
        load = _Load(cargo, sources, begin, begin + place.numel(), tensors, ticket)
        self._loads.append(load)
        return load

"""Answers where each network is and which patches stand on it, and lends networks that are ready to run."""

import gc
import logging
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch

from executor.memory.devices import Devices
from executor.memory.network import Borrow, NetworkState
from executor.memory.shortage import shortage
from executor.memory.tiers import Tier
from models.adapters.patch import HoldsNetwork, Patched
from models.packed.mapped import is_mapped
from nodes.api.errors import NodeError, OutOfMemory

logger = logging.getLogger(__name__)

N = TypeVar("N", bound=HoldsNetwork)

_ATTRIBUTE = "_resident"
# A network that is streamed gets more room only when there is so much more, because arranging takes time.
_WORTH_MORE = 1.05
# What a network gets of the room there is after it did not fit as planned.
_SECOND_SHARE = 0.85


@dataclass(frozen=True)
class NetworkReport:
    """Where one network is.

    Attributes:
        name: what kind of network it is.
        weight_bytes: what its weights take in all.
        held_bytes: what it takes of the memory that it computes in, the buffer included.
        buffer_bytes: what of that is the buffer of streamed leaves.
        resident: how many leaves stay there.
        streamed: how many are fetched for each use.
        is_borrowed: whether somebody runs it now.
        reason: why it is so, in a sentence.
        waiting_bytes: what it takes of the memory that it waits in, also for what was brought.
        pinned_bytes: what of that is pinned.
        file_bytes: what waits in its file and takes no memory of its own.
    """

    name: str
    weight_bytes: int
    held_bytes: int
    buffer_bytes: int
    resident: int
    streamed: int
    is_borrowed: bool
    reason: str
    waiting_bytes: int
    pinned_bytes: int
    file_bytes: int


class Residency:
    """Lends networks: where they compute, as far as they fit there, with their patches installed.

    Patches stay installed after a borrow and are exchanged only when another stack is asked for; networks
    stay where they are until the memory is needed. A network that nobody holds any more is forgotten.

    One thread borrows at a time, others wait: a network is never changed below a node that runs it. Within
    a thread borrows may nest, also of one network under two stacks: the inner one gives the outer one its
    stack back. Where an inner network finds no room, outer ones are streamed more.

    Attributes:
        devices: where networks run and wait.
        tier: the memory that they compute in, or None where that is the one that they wait in.
        installs: how often a stack of patches was installed.
        moves: how often a network was arranged anew.
    """

    def __init__(self, devices: Devices) -> None:
        self.devices = devices
        self.tier: Tier | None = devices.tier()
        self.installs = 0
        self.moves = 0
        self._lock = threading.RLock()
        self._states: weakref.WeakSet[NetworkState] = weakref.WeakSet()
        self._clock = 0

    @contextmanager
    def borrow(self, patched: Patched[N], activation_bytes: int | None = None) -> Iterator[N]:
        """The model of a patched value, ready to run until the block ends.

        Args:
            patched: the model and its patches.
            activation_bytes: what it will compute with beside its weights, or None for a usual amount.

        Raises:
            NodeError: if it is no patched value, is to compute on a device that is not this process's, or on
                two at once.
            OutOfMemory: if the network cannot even be streamed, or what runs in the block finds no memory.
        """
        if not isinstance(patched, Patched):
            raise NodeError(f"a model, CLIP or VAE is needed here, but what came is {patched!r:.80}")
        usual = self.devices.activation_bytes if activation_bytes is None else activation_bytes
        borrow = Borrow(patched, usual)
        with self._lock:
            state = self._state(patched)
            state.borrows.append(borrow)
            try:
                self._prepare(state, patched)
                self._mend()
                yield patched.base
            except RuntimeError as error:  # torch.OutOfMemoryError is one
                if (lack := shortage(error, self.devices)) is not None:
                    raise lack from error
                raise
            finally:
                state.borrows.remove(borrow)
                if state.borrows:
                    self._prepare(state, state.borrows[-1].patched)
                self._mend()

    def free(self) -> None:
        """Take patches off and send networks away, except those in use."""
        with self._lock:
            for state in list(self._states):
                if not state.borrows:
                    state.restore()
            gc.collect()
            self.devices.release()

    def resident_bytes(self) -> int:
        """Bytes of weights, and of buffers for weights, in the memory that networks compute in."""
        with self._lock:
            return sum(state.held_bytes for state in list(self._states))

    def report(self) -> list[NetworkReport]:
        """Where each network is that was borrowed and is still there, the one used last first."""
        with self._lock:
            states = sorted(self._states, key=lambda state: -state.last_use)
            return [_report(state) for state in states if state.is_ready and state.network() is not None]

    def least_bytes(self, patched: Patched[Any]) -> int:
        """The least that a network takes of the memory that it computes in, streamed as far as it can be."""
        with self._lock:
            return self._state(patched).least_bytes(patched)

    def _tier_of(self, patched: Patched[Any]) -> Tier | None:
        """The memory that a model computes in, or None where that is the one that it waits in."""
        if patched.device.startswith("gpu:") and patched.device != (own := self.devices.gpu):
            raise NodeError(
                f"{type(patched.base.network).__name__} is to compute on {patched.device}, but this worker "
                f"has {own or 'no GPU'}; choose default or cpu"
            )
        return None if patched.stays_on_cpu else self.tier

    def _state(self, patched: Patched[Any]) -> NetworkState:
        network, tier = patched.base.network, self._tier_of(patched)
        state: NetworkState | None = network.__dict__.get(_ATTRIBUTE)
        if state is not None and state in self._states and state.tier is not tier:
            if state.borrows:
                raise NodeError(
                    f"{state.name} is to compute on two devices at once; give both nodes the same"
                )
            state.restore()
            self._states.discard(state)
        if state is None or state not in self._states:
            state = NetworkState(weakref.ref(network), tier, type(network).__name__)
            network.__dict__[_ATTRIBUTE] = state
            self._states.add(state)
        self._clock += 1
        state.last_use = self._clock
        return state

    def _prepare(self, state: NetworkState, patched: Patched[Any]) -> None:
        """Have a network where it computes, as far as it fits, under a stack of patches."""
        if state.tier is not None:
            state.tier.kept_free = self._activations(state)
        if state.is_ready and state.installed == patched.stack and self._is_well_placed(state):
            return
        state.is_ready = False
        state.take_off()
        try:
            self._arrange(state, patched)
        except torch.OutOfMemoryError:
            logger.info("%s took more memory than was planned", state.name)
            fits = False
        else:
            fits = True
        if not fits:
            # Not while the error is handled: it holds what was made up to then.
            self._arrange_anew(state, patched)
        state.is_ready = True
        self.installs += bool(patched.patches)

    def _mend(self) -> None:
        """Prepare borrowed networks anew that could not be arranged in less room."""
        for state in list(self._states):
            if state.borrows and not state.is_ready:
                self._prepare(state, state.borrows[-1].patched)

    def _is_well_placed(self, state: NetworkState) -> bool:
        """Whether a network is where it should be, as much as there is room for now."""
        if state.tier is None:
            return True
        if state.placement is None or state.held_bytes > (room := self._room(state)):
            return False
        return state.placement.is_whole or room <= state.placed_room * _WORTH_MORE

    def _arrange(self, state: NetworkState, patched: Patched[Any], share: float = 1.0) -> None:
        """Place a network in a share of its room, make room for it, and install its patches."""
        if state.tier is None:
            state.put_on(patched, 0)
            return
        self._make_possible(state, state.least_bytes(patched))
        room = int(self._room(state) * share)
        placement = state.place(patched, room, self.devices.limits)
        idle_bytes = self._evict_idle(room - placement.peak_bytes, state)
        state.arrange(placement, room)
        self.moves += 1
        state.put_on(patched, room - placement.peak_bytes - idle_bytes)
        if state.tier.is_home_short():
            for other in list(self._states):
                other.let_go()

    def _arrange_anew(self, state: NetworkState, patched: Patched[Any]) -> None:
        """Place a network after a plan turned out too small: everything idle goes, and some room is left."""
        for other in list(self._states):
            if not other.borrows:
                other.restore()
        state.restore()
        self.devices.release()
        try:
            self._arrange(state, patched, _SECOND_SHARE)
        except torch.OutOfMemoryError as error:
            state.restore()
            raise OutOfMemory(state.weight_bytes, self.devices.free_bytes()) from error

    def _make_possible(self, state: NetworkState, least_bytes: int) -> None:
        """Have networks further out streamed more, as far as it goes, where a network cannot run else.

        Nobody runs them at this moment.
        """
        missing = least_bytes - self._room(state)
        for outer in self._outer(state):
            if missing <= 0:
                return
            before = outer.held_bytes
            patched = outer.borrows[-1].patched
            room = max(before - missing, outer.least_bytes(patched))
            placement = outer.place(patched, room, self.devices.limits)
            outer.is_ready = False
            outer.take_off()
            outer.arrange(placement, room)
            outer.put_on(patched, 0)
            outer.is_ready = True
            missing -= before - outer.held_bytes

    def _outer(self, state: NetworkState) -> list[NetworkState]:
        borrowed = [other for other in list(self._states) if other.borrows and other is not state]
        return sorted((other for other in borrowed if other.tier is not None), key=lambda one: one.last_use)

    def _room(self, state: NetworkState) -> int:
        """What the weights of a network may take: all but activations and other networks in use."""
        tier = state.tier
        assert tier is not None
        capacity = tier.capacity(self.resident_bytes())
        return capacity - self._activations(state) - sum(other.held_bytes for other in self._outer(state))

    def _activations(self, state: NetworkState) -> int:
        """What is computed with beside weights, by those that are borrowed and by one that is about to be."""
        return max(one.most_activations for one in (state, *self._outer(state)))

    def _evict_idle(self, left_bytes: int, state: NetworkState) -> int:
        """Have idle networks shed, the one unused for longest first, down to what is left for them.

        Returns:
            What they still hold.
        """
        idle = [other for other in list(self._states) if not other.borrows and other is not state]
        held = sum(other.held_bytes for other in idle)
        for other in sorted(idle, key=lambda one: one.last_use):
            if held <= left_bytes:
                break
            if other.held_bytes:
                freed = other.shed(held - left_bytes)
                held -= freed
                logger.debug("%s gives %d bytes back", other.name, freed)
        return held


def _report(state: NetworkState) -> NetworkReport:
    streamed = sum(leaf.is_streamed for leaf in state.leaves)
    placement, tier = state.placement, state.tier
    return NetworkReport(
        name=state.name,
        weight_bytes=state.weight_bytes,
        held_bytes=state.held_bytes,
        buffer_bytes=state.stream.size_bytes if state.stream is not None else 0,
        resident=len(state.leaves) - streamed,
        streamed=streamed,
        is_borrowed=bool(state.borrows),
        reason=placement.reason if placement is not None else "",
        waiting_bytes=state.waiting_bytes(lambda home: not is_mapped(home)),
        pinned_bytes=0 if tier is None else state.waiting_bytes(tier.pins.is_pinned),
        file_bytes=state.waiting_bytes(is_mapped),
    )

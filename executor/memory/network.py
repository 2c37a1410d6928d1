"""Holds one network in memory: which of its leaves are here, which are streamed, which patches are on it."""

import weakref
from collections.abc import Callable, Hashable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from torch import Tensor, nn

from executor.memory import plan
from executor.memory.blocks import packed_bytes
from executor.memory.leaves import Leaf, find_leaves
from executor.memory.limits import Limits
from executor.memory.plan import Need, Placement
from executor.memory.streams import Follow, Stream
from executor.memory.tiers import Tier
from models.adapters.beside import besides
from models.adapters.patch import Patched, install
from models.adapters.weight_change import WeightChange, original_parameter
from models.packed.away import waiting
from models.packed.plain import is_compressed


@dataclass(frozen=True, eq=False)
class Borrow:
    """A patched network that somebody runs, and what it computes with beside its weights."""

    patched: Patched[Any]
    activation_bytes: int


@dataclass(eq=False)
class NetworkState:
    """Where a network is, what is installed on it, who has borrowed it, and when it was last used.

    It hangs on the network itself and holds no reference to it, so that nothing keeps a network that nobody
    holds any more.

    Attributes:
        network: the network.
        tier: the memory that it computes in, or None where that is the one that it waits in.
        installed: the keys of the patches that stand on it.
        borrows: who runs it now, the innermost last.
        last_use: counts borrows of all networks.
        placement: where its leaves are to be, or None while it is not arranged.
        placed_room: what its weights could have taken when that was decided, in bytes.
        stream: what brings its streamed leaves.
        is_ready: whether it has been borrowed and not been sent away since.
    """

    network: "weakref.ref[nn.Module]"
    tier: Tier | None
    name: str
    installed: tuple[Hashable, ...] = ()
    undo: ExitStack = field(default_factory=ExitStack)
    borrows: list[Borrow] = field(default_factory=list)
    last_use: int = 0
    placement: Placement | None = None
    placed_room: int = 0
    stream: Stream | None = None
    is_ready: bool = False
    held_bytes: int = 0
    follow: Follow = field(default_factory=dict)
    _own: object = field(default_factory=object)
    _made: object = field(default_factory=object)

    def __post_init__(self) -> None:
        """Let go of what is pinned when the network goes."""
        network = self.network()
        if self.tier is not None and network is not None:
            for owner in (self._own, self._made):
                weakref.finalize(network, self.tier.pins.release, owner).atexit = False

    @cached_property
    def leaves(self) -> list[Leaf]:
        """Everything in the network that has weights; nothing where it does not move."""
        network = self.network()
        return [] if network is None or self.tier is None else find_leaves(network, self.tier)

    @property
    def most_activations(self) -> int:
        """What the borrow with the largest activations computes with."""
        return max((borrow.activation_bytes for borrow in self.borrows), default=0)

    def place(self, patched: Patched[Any], room_bytes: int, limits: Limits) -> Placement:
        """Where the leaves go if weights may take so much: all here, or some of them streamed.

        Factors that run beside packed layers are here in any case, and count as resident. What stands on
        modules that do not compute alone stays in any case, too.

        Raises:
            OutOfMemory: if it cannot even be streamed, or must not be.
        """
        beside, need = _beside_bytes(patched), self._need(patched)
        room_bytes -= beside
        placement = plan.place(need, limits.weight_room(need, room_bytes))
        return replace(placement, resident_bytes=placement.resident_bytes + beside)

    def least_bytes(self, patched: Patched[Any]) -> int:
        """The least that the network can run in under a stack of patches."""
        return plan.least_bytes(self._need(patched)) + _beside_bytes(patched)

    @cached_property
    def weight_bytes(self) -> int:
        """What all leaves take when nothing is installed."""
        return self.waiting_bytes(lambda _: True)

    def waiting_bytes(self, counts: Callable[[Tensor], bool]) -> int:
        """What its own tensors take that count."""
        network = self.network()
        if network is None:
            return 0
        if self.tier is None:
            return packed_bytes(filter(counts, (*network.parameters(), *network.buffers())))
        return packed_bytes(home for leaf in self.leaves for home in leaf.homes.values() if counts(home))

    def _need(self, patched: Patched[Any]) -> Need:
        """What the leaves take under a stack of patches: packed ones that are changed become plain."""
        replaced = _replaced(patched)
        leaves = (plan.Leaf(leaf.name, leaf.size_bytes(replaced), leaf.way) for leaf in self.leaves)
        return Need(self.name, tuple(leaves))

    def arrange(self, placement: Placement, room_bytes: int) -> None:
        """Put every leaf where it is to be, but bring none yet; no patch may stand on the network.

        Raises:
            torch.OutOfMemoryError: if there is no room for the buffer of what is streamed.
        """
        assert self.tier is not None
        self.stream = None
        streamed = set(placement.streamed)
        for leaf in self.leaves:
            leaf.stop()
            if leaf.name in streamed or leaf.name in placement.gathered:
                leaf.send()
        if not streamed:
            self._unpin(self._own)
        else:
            buffer = self.tier.block(placement.buffer_bytes)
            self.stream = Stream(buffer, self.tier.lane(), self.follow, self.tier.block)
        for leaf in self.leaves:
            if leaf.name in streamed and self.stream is not None:
                leaf.stream(self.stream)
            elif leaf.name in placement.gathered:
                leaf.gather()
            elif not leaf.brought:
                leaf.send()
        self.placement, self.placed_room = placement, room_bytes
        self.count()

    def bring(self) -> None:
        """Bring what is to be here and is not.

        Raises:
            torch.OutOfMemoryError: if there is no room.
        """
        for leaf in self.leaves:
            if not leaf.is_streamed:
                leaf.bring()
        self.count()

    def put_on(self, patched: Patched[Any], spare_bytes: int) -> None:
        """Install a stack of patches, and bring what waits and is to be here.

        Where memory is spare, weights that are changed wait beside the changed ones, so that they are there
        when the patch goes; else they are sent away first, and come in once more, to be changed.

        Raises:
            torch.OutOfMemoryError: if there is no room; then no patch stands on the network.
        """
        replaced = _replaced(patched) if self.leaves else set()
        touched = [leaf for leaf in self.leaves if leaf.is_touched(replaced)]
        if sum(leaf.size_bytes(replaced) for leaf in touched) <= spare_bytes:
            self.bring()
        else:
            for leaf in touched:
                if not leaf.is_streamed:
                    leaf.send()
        try:
            install(patched.base.network, patched.patches, self.undo)
            for leaf in self.leaves:
                leaf.settle()
            self._widen()
            self.bring()
            self._pin()
        except BaseException:
            self.take_off()
            raise
        self.installed = patched.stack

    def let_go(self) -> None:
        """Where all of it is here, have no second copy wait."""
        if self.placement is not None and self.placement.is_whole:
            for leaf in self.leaves:
                leaf.let_go()

    def _pin(self) -> None:
        """Pin what streamed leaves fetch: their own for as long as they stream, what patches made apart."""
        if self.tier is None or self.stream is None:
            return
        for leaf in self.leaves:
            if leaf.is_streamed and not leaf.is_gathered:
                self.tier.pins.pin(leaf.homes.values(), self._own)
                self.tier.pins.pin(leaf.parcels(), self._made)

    def _unpin(self, owner: object) -> None:
        if self.tier is not None:
            self.tier.pins.release(owner)

    def _widen(self) -> None:
        """Make the buffer larger where patches made what passes through it larger than was planned."""
        streamed = [leaf for leaf in self.leaves if leaf.is_streamed and not leaf.is_gathered]
        sizes = [packed_bytes(leaf.parcels()) for leaf in streamed]
        if self.stream is not None and (wanted := plan.double_buffer(sizes)) > self.stream.size_bytes:
            self.stream.widen(wanted)

    def take_off(self) -> None:
        """Take every patch off."""
        self.installed = ()
        self.undo.close()
        self._unpin(self._made)
        self.count()

    def shed(self, wanted_bytes: int) -> int:
        """Give back at least so many bytes, or all; what was given. Nobody may run the network.

        Patches and the buffer go first, then the leaves used last: those are wanted last again.
        """
        before = self.held_bytes
        self.take_off()
        self.stream = self.placement = None
        for leaf in self.leaves:
            leaf.stop()
            if not leaf.brought:
                leaf.send()
        self.count()
        freed = before - self.held_bytes
        for leaf in reversed(self.leaves):
            if freed >= wanted_bytes:
                break
            freed += leaf.held_bytes()
            leaf.send()
        self.count()
        if self.held_bytes == 0:
            self.restore()
        return before - self.held_bytes

    def restore(self) -> None:
        """Put everything back as it was before the first borrow."""
        self.take_off()
        self.stream = self.placement = None
        if self.network() is not None:
            for leaf in self.leaves:
                leaf.restore()
        self._unpin(self._own)
        self.is_ready = False
        self.count()

    def count(self) -> None:
        """Count anew what the network takes of the memory that it computes in."""
        network = self.network()
        weights = 0 if network is None else sum(leaf.held_bytes() for leaf in self.leaves)
        if network is not None and self.leaves:
            weights += sum(beside.size_bytes for beside in besides(network))
        self.held_bytes = weights + (self.stream.size_bytes if self.stream is not None else 0)


def _beside_bytes(patched: Patched[Any]) -> int:
    """What factors may take that run beside packed layers or change these at each use."""
    return sum(size for _, size in _changes(patched) if size is not None)


def _replaced(patched: Patched[Any]) -> set[str]:
    """Names of the parameters in whose place a stack puts plain numbers."""
    return {name for name, size in _changes(patched) if size is None}


def _changes(patched: Patched[Any]) -> Iterator[tuple[str, int | None]]:
    """The parameters that a stack changes, each with what its factors take that stay beside it.

    Packed ones stay packed where a change can be told apart from the weight; for all others there is None.
    """
    root = patched.base.network
    for change in patched.patches:
        if not isinstance(change, WeightChange):
            continue
        for name in change.places(root):
            step, original = change.step(name), original_parameter(root, name)
            if step is None or not is_compressed(waiting(original)):
                yield name, None
            else:
                yield name, step.numel * original.dtype.itemsize

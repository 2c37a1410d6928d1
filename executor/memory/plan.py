"""Answers which leaves of a network stay on the compute device and which are streamed through it, and why.

Pure arithmetic, without torch: the same answer is shown before a run and followed in it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nodes.api.errors import OutOfMemory

SMALLEST_STREAMED_BYTES = 64 * 2**10
"""A copy of less takes about as long as starting one: such leaves always stay."""

_HALVINGS = 12


@dataclass(frozen=True)
class Leaf:
    """A leaf module of a network.

    Attributes:
        name: its path in the network.
        stored_bytes: what its own parameters and buffers take as they are stored.
    """

    name: str
    stored_bytes: int


@dataclass(frozen=True)
class Need:
    """What a network needs to run.

    Attributes:
        network: what people call it.
        leaves: in order of use, as far as that is known.
        activation_bytes: what it computes with beside its weights, at most at one time.
    """

    network: str
    leaves: tuple[Leaf, ...]
    activation_bytes: int = 0

    @property
    def weight_bytes(self) -> int:
        """What all leaves take."""
        return sum(leaf.stored_bytes for leaf in self.leaves)


@dataclass(frozen=True)
class Placement:
    """Where the leaves of a network are while it runs.

    Attributes:
        resident: the names of leaves that stay on the compute device.
        streamed: the names of leaves that are fetched for each use, in order of use.
        buffer_bytes: room for the streamed leaf that computes and for the next one.
        reason: one sentence for people.
        resident_bytes: what the leaves that stay take.
    """

    resident: frozenset[str]
    streamed: tuple[str, ...]
    buffer_bytes: int
    reason: str
    resident_bytes: int = 0

    @property
    def peak_bytes(self) -> int:
        """The most bytes of weights on the compute device at one time."""
        return self.resident_bytes + self.buffer_bytes


def place(need: Need, room_bytes: int) -> Placement:
    """Where the leaves of a network go, if its weights may take `room_bytes` of the compute device.

    All stay where they fit. Otherwise as many as fit beside a double buffer stay, and those that are streamed
    are spread evenly over the order of use: while one that stays computes, the next one arrives.

    Raises:
        OutOfMemory: if there is no room for the small leaves and the double buffer.
    """
    total = need.weight_bytes
    count = len(need.leaves)
    if total <= room_bytes:
        reason = f"all {count} leaves stay: {size_text(total)} fit into {_room(room_bytes)}"
        return Placement(frozenset(leaf.name for leaf in need.leaves), (), 0, reason, total)
    large = [leaf for leaf in need.leaves if leaf.stored_bytes >= SMALLEST_STREAMED_BYTES]

    def peak(streamed: Sequence[Leaf]) -> int:
        return total - _sum(streamed) + _double_buffer(streamed)

    if peak(large) > room_bytes:
        raise _no_room(need, room_bytes, peak(large))
    streamed, fitting, failing = large, 1.0, 0.0
    for _ in range(_HALVINGS):
        share = (fitting + failing) / 2
        chosen = _spread(large, share)
        if peak(chosen) <= room_bytes:
            streamed, fitting = chosen, share
        else:
            failing = share
    names = tuple(leaf.name for leaf in streamed)
    buffer, moving = _double_buffer(streamed), _sum(streamed)
    reason = (
        f"{len(names)} of {count} leaves are streamed: {size_text(total)} do not fit into "
        f"{_room(room_bytes)}, {size_text(total - moving)} stay beside a buffer of {size_text(buffer)}"
    )
    resident = frozenset(leaf.name for leaf in need.leaves) - frozenset(names)
    return Placement(resident, names, buffer, reason, total - moving)


def least_bytes(need: Need) -> int:
    """The least bytes that the weights of a network take on the compute device, all large leaves streamed."""
    large = [leaf for leaf in need.leaves if leaf.stored_bytes >= SMALLEST_STREAMED_BYTES]
    return min(need.weight_bytes, need.weight_bytes - _sum(large) + _double_buffer(large))


def size_text(size: int) -> str:
    """A number of bytes for people: `1.5 GiB`, `12.0 MiB`, `3 KiB`."""
    if abs(size) >= 2**30:
        return f"{size / 2**30:,.1f} GiB"
    return f"{size / 2**20:.1f} MiB" if abs(size) >= 2**20 else f"{-(-size // 2**10)} KiB"


def _spread(leaves: Sequence[Leaf], share: float) -> list[Leaf]:
    """Leaves that hold at most that share of the bytes, evenly spread."""
    chosen, owed = [], 0.0
    for leaf in leaves:
        owed += share * leaf.stored_bytes
        if owed >= leaf.stored_bytes:
            chosen.append(leaf)
            owed -= leaf.stored_bytes
    return chosen


def _double_buffer(streamed: Sequence[Leaf]) -> int:
    """Room for the two largest neighbours; the last is followed by the first, of the next pass."""
    if len(streamed) < 2:
        return _sum(streamed)
    sizes = [leaf.stored_bytes for leaf in streamed]
    return max(one + following for one, following in zip(sizes, [*sizes[1:], sizes[0]], strict=True))


def _sum(leaves: Iterable[Leaf]) -> int:
    return sum(leaf.stored_bytes for leaf in leaves)


def _room(room_bytes: int) -> str:
    return size_text(max(0, room_bytes))


def _no_room(need: Need, room_bytes: int, least: int) -> OutOfMemory:
    wanted, there = least + need.activation_bytes, max(0, room_bytes + need.activation_bytes)
    return OutOfMemory(
        wanted,
        there,
        f"not enough memory: {need.network} needs {size_text(wanted)} at least "
        f"({size_text(least)} of its {size_text(need.weight_bytes)} of weights, streamed, and "
        f"{size_text(need.activation_bytes)} to compute with), but {size_text(there)} are free",
    )

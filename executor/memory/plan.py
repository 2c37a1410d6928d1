"""Answers which leaves of a network stay on the compute device and which are streamed through it, and why.

Pure arithmetic, without torch: the same answer is shown before a run and followed in it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from nodes.api.errors import OutOfMemory

SMALLEST_STREAMED_BYTES = 64 * 2**10
"""A copy of less takes about as long as starting one: such leaves always stay."""

_HALVINGS = 12

Way: TypeAlias = Literal["stream", "stay", "gather"]


@dataclass(frozen=True)
class Leaf:
    """A leaf module of a network.

    Attributes:
        name: its path in the network.
        stored_bytes: what its own parameters and buffers take as they are stored.
        way: what becomes of it where not everything fits: it can be streamed, it stays in any case, or it
            waits and only the rows that each use wants are gathered.
    """

    name: str
    stored_bytes: int
    way: Way = "stream"


@dataclass(frozen=True)
class Need:
    """What a network needs to run.

    Attributes:
        network: what people call it.
        leaves: in order of use, as far as that is known.
    """

    network: str
    leaves: tuple[Leaf, ...]

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
        gathered: the names of leaves of which each use fetches some rows.
    """

    resident: frozenset[str]
    streamed: tuple[str, ...]
    buffer_bytes: int
    reason: str
    resident_bytes: int = 0
    gathered: frozenset[str] = frozenset()

    @property
    def peak_bytes(self) -> int:
        """The most bytes of weights on the compute device at one time."""
        return self.resident_bytes + self.buffer_bytes

    @property
    def is_whole(self) -> bool:
        """Whether everything stays."""
        return not self.streamed and not self.gathered


def place(need: Need, room_bytes: int) -> Placement:
    """Where the leaves of a network go, if its weights may take `room_bytes` of the compute device.

    All stay where they fit. Otherwise tables wait whose rows can be gathered. If that is not enough, as many
    of the rest as fit beside a double buffer stay, and those that are streamed are spread evenly over the
    order of use: while one that stays computes, the next one arrives.

    Raises:
        OutOfMemory: if there is no room for the leaves that stay in any case and the double buffer.
    """
    total, count = need.weight_bytes, len(need.leaves)
    if total <= room_bytes:
        reason = f"all {count} leaves stay: {size_text(total)} fit into {_room(room_bytes)}"
        return Placement(frozenset(leaf.name for leaf in need.leaves), (), 0, reason, total)
    if (least := least_bytes(need)) > room_bytes:
        raise OutOfMemory(
            least,
            max(0, room_bytes),
            f"not enough memory: {need.network} needs {size_text(least)} at least for its weights "
            f"({size_text(total)}, streamed), but {_room(room_bytes)} are free",
        )
    streamed = _fewest(need, room_bytes)
    tables = frozenset(leaf.name for leaf in need.leaves if leaf.way == "gather")
    names, buffer = tuple(leaf.name for leaf in streamed), _buffer(streamed)
    staying = _kept_bytes(need) - _sum(streamed)
    what = f"{len(names)} of {count} leaves are streamed" if names else "large tables wait for their rows"
    reason = (
        f"{what}: {size_text(total)} do not fit into {_room(room_bytes)}, {size_text(staying)} stay"
        f"{f' beside a buffer of {size_text(buffer)}' if names else ''}"
    )
    resident = frozenset(leaf.name for leaf in need.leaves) - tables - frozenset(names)
    return Placement(resident, names, buffer, reason, staying, tables)


def least_bytes(need: Need) -> int:
    """The least bytes that the weights of a network take on the compute device, all large leaves streamed."""
    return min(need.weight_bytes, _peak(need, _streamable(need)))


def double_buffer(sizes: Sequence[int]) -> int:
    """Room for any two neighbours of leaves of these sizes, in order of use; the first follows the last."""
    if len(sizes) < 2:
        return sum(sizes)
    return max(one + following for one, following in zip(sizes, [*sizes[1:], sizes[0]], strict=True))


def size_text(size: int) -> str:
    """A number of bytes for people: `1.5 GiB`, `12.0 MiB`, `3 KiB`."""
    if abs(size) >= 2**30:
        return f"{size / 2**30:,.1f} GiB"
    return f"{size / 2**20:.1f} MiB" if abs(size) >= 2**20 else f"{-(-size // 2**10)} KiB"


def _streamable(need: Need) -> list[Leaf]:
    return [
        leaf for leaf in need.leaves if leaf.way == "stream" and leaf.stored_bytes >= SMALLEST_STREAMED_BYTES
    ]


def _kept_bytes(need: Need) -> int:
    """What all but tables take."""
    return sum(leaf.stored_bytes for leaf in need.leaves if leaf.way != "gather")


def _peak(need: Need, streamed: Sequence[Leaf]) -> int:
    return _kept_bytes(need) - _sum(streamed) + _buffer(streamed)


def _fewest(need: Need, room_bytes: int) -> list[Leaf]:
    """As few leaves as must be streamed, evenly spread; if all are, it fits."""
    if _kept_bytes(need) <= room_bytes:
        return []
    streamable = _streamable(need)
    streamed, fitting, failing = streamable, 1.0, 0.0
    for _ in range(_HALVINGS):
        share = (fitting + failing) / 2
        chosen = _spread(streamable, share)
        if _peak(need, chosen) <= room_bytes:
            streamed, fitting = chosen, share
        else:
            failing = share
    return streamed


def _spread(leaves: Sequence[Leaf], share: float) -> list[Leaf]:
    """Leaves that hold at most that share of the bytes, evenly spread."""
    chosen, owed = [], 0.0
    for leaf in leaves:
        owed += share * leaf.stored_bytes
        if owed >= leaf.stored_bytes:
            chosen.append(leaf)
            owed -= leaf.stored_bytes
    return chosen


def _buffer(streamed: Sequence[Leaf]) -> int:
    return double_buffer([leaf.stored_bytes for leaf in streamed])


def _sum(leaves: Iterable[Leaf]) -> int:
    return sum(leaf.stored_bytes for leaf in leaves)


def _room(room_bytes: int) -> str:
    return size_text(max(0, room_bytes))

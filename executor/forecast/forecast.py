"""What sits where while a graph runs, how much memory does each node take at most, and why?"""

import weakref
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from torch import nn

from executor.forecast.runs import Run, fewer, smaller
from executor.forecast.shadow import Step
from executor.memory.estimate import Estimates
from executor.memory.limits import Limits
from executor.memory.network import NetworkState
from executor.memory.plan import size_text
from executor.memory.tiers import Tier
from nodes.api.errors import OutOfMemory

_TILE_PARTS = (1, 2, 4)


@dataclass(frozen=True)
class Seat:
    """Where a network is while a node runs it.

    Attributes:
        name: the file it came from, or what it is.
        kind: what kind of network it is.
        what: what it does for the node.
        weight_bytes: what its weights take in all.
        held_bytes: what of the compute device it takes, the buffer of streamed leaves included.
        buffer_bytes: that buffer.
        resident: how many leaves stay there.
        streamed: how many are fetched for each use.
        reason: why it is so.
    """

    name: str
    kind: str
    what: str
    weight_bytes: int
    held_bytes: int
    buffer_bytes: int
    resident: int
    streamed: int
    reason: str


@dataclass(frozen=True)
class Row:
    """What a node takes.

    Attributes:
        node_id: the node.
        node_type: its type.
        seats: the networks that it runs.
        activation_bytes: what they compute with beside their weights.
        idle_bytes: what networks of earlier nodes still take of the compute device.
        peak_bytes: the most that is taken of the compute device.
        ram_bytes: the most that is taken of the computer's memory: weights and results, and on a computer
            without a GPU what is computed with.
        tile: the side of the tiles that the input is cut into because it does not fit, or 0.
        at_once: how many latents, prompts counted, go through the network at a time for that reason, or 0.
        lack: why it cannot run, or why nothing is known of it; empty otherwise.
        is_refused: whether it cannot run.
    """

    node_id: str
    node_type: str
    seats: tuple[Seat, ...]
    activation_bytes: int
    idle_bytes: int
    peak_bytes: int
    ram_bytes: int
    tile: int = 0
    at_once: int = 0
    lack: str = ""
    is_refused: bool = False


@dataclass(frozen=True)
class Forecast:
    """The memory that a graph takes.

    Attributes:
        device: where networks compute.
        cap_bytes: what may be taken of its memory; None where networks compute in the computer's.
        ram_free_bytes: what is free of the computer's memory.
        rows: of the nodes that run networks or cannot be told, in the order in which they run.
    """

    device: str
    cap_bytes: int | None
    ram_free_bytes: int
    rows: tuple[Row, ...]

    @property
    def peak(self) -> Row | None:
        """The node that takes most of where networks compute."""
        taken = "ram_bytes" if self.cap_bytes is None else "peak_bytes"
        return max(self.rows, key=lambda row: int(getattr(row, taken)), default=None)

    @property
    def fits(self) -> bool:
        """Whether every node can run, as far as anything is known of it."""
        short = any(row.ram_bytes > self.ram_free_bytes for row in self.rows)
        return not short and not any(row.is_refused for row in self.rows)

    def to_json(self) -> Mapping[str, Any]:
        """The forecast as JSON."""
        return {**asdict(self), "fits": self.fits}

    def lines(self) -> list[str]:
        """The forecast for people, a line for each node and one for the whole."""
        lines = [line for row in self.rows for line in _row_lines(row, self.cap_bytes is None)]
        ram = max((row.ram_bytes for row in self.rows), default=0)
        if self.cap_bytes is not None and (peak := self.peak) is not None:
            cap = size_text(self.cap_bytes)
            lines.append(
                f"{self.device}: {size_text(peak.peak_bytes)} of {cap} at most, in {peak.node_type} "
                f"(node {peak.node_id})"
            )
        lines.append(
            f"memory of the computer: {size_text(ram)} at most, {size_text(self.ram_free_bytes)} free"
        )
        return lines


class Forecaster:
    """Places the networks of one graph after the other, as the residency would do it from the beginning."""

    def __init__(self, tier: Tier | None, limits: Limits, estimates: Estimates, ram_free_bytes: int) -> None:
        """For a memory that networks compute in, or None where that is the one that they wait in."""
        self._tier = tier
        # What is there now goes before it would be in the way.
        self._cap = None if tier is None else tier.capacity(tier.taken_bytes())
        self._limits = limits
        self._estimates = estimates
        self._ram_free = ram_free_bytes
        self._states: dict[nn.Module, NetworkState] = {}
        self._held: dict[nn.Module, int] = {}
        self._result_bytes = 0

    def forecast(self, device: str, steps: Iterable[Step]) -> Forecast:
        """What the steps of a graph take."""
        rows = [row for step in steps if (row := self._row(step)) is not None]
        return Forecast(device, self._cap, self._ram_free, tuple(rows))

    def _row(self, step: Step) -> Row | None:
        self._result_bytes += step.result_bytes
        if not step.runs and not step.lack:
            return None
        runs, activations = self._fitted(step.runs)
        asked = step.runs[0].shape if step.runs else ()
        chosen = runs[0].shape if runs else ()
        tile = chosen[2] if chosen[2:] != asked[2:] else 0
        at_once = chosen[0] if chosen[:1] != asked[:1] else 0
        seats, lack = self._seats(runs, activations)
        used = {run.patched.base.network for run in runs}
        idle = self._make_room(used, activations)
        moving = [held for network, held in self._held.items() if network in used]
        weights = sum(state.weight_bytes for state in self._states.values())
        on_host = sum(self._needs(run) for run in runs if not self._moves(run))
        return Row(
            step.instance.id,
            step.instance.type,
            tuple(seats),
            max(activations, on_host),
            idle,
            activations + sum(moving) + idle,
            weights + self._result_bytes + on_host,
            tile,
            at_once,
            step.lack or lack,
            bool(lack),
        )

    def _moves(self, run: Run) -> bool:
        return self._tier is not None and not run.patched.stays_on_cpu

    def _state(self, run: Run) -> NetworkState:
        network = run.patched.base.network
        tier = self._tier if self._moves(run) else None
        if network not in self._states or self._states[network].tier is not tier:
            self._states[network] = NetworkState(weakref.ref(network), tier, type(network).__name__)
        return self._states[network]

    def _fitted(self, runs: tuple[Run, ...]) -> tuple[tuple[Run, ...], int]:
        """The runs, in tiles where they do not fit as a whole, and what they compute with on the device."""
        chosen = []
        for run in runs:
            state = self._state(run)
            room = self._ram_free
            if self._moves(run) and self._cap is not None:
                room = self._cap - state.least_bytes(run.patched)
            ladder = [
                run,
                *(smaller(run, run.tiles // part) for part in _TILE_PARTS if run.tiles),
                *fewer(run),
            ]
            chosen.append(next((one for one in ladder if self._needs(one) <= room), ladder[-1]))
        return tuple(chosen), max((self._needs(run) for run in chosen if self._moves(run)), default=0)

    def _needs(self, run: Run) -> int:
        return self._estimates.activation_bytes(run.patched.base.network, run.shape, run.patched.patches)

    def _seats(self, runs: tuple[Run, ...], activations: int) -> tuple[list[Seat], str]:
        """Where the networks of one node are, and why one has no place."""
        seats, lack = [], ""
        least = [self._state(run).least_bytes(run.patched) if self._moves(run) else 0 for run in runs]
        taken = 0
        for index, run in enumerate(runs):
            state, network = self._state(run), run.patched.base.network
            if self._cap is None or not self._moves(run):
                reason = "it is computed with in the computer's memory"
                seats.append(_seat(run, state, 0, 0, 0, reason))
                continue
            room = self._cap - activations - taken - sum(least[index + 1 :])
            try:
                placement = state.place(run.patched, room, self._limits)
            except OutOfMemory as problem:
                lack = lack or str(problem)
                continue
            taken += placement.peak_bytes
            self._held.pop(network, None)
            self._held[network] = placement.peak_bytes
            streamed, buffer = len(placement.streamed) + len(placement.gathered), placement.buffer_bytes
            seats.append(_seat(run, state, placement.peak_bytes, buffer, streamed, placement.reason))
        return seats, lack

    def _make_room(self, used: set[nn.Module], activations: int) -> int:
        """Have networks of earlier nodes leave, the oldest first; gives what stays of them."""
        if self._cap is None:
            return 0
        needed = activations + sum(held for network, held in self._held.items() if network in used)
        idle = [network for network in self._held if network not in used]
        for network in idle:
            over = needed + sum(self._held[one] for one in idle) - self._cap
            self._held[network] -= max(0, min(over, self._held[network]))
        return sum(self._held[network] for network in idle)


def _seat(run: Run, state: NetworkState, held: int, buffer: int, streamed: int, reason: str) -> Seat:
    name = getattr(run.patched.base, "name", "") or state.name
    resident = len(state.leaves) - streamed
    return Seat(name, state.name, run.what, state.weight_bytes, held, buffer, resident, streamed, reason)


def _row_lines(row: Row, on_host: bool) -> list[str]:
    head = f"{row.node_id} {row.node_type}"
    if row.lack:
        return [f"{head}: {row.lack}"]
    tiles = f" in tiles of {row.tile}" if row.tile else f" by {row.at_once}" if row.at_once else ""
    peak = row.ram_bytes if on_host else row.peak_bytes
    lines = [f"{head}: {size_text(peak)} at most, {size_text(row.activation_bytes)} to compute with{tiles}"]
    return lines + [
        f"    {seat.what} {seat.name} ({seat.kind}, {size_text(seat.weight_bytes)}): {seat.reason}"
        for seat in row.seats
    ]

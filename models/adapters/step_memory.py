"""Keeps what a patch remembers from step to step of a run apart for every call that a step makes."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Generic, Protocol, TypeVar, runtime_checkable
from weakref import ReferenceType, WeakKeyDictionary, ref

from torch import nn

from models.call import Call, Run, current_call

BLOCKS = "blocks"
ATTENTION = "attention"


@runtime_checkable
class Remembers(Protocol):
    """A patch that keeps tensors from one step of a run to the next."""

    def remembered(self, root: nn.Module) -> Mapping[str, int]:
        """Names of modules of a network, and how many tensors like what each gives are kept at most.

        Raises:
            ValueError: if the network names no such modules.
        """
        ...


def remembered_by(patches: Iterable[object], root: nn.Module) -> Mapping[str, int]:
    """What patches keep of a network from step to step, by the names of its modules."""
    found: Counter[str] = Counter()
    for patch in patches:
        # A patch without a place in this network is refused by name when it is put on.
        with suppress(ValueError):
            found.update(patch.remembered(root) if isinstance(patch, Remembers) else {})
    return found


class Stream:
    """What is remembered of one and the same call of every step: its rows, its conditions, its turn.

    `step` counts the steps that made the call, from 0.
    """

    step: int = -1


S = TypeVar("S", bound=Stream)


@dataclass(eq=False)
class _Kept(Generic[S]):
    """The streams of one run, and which of them the network is in."""

    streams: dict[Hashable, S] = field(default_factory=dict)
    sigma: float | None = None
    turns: Counter[Hashable] = field(default_factory=Counter)
    used: set[Hashable] = field(default_factory=set)
    call: ReferenceType[Call] | None = None
    current: S | None = None


class Memories(Generic[S]):
    """The streams of every run; they end with their run.

    A step is what happens at one noise level. A stream that no call of a step asked for is forgotten.
    """

    def __init__(self, make: Callable[[], S]) -> None:
        """New streams are made by `make`."""
        self._make = make
        self._runs: WeakKeyDictionary[Run, _Kept[S]] = WeakKeyDictionary()

    def current(self) -> S:
        """The stream of the call that is running now."""
        call = current_call()
        kept = self._runs.get(call.run)
        if kept is None:
            kept = self._runs[call.run] = _Kept()
        if kept.call is None or kept.call() is not call or kept.current is None:
            kept.current = self._entered(kept, call)
            kept.call = ref(call)
        return kept.current

    def share(self, call: Call) -> None:
        """Let another call of the run, which is made within the current one, find the current stream."""
        self.current()
        self._runs[call.run].call = ref(call)

    def _entered(self, kept: _Kept[S], call: Call) -> S:
        if kept.sigma != call.sigma:
            kept.streams = {name: kept.streams[name] for name in kept.used if name in kept.streams}
            kept.sigma, kept.turns, kept.used = call.sigma, Counter(), set()
        kind = (call.rows, call.batch, call.height, call.width, call.purpose)
        name = (kind, kept.turns[kind])
        kept.turns[kind] += 1
        kept.used.add(name)
        stream = kept.streams.get(name)
        if stream is None:
            stream = kept.streams[name] = self._make()
        stream.step += 1
        return stream


@dataclass(frozen=True)
class Window:
    """The part of sampling in which a patch may answer from memory, by noise levels.

    Attributes:
        sigma_start: from below this noise level ...
        sigma_end: ... and above this one.
    """

    sigma_start: float = float("inf")
    sigma_end: float = 0.0

    def holds(self) -> bool:
        """Whether the current call lies in it."""
        return self.sigma_end < current_call().sigma < self.sigma_start

    def is_over(self) -> bool:
        """Whether no later step lies in it."""
        return current_call().sigma <= self.sigma_end


ALWAYS = Window()


def steps_done(call: Call) -> float:
    """How many steps of its run come before a call; between the run's noise levels it is a fraction.

    Raises:
        ValueError: the call does not say which noise levels its run has.
    """
    levels = call.sigmas
    if len(levels) < 2:
        raise ValueError("this patch must know the noise levels of the run, and the call names none")
    for index, (upper, lower) in enumerate(pairwise(levels)):
        if call.sigma >= upper or lower == upper:
            return float(index)
        if call.sigma > lower:
            return index + (upper - call.sigma) / (upper - lower)
    return float(len(levels) - 1)


def claim(root: nn.Module, what: str, name: str, undo: ExitStack) -> None:
    """Say that a patch answers from memory for a kind of parts of a network.

    Raises:
        ValueError: another patch does so already, and the two would spoil each other's memory.
    """
    attribute = f"remembered {what}"
    other = root.__dict__.get(attribute)
    if other is not None:
        raise ValueError(
            f"{name} and {other} cannot change one model together: both answer for its {what}; take one away"
        )
    undo.callback(root.__dict__.pop, attribute)
    root.__dict__[attribute] = name

"""Results of earlier runs, by fingerprint: the least recently used go first when there are too many."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from executor.run.disk_cache import DiskCache

Measure: TypeAlias = Callable[[Any], int]
DEFAULT_ENTRIES = 20_000
DEFAULT_BYTES = 4 * 2**30
MOST_NAMES = 8


@dataclass(frozen=True, slots=True)
class Many:
    """What a list output holds: consumers that take one value at a time run once for each."""

    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run of a node gave: a value (or Many) for each output, and what it shows on the page.

    An outcome is shared by all its consumers and by later jobs. Nodes must not alter what they are given:
    a tensor is copied before it is changed in place, a list arrives as a copy.

    content: the fingerprint of the node by what its inputs held, rather than by where they came from.
    digests: of each slot, None where comparing would cost too much.
    """

    slots: tuple[Any, ...] = ()
    ui: Mapping[str, Any] | None = None
    content: str = field(default="", compare=False)
    digests: tuple[str | None, ...] = field(default=(), compare=False)


@dataclass(slots=True)
class Entry:
    """One outcome in the cache, and the fingerprints under which it is known."""

    outcome: Outcome
    size: int
    names: list[str]


class ResultCache:
    """Keeps outcomes between jobs, bounded by number and by bytes; may be used from several threads.

    Each outcome is known by the fingerprint of its node, and by the fingerprint of the content of its node's
    inputs: `find` tells that another way to equal inputs leads to it too. With a `disk`, what took long
    outlives the process.
    """

    keeps_objects = True
    """Whether nodes keep objects between jobs as well."""

    def __init__(
        self,
        max_entries: int = DEFAULT_ENTRIES,
        max_bytes: int = DEFAULT_BYTES,
        measure: Measure | None = None,
    ) -> None:
        self.max_entries = max_entries
        self.max_bytes = max_bytes
        self.measure = measure or measure_bytes
        self.bytes = 0
        self.disk: DiskCache | None = None
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._names: dict[str, str] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, fingerprint: str) -> bool:
        return fingerprint in self._names or (self.disk is not None and fingerprint in self.disk)

    def begin(self, fingerprints: Collection[str]) -> None:
        """A job with these fingerprints starts."""

    def end(self) -> None:
        """The job is over."""

    def give_way(self) -> None:
        """Memory ran short: drop what the job that runs has not used, where that is known."""

    def get(self, fingerprint: str) -> Outcome | None:
        """The outcome with that fingerprint, which counts as its use."""
        with self._lock:
            content = self._names.get(fingerprint)
            if content is not None:
                self._touch(content)
                return self._entries[content].outcome
        outcome = None if self.disk is None else self.disk.get(fingerprint)
        if outcome is not None:
            self.keep(fingerprint, outcome, outcome.content)
        return outcome

    def find(self, content: str, fingerprint: str) -> Outcome | None:
        """The outcome for inputs with that content, which is known by this fingerprint too from now on."""
        with self._lock:
            entry = self._entries.get(content)
            if entry is not None:
                self._touch(content)
                if fingerprint not in entry.names:
                    self._names[fingerprint] = content
                    entry.names.append(fingerprint)
                if len(entry.names) > MOST_NAMES:
                    self._names.pop(entry.names.pop(0), None)
                return entry.outcome
        outcome = None if self.disk is None else self.disk.find(content)
        if outcome is not None:
            self.keep(fingerprint, outcome, content)
        return outcome

    def put(self, fingerprint: str, outcome: Outcome, content: str = "", seconds: float = 0.0) -> None:
        """Keep an outcome; older ones make room. One that is larger than the whole cache is not kept.

        `seconds` is how long it took: what took long goes to disk as well, if there is one.
        """
        self.keep(fingerprint, outcome, content)
        if self.disk is not None:
            self.disk.put(fingerprint, content, outcome, seconds)

    def keep(self, fingerprint: str, outcome: Outcome, content: str) -> None:
        """Keep an outcome in memory."""
        content = content or fingerprint
        size = sum(map(self.measure, outcome.slots))
        with self._lock:
            self._drop(self._names.get(fingerprint, content))
            self._drop(content)
            if size > self.max_bytes:
                return
            self._entries[content] = Entry(outcome, size, [fingerprint])
            self._names[fingerprint] = content
            self.bytes += size
            self._touch(content)
            while len(self._entries) > self.max_entries or self.bytes > self.max_bytes:
                self._drop(next(iter(self._entries)))

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self._names.clear()
            self.bytes = 0

    def _touch(self, content: str) -> None:
        self._entries.move_to_end(content)

    def _drop(self, content: str) -> None:
        entry = self._entries.pop(content, None)
        if entry is not None:
            self.bytes -= entry.size
            for name in entry.names:
                self._names.pop(name, None)


def measure_bytes(value: Any) -> int:
    """Roughly how much memory a value keeps alive: arrays, tensors, pictures and texts, also inside others.

    Networks count nothing here: whoever keeps models resident accounts for them.
    """
    if value is None or isinstance(value, int | float):
        return 0
    total = 0
    seen: set[int] = set()
    pending = [value]
    while pending:
        current = pending.pop()
        if current is None or isinstance(current, int | float) or id(current) in seen:
            continue
        seen.add(id(current))
        size = getattr(current, "nbytes", None)
        if isinstance(size, int):
            total += size
        elif isinstance(current, str | bytes | bytearray):
            total += len(current)
        elif isinstance(current, Many):
            pending.extend(current.values)
        elif isinstance(current, Mapping):
            pending.extend(current.values())
        elif isinstance(current, list | tuple | set | frozenset):
            pending.extend(current)
        elif is_dataclass(current) and not isinstance(current, type):
            pending.extend(getattr(current, entry.name) for entry in fields(current))
        elif hasattr(current, "getbands"):
            total += current.width * current.height * len(current.getbands())
    return total

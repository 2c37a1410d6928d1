"""Results of earlier runs, by fingerprint: the least recently used go first when there are too many."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, TypeAlias

Measure: TypeAlias = Callable[[Any], int]
DEFAULT_ENTRIES = 20_000
DEFAULT_BYTES = 4 * 2**30


@dataclass(frozen=True, slots=True)
class Many:
    """What a list output holds: consumers that take one value at a time run once for each."""

    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run of a node gave: a value (or Many) for each output, and what it shows on the page.

    An outcome is shared by all its consumers and by later jobs. Nodes must not alter what they are given:
    a tensor is copied before it is changed in place, a list arrives as a copy.
    """

    slots: tuple[Any, ...] = ()
    ui: Mapping[str, Any] | None = None


class ResultCache:
    """Keeps outcomes between jobs, bounded by number and by bytes; may be used from several threads."""

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
        self._entries: OrderedDict[str, tuple[Outcome, int]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, fingerprint: str) -> bool:
        return fingerprint in self._entries

    def get(self, fingerprint: str) -> Outcome | None:
        """The outcome with that fingerprint, which counts as its use."""
        with self._lock:
            entry = self._entries.get(fingerprint)
            if entry is None:
                return None
            self._entries.move_to_end(fingerprint)
            return entry[0]

    def put(self, fingerprint: str, outcome: Outcome) -> None:
        """Keep an outcome; older ones make room. One that is larger than the whole cache is not kept."""
        size = sum(map(self.measure, outcome.slots))
        with self._lock:
            self._drop(fingerprint)
            if size > self.max_bytes:
                return
            self._entries[fingerprint] = (outcome, size)
            self.bytes += size
            while len(self._entries) > self.max_entries or self.bytes > self.max_bytes:
                self._drop(next(iter(self._entries)))

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self.bytes = 0

    def _drop(self, fingerprint: str) -> None:
        entry = self._entries.pop(fingerprint, None)
        if entry is not None:
            self.bytes -= entry[1]


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
            pending.extend(getattr(current, field.name) for field in fields(current))
        elif hasattr(current, "getbands"):
            total += current.width * current.height * len(current.getbands())
    return total

"""Which results are kept: those of the last job, the last N, as many as memory allows, none."""

import time
from collections.abc import Callable, Collection
from typing import Literal, TypeAlias

from executor.run.cache import DEFAULT_BYTES, DEFAULT_ENTRIES, Measure, Outcome, ResultCache

Policy: TypeAlias = Literal["roomy", "classic", "lru", "ram", "none"]
UNBOUNDED = 2**62
LOOK_SECONDS = 0.05
"""How long an answer to how much memory is free is good: to ask takes longer than to run a small node."""
MARGIN = 1.1
"""How much more than the headroom is free again after results were dropped for it."""


class ClassicCache(ResultCache):
    """Keeps what the last job needed or computed."""

    def __init__(self, measure: Measure | None = None) -> None:
        super().__init__(UNBOUNDED, UNBOUNDED, measure)
        self._used: set[str] = set()

    def begin(self, fingerprints: Collection[str]) -> None:
        """A job with these fingerprints starts."""
        with self._lock:
            self._used = {self._names[name] for name in fingerprints if name in self._names}

    def end(self) -> None:
        """The job is over: what it had no use for is dropped."""
        with self._lock:
            for content in [content for content in self._entries if content not in self._used]:
                self._drop(content)

    def _touch(self, content: str) -> None:
        super()._touch(content)
        self._used.add(content)


class RecentCache(ResultCache):
    """Keeps the last N results, and all of the job that runs."""

    def __init__(self, entries: int, measure: Measure | None = None) -> None:
        super().__init__(UNBOUNDED, UNBOUNDED, measure)
        self.entries = entries

    def begin(self, fingerprints: Collection[str]) -> None:
        """A job with these fingerprints starts: of the others the oldest go."""
        with self._lock:
            needed = {self._names[name] for name in fingerprints if name in self._names}
            spare = [content for content in self._entries if content not in needed]
            for content in spare[: max(0, len(self._entries) - self.entries)]:
                self._drop(content)


class HeadroomCache(ResultCache):
    """Keeps results while memory lasts: when less than the headroom is free, the oldest go.

    What is free is asked anew after each of them, so a network goes when the last result that holds it does,
    though no result says how large a network is. What the job that runs has used stays.
    """

    def __init__(
        self,
        headroom_bytes: int,
        available: Callable[[], int],
        max_entries: int = UNBOUNDED,
        max_bytes: int = UNBOUNDED,
        measure: Measure | None = None,
    ) -> None:
        """`available()` is the memory that is free now, in bytes."""
        super().__init__(max_entries, max_bytes, measure)
        self.headroom_bytes = headroom_bytes
        self.available = available
        self._looked = 0.0
        self._used: set[str] = set()

    def begin(self, fingerprints: Collection[str]) -> None:
        """A job with these fingerprints starts; what it loads will need room."""
        with self._lock:
            self._used = {self._names[name] for name in fingerprints if name in self._names}
        self._make_room()

    def put(self, fingerprint: str, outcome: Outcome, content: str = "", seconds: float = 0.0) -> None:
        """Keep an outcome, and make room if there is little left."""
        super().put(fingerprint, outcome, content, seconds)
        if time.monotonic() - self._looked > LOOK_SECONDS:
            self._make_room()

    def give_way(self) -> None:
        """Memory ran short: drop what the job that runs has not used."""
        with self._lock:
            for content in [content for content in self._entries if content not in self._used]:
                self._drop(content)

    def _make_room(self) -> None:
        self._looked = time.monotonic()
        if self.available() >= self.headroom_bytes:
            return
        wanted = int(self.headroom_bytes * MARGIN)
        with self._lock:
            for content in [content for content in self._entries if content not in self._used]:
                self._drop(content)
                if self.available() >= wanted:
                    return

    def _touch(self, content: str) -> None:
        super()._touch(content)
        self._used.add(content)


class NoCache(ResultCache):
    """Keeps nothing; nor do nodes keep objects between jobs."""

    keeps_objects = False

    def __init__(self) -> None:
        super().__init__(0, 0)

    def put(self, fingerprint: str, outcome: Outcome, content: str = "", seconds: float = 0.0) -> None:
        """Keep nothing."""


def make_cache(
    policy: Policy = "roomy", amount: float = 0, available: Callable[[], int] | None = None
) -> ResultCache:
    """The cache for a policy.

    Args:
        policy: "roomy" keeps up to 20,000 results of 4 GiB in all; the others are the ecosystem's.
        amount: the number of results for "lru", the headroom in gigabytes for "ram" and "roomy".
        available: how many bytes of memory are free, for "ram"; "roomy" minds them too where it is told.
    """
    if policy == "classic" or (policy == "lru" and amount <= 0):
        return ClassicCache()
    if policy == "lru":
        return RecentCache(int(amount))
    if policy == "ram":
        if available is None:
            raise ValueError("the policy 'ram' needs to be told how much memory is free")
        return HeadroomCache(int(amount * 2**30), available)
    if policy == "none":
        return NoCache()
    if available is None:
        return ResultCache()
    return HeadroomCache(int(amount * 2**30), available, DEFAULT_ENTRIES, DEFAULT_BYTES)

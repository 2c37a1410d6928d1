"""How does a worker stay small? It gives freed memory back between jobs, and says when that is not enough."""

import logging
import queue
from typing import Any, Protocol

from executor.worker.heap import trim
from models.host_memory import own_bytes

logger = logging.getLogger(__name__)

IDLE_SECONDS = 0.5
"""So long nothing must come before memory is given back: it takes a while, and jobs come first."""
MOST_JOBS = 20
"""So many jobs may pass without a pause before memory is given back all the same."""


class Accounts(Protocol):
    """What a process holds on purpose."""

    def held_bytes(self) -> int:
        """Bytes of results and networks that are kept for the next job."""
        ...

    def unaccounted_limit(self) -> int:
        """How many bytes may be held that nothing accounts for."""
        ...


class Upkeep:
    """Looks after the memory of a worker between jobs."""

    def __init__(self, accounts: Accounts) -> None:
        """Call this when everything that works with every job is loaded."""
        self._accounts = accounts
        self._start_bytes = own_bytes()
        self._jobs = 0

    def wait(self, orders: "queue.SimpleQueue[Any]") -> Any:
        """The next order; memory is given back while there is none."""
        if self._jobs:
            try:
                return orders.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                self._give_back()
        return orders.get()

    def is_worn(self) -> bool:
        """Whether more memory is held than can be accounted for, at the end of a job."""
        self._jobs += 1
        limit = self._accounts.unaccounted_limit()
        if self._unaccounted() <= limit:
            if self._jobs >= MOST_JOBS:
                self._give_back()
            return False
        self._give_back()
        lost = self._unaccounted()
        if lost > limit:
            logger.warning("%d MB of memory are held that nothing accounts for", lost // 10**6)
        return lost > limit

    def _unaccounted(self) -> int:
        return own_bytes() - self._start_bytes - self._accounts.held_bytes()

    def _give_back(self) -> None:
        self._jobs = 0
        trim()

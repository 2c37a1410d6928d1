"""How long may a cancelled job go on before its worker is killed?"""

import asyncio
from collections.abc import Callable

STILL_SECONDS = 2.5
"""A job that shows no sign of life for so long is taken to be stuck."""

PACES = 2.0
LONGEST_PACE_SECONDS = 60.0


class HardStop:
    """Kills what was asked to stop and does not: soon if it stands still, else when its grace is over.

    A node that told its progress before is waited for longer than its slowest step took, for it may well stop
    at the next one.

    Args:
        grace: seconds that a job may go on at most.
        pace: seconds between two signs of the node that runs, at most, so far; 0 if it gave none.
        kill: called at the end.
    """

    def __init__(self, grace: float, pace: float, kill: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        step = PACES * min(pace, LONGEST_PACE_SECONDS)
        self._still = max(STILL_SECONDS, step)
        self._deadline = self._loop.time() + max(grace, step)
        self._kill = kill
        self._timer = self._start()

    def moved(self) -> None:
        """There was a sign of life."""
        self._timer.cancel()
        self._timer = self._start()

    def cancel(self) -> None:
        """It stopped by itself."""
        self._timer.cancel()

    def _start(self) -> asyncio.TimerHandle:
        return self._loop.call_at(min(self._deadline, self._loop.time() + self._still), self._kill)

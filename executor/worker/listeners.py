"""Who wants to hear what happens? Tells all of them of each thing, in order, a little later."""

import asyncio
from collections import deque
from collections.abc import Callable

from executor.worker.notices import Listener, ServiceEvent


class Listeners:
    """Callbacks that are told on the event loop, never from within what happens.

    A callback that raises is reported by the loop and harms neither the job nor the other callbacks.
    """

    def __init__(self) -> None:
        self._callbacks: list[Listener] = []
        self._waiting: deque[tuple[Listener, ServiceEvent]] = deque()

    def add(self, callback: Listener) -> Callable[[], None]:
        """Call back from now on; returns how to stop that."""
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    def tell(self, event: ServiceEvent) -> None:
        """Have all callbacks told; what happens in a burst is told in one turn of the loop."""
        if not self._waiting and self._callbacks:
            asyncio.get_running_loop().call_soon(self._tell_all)
        self._waiting.extend((callback, event) for callback in self._callbacks)

    def _tell_all(self) -> None:
        try:
            while self._waiting:
                callback, event = self._waiting.popleft()
                callback(event)
        finally:
            if self._waiting:
                asyncio.get_running_loop().call_soon(self._tell_all)

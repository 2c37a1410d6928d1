"""What does the code of packs say? Questions to a worker that are answered while it computes."""

import asyncio
from collections.abc import Callable
from typing import Any


class Questions:
    """Open questions by number; used on the event loop."""

    def __init__(self) -> None:
        self._open: dict[int, asyncio.Future[Any]] = {}
        self._count = 0

    async def ask(self, put: Callable[[int], None], timeout: float) -> Any | None:
        """The answer to the question that `put(number)` sends, or None if there is none in time."""
        self._count += 1
        number = self._count
        self._open[number] = asyncio.get_running_loop().create_future()
        try:
            put(number)
            return await asyncio.wait_for(self._open[number], timeout)
        except TimeoutError:
            return None
        finally:
            del self._open[number]

    def answer(self, number: int, value: Any) -> None:
        """Take an answer; one that comes too late is of no use."""
        future = self._open.get(number)
        if future is not None and not future.done():
            future.set_result(value)

"""What do the nodes themselves say of a graph? Questions to a worker that are answered while it computes."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from executor.worker import protocol


class Questions:
    """Open questions by number; used on the event loop."""

    def __init__(self) -> None:
        self._open: dict[int, asyncio.Future[list[Mapping[str, Any]]]] = {}
        self._count = 0

    async def ask(
        self,
        send: Callable[[protocol.Validate], None],
        graph: Mapping[str, Any],
        targets: tuple[str, ...],
        timeout: float,
    ) -> list[Mapping[str, Any]] | None:
        """The problems of a graph, or None if there is no answer in time."""
        self._count += 1
        number = self._count
        self._open[number] = asyncio.get_running_loop().create_future()
        try:
            send(protocol.Validate(number, graph, targets))
            return await asyncio.wait_for(self._open[number], timeout)
        except TimeoutError:
            return None
        finally:
            del self._open[number]

    def answer(self, verdict: protocol.Verdict) -> None:
        """Take an answer; one that comes too late is of no use."""
        future = self._open.get(verdict.question)
        if future is not None and not future.done():
            future.set_result(list(verdict.problems))

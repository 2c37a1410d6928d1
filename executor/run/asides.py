"""The async instances of one job: they run on another thread, and what they have to say comes to an inbox."""

import asyncio
import queue
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from executor.run import second_try
from executor.run.answers import Answers
from executor.run.cache import Outcome
from executor.run.contents import settle
from executor.run.context import enter_context
from executor.run.failures import Failure
from executor.run.frames import NODE_ERRORS, Frame
from executor.run.overlap import AsyncCalls, Task, Tasks
from nodes.api.errors import Cancelled

if TYPE_CHECKING:
    from executor.run.drive import Drive

WhenAsked: TypeAlias = "Callable[[Drive, Frame, list[str]], None]"
GRACE_SECONDS = 2.0


class Asides:
    """Starts async work for a job and takes its results; all but `demand` belongs to the compute thread."""

    def __init__(self, drive: "Drive", when_asked: WhenAsked) -> None:
        self.drive = drive
        self.when_asked = when_asked
        self.tasks: Tasks = set()
        self.running = 0
        self.demands: dict[str, list[tuple[str, asyncio.Future[Outcome]]]] = {}

    def start(self, frame: Frame) -> None:
        """Begin the calls of an async instance."""
        assert frame.binding is not None
        assert frame.context is not None
        ran_short = partial(second_try.ran_short, self.drive, frame)
        calls = AsyncCalls(frame.binding, frame.context, self.demand, ran_short, self.make_room)

        async def work() -> Callable[[], None]:
            results = await calls.run()
            answers = Answers(frame.plan.node, calls.is_mapped)
            for result in results:
                answers.take(result)

            def complete() -> None:
                settle(self.drive, frame, calls.rounds)
                self.drive.complete(frame, answers)

            return complete

        self._begin(frame, work())

    def ask(self, frame: Frame, names: Iterable[str], more: Iterable[Awaitable[Iterable[str]]]) -> None:
        """Await which lazy inputs an instance wants."""

        async def work() -> Callable[[], None]:
            enter_context(frame.context)
            wanted = [*names]
            for awaitable in more:
                wanted.extend(await awaitable)
            return partial(self.when_asked, self.drive, frame, wanted)

        self._begin(frame, work())

    def _begin(self, frame: Frame, work: Awaitable[Callable[[], None]]) -> None:
        inbox = self.drive.inbox

        async def run() -> None:
            try:
                message = await work
            except NODE_ERRORS as error:
                message = partial(_fail, self.drive.failure(frame, error))
            inbox.put(message)

        def done(task: Task) -> None:
            inbox.put(self._end)

        self.running += 1
        self.drive.parts.overlap.start(run(), self.tasks, done)

    def _end(self) -> None:
        self.running -= 1

    def stop(self) -> None:
        """Cancel async instances that still run and wait for them, but not for ever."""
        if not self.running:
            return
        self.drive.parts.overlap.cancel(self.tasks)
        until = time.monotonic() + GRACE_SECONDS
        while self.running and (left := until - time.monotonic()) > 0:
            with suppress(queue.Empty, Failure, Cancelled):
                self.drive.inbox.get(timeout=left)()

    async def demand(self, asker: str, node_id: str) -> Outcome:
        """The result of a lazily linked instance; called by async nodes on their thread."""
        outcome = self.drive.outcomes.get(node_id)
        if outcome is not None:
            return outcome
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.drive.inbox.put(lambda: self._meet(asker, node_id, future))
        return await future

    async def make_room(self) -> None:
        """Have room made by the compute thread, which owns the results, when the node that it runs ends."""
        made: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def relieve() -> None:
            self.drive.relieve()
            _answer(made, None)

        self.drive.inbox.put(relieve)
        await made

    def _meet(self, asker: str, node_id: str, future: "asyncio.Future[Outcome]") -> None:
        """Compute what an async node awaits."""
        outcome = self.drive.outcomes.get(node_id)
        if outcome is not None:
            _answer(future, outcome)
            return
        self.demands.setdefault(node_id, []).append((asker, future))
        self.drive.has_news = bool(self.drive.growth.parents)
        self.drive.enter(node_id)

    def tell(self, node_id: str, outcome: Outcome) -> None:
        """Give those who await this instance its result."""
        for _, future in self.demands.pop(node_id, ()):
            _answer(future, outcome)


def _fail(failure: Failure | Cancelled) -> None:
    raise failure


def _answer(future: "asyncio.Future[Any]", outcome: Outcome | None) -> None:
    """Give an awaiting async node its value, on its own thread."""

    def resolve() -> None:
        if not future.done():
            future.set_result(outcome)

    future.get_loop().call_soon_threadsafe(resolve)

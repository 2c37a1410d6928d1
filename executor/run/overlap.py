"""Runs async nodes on a thread of their own, so that they overlap with each other and with computing ones."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

from executor.graph.workflow import Link
from executor.run.cache import Many, Outcome
from executor.run.call import Binding, Held, slot_value
from executor.run.context import RunContext, enter_context
from nodes.api.context import call_index
from nodes.api.results import Blocked
from nodes.api.spec import InputSpec

Demand: TypeAlias = Callable[[str, str], Awaitable[Outcome]]
"""Asks, for one instance, for the result of another."""
RanShort: TypeAlias = Callable[[BaseException], bool]
"""Whether an error means that memory ran short and the call may be made again; it holds nothing then."""
MakeRoom: TypeAlias = Callable[[], Awaitable[None]]
"""Has room made in memory, and waits for that."""
Task: TypeAlias = "asyncio.Task[None]"
Tasks: TypeAlias = "set[asyncio.Task[None]]"
Surroundings: TypeAlias = Callable[[], AbstractContextManager[object]]


class AsyncThread:
    """An event loop on a thread that starts when it is first needed."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def start(self, work: Coroutine[Any, Any, None], tasks: "Tasks", done: Callable[["Task"], None]) -> None:
        """Begin a coroutine; its task is in `tasks` while it runs and is given to `done` when it ended."""

        def begin() -> None:
            task = loop.create_task(work)
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            task.add_done_callback(done)

        loop = self.loop()
        loop.call_soon_threadsafe(begin)

    def cancel(self, tasks: "Tasks") -> None:
        """Ask all those tasks to stop."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(lambda: [task.cancel() for task in tuple(tasks)])

    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop, running."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(
                target=self._run, args=(self._loop,), name="async nodes", daemon=True
            )
            self._thread.start()
        return self._loop

    def close(self) -> None:
        """Stop the loop; tasks that still run are cancelled."""
        if self._loop is None or self._thread is None:
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop = self._thread = None

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            with self._surroundings():
                loop.run_forever()
            leftover = asyncio.all_tasks(loop)
            for task in leftover:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*leftover, return_exceptions=True))
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()


class EmptyList(Exception):  # noqa: N818 - not an error: there is nothing to do
    """A lazy input turned out to be an empty list, so its consumer does not run."""


class HeldBack(Exception):  # noqa: N818 - not an error: the call ends here
    """A lazy input says that its consumer must not run."""

    def __init__(self, message: str | None) -> None:
        super().__init__(message)
        self.held = Held(message)


class AsyncCalls:
    """The calls of one async instance: one, or one for each element of a list.

    Each call whose memory runs short is made once more, after room was made, and one at a time: the first
    time they were perhaps too many at once.

    rounds: linked lazy inputs that were awaited; those of one round before any of them was there.
    """

    def __init__(
        self, binding: Binding, context: RunContext, demand: Demand, ran_short: RanShort, make_room: MakeRoom
    ) -> None:
        self.rounds: list[list[str]] = []
        self.open = 0
        self.binding = binding
        self.context = context
        self.demand = demand
        self.ran_short = ran_short
        self.make_room = make_room
        self.second_tries = asyncio.Lock()
        self.count = binding.count
        self.is_mapped = bool(binding.mapped)

    async def run(self) -> list[Any]:
        """The results of all calls, which run at the same time.

        A lazy input may turn out to be a list when it is awaited: then there are as many calls as elements.
        """
        enter_context(self.context)
        results: list[Any] = []
        try:
            while len(results) < self.count:
                batch = range(len(results), self.count)
                if len(batch) == 1:
                    results.append(await self.one(batch[0]))
                else:
                    results.extend(await self.several(batch))
        except EmptyList:
            return []
        return results

    async def one(self, index: int) -> Any:
        """The result of one call, the second time if memory ran short the first time."""
        shown = {key: list(items) for key, items in self.context.shown.items()}
        try:
            return await self.once(index)
        except Exception as error:
            if not self.ran_short(error):
                raise
        # The error is gone here, and with it all that the first try held.
        async with self.second_tries:
            await self.make_room()
            if self.count == 1:
                # Nobody else showed anything meanwhile.
                self.context.shown.clear()
                self.context.shown.update(shown)
            return await self.once(index)

    async def once(self, index: int) -> Any:
        """The result of one call, or what it raises."""
        arguments = self.binding.arguments(index)
        held = self.binding.held(arguments)
        if held is not None:
            return held
        for name, entry, value in self.binding.plan.lazy:
            arguments[name] = LazyInput(self, name, entry, value, index)
        call_index.set(index)
        try:
            return await self.binding.call(arguments, self.context)
        except HeldBack as stop:
            return stop.held

    async def several(self, batch: range) -> list[Any]:
        """The results of several calls; the first that fails ends the others."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self.one(index)) for index in batch]
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return [task.result() for task in tasks]

    async def fetch(self, name: str, link: Link) -> Any:
        """What is linked to a lazy input."""
        plan = self.binding.plan
        if not any(name in names for names in self.rounds):
            if not self.open:
                self.rounds.append([])
            self.rounds[-1].append(name)
        self.open += 1
        try:
            outcome = await self.demand(plan.instance.id, link.node)
        finally:
            self.open -= 1
        return slot_value(outcome, link, plan.instance)


class LazyInput:
    """What a lazy parameter gets: awaiting it computes the value, once for all who await it."""

    __slots__ = ("calls", "entry", "index", "name", "value")

    def __init__(self, calls: AsyncCalls, name: str, entry: InputSpec, value: Any, index: int) -> None:
        self.calls = calls
        self.name = name
        self.entry = entry
        self.value = value
        self.index = index

    def __await__(self) -> Any:
        return self._resolve().__await__()

    async def _resolve(self) -> Any:
        plan = self.calls.binding.plan
        links = plan.links
        if self.name not in links:
            return [self.value] if plan.is_list(self.entry) else self.value
        value = await self.calls.fetch(self.name, links[self.name])
        values = value.values if type(value) is Many else (value,)
        if plan.is_list(self.entry):
            for entry in values:
                stop_if_blocked(entry)
            return list(values)
        if type(value) is not Many:
            return stop_if_blocked(value)
        self.calls.is_mapped = True
        if not values:
            raise EmptyList
        self.calls.count = max(self.calls.count, len(values))
        return stop_if_blocked(values[min(self.index, len(values) - 1)])


def stop_if_blocked(value: Any) -> Any:
    """The value, unless it says that its consumer must not run."""
    if type(value) is Blocked:
        raise HeldBack(value.message)
    return value

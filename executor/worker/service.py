"""What does the server ask of the executor? To run jobs, list and cancel them, and tell what happens."""

import asyncio
import logging
import math
import uuid
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from executor.queue.history import HistoryEntry
from executor.queue.jobs import (
    DuplicateJobError,
    JobState,
    NewJob,
    QueuedJob,
    now,
)
from executor.queue.rows import JobRow, Order, Page, Sort, StoredEvent
from executor.queue.store import Keep, Store
from executor.worker import catalogue_file, protocol
from executor.worker.dispatch import Dispatcher
from executor.worker.doors import Doors
from executor.worker.host import LEASE_SECONDS
from executor.worker.lane import Lane
from executor.worker.listeners import Listeners
from executor.worker.notices import (
    CatalogueChanged,
    JobClosed,
    Listener,
    PackFrame,
    PackMessage,
    ServiceEvent,
    WorkerChanged,
    WorkerRow,
    WorkerState,
)
from executor.worker.questions import Questions
from executor.worker.views import placed, worker_row
from nodes.api.spec import NodeSpec

logger = logging.getLogger(__name__)


class Service:
    """The queue, its history and the workers, for one event loop.

    Args:
        database: the SQLite file of the queue; made if missing.
        worker_command: starts a worker; `--connect` and its value are added.
        catalogue: the file that keeps the worker's catalogue for the next start.
        devices: one worker is started for each; a name that is not empty is given to it as `--device`.
        environment: what is added to the environment of the workers.
        cancel_grace_seconds: how long a cancelled job may go on before its worker is killed.
        lease_seconds: how long a worker may stand still before it is replaced.
        attempts_after_stop: how often a job may run when the server dies under it.
        attempts_after_loss: how often a job may run when the worker dies under it.
        keep_history: how many finished jobs are remembered.
        keep_history_days: for how many days they are remembered; for ever if not given.
        paused: whether jobs wait until `resume`.
    """

    def __init__(
        self,
        database: Path,
        worker_command: Sequence[str],
        catalogue: Path,
        *,
        devices: Sequence[str] = ("",),
        environment: Mapping[str, str] | None = None,
        cancel_grace_seconds: float = 10.0,
        lease_seconds: float = LEASE_SECONDS,
        attempts_after_stop: int = 2,
        attempts_after_loss: int = 2,
        keep_history: int = 10_000,
        keep_history_days: float | None = None,
        paused: bool = False,
    ) -> None:
        self.specs: Mapping[str, NodeSpec] = {}
        self.packs: tuple[Mapping[str, Any], ...] = ()
        self._database = database
        self._catalogue = catalogue
        self._attempts_after_stop = attempts_after_stop
        self._attempts_after_loss = attempts_after_loss
        self._keep = Keep(keep_history, keep_history_days)
        self._start_paused = paused
        self._lanes = tuple(
            Lane(
                [*worker_command, *(["--device", device] if device else [])],
                partial(self._hear, index),
                cancel_grace_seconds,
                lease_seconds,
                name=device,
                environment=environment,
            )
            for index, device in enumerate(devices)
        )
        self._listeners = Listeners()
        self.doors = Doors(self._lanes)
        self._questions = Questions()
        self._next_sequence = 0
        self._has_specs = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._admissions: dict[str, asyncio.Task[Any]] = {}
        self._supervisors: list[asyncio.Task[Any]] = []
        self._opened: tuple[Store, Dispatcher] | None = None

    async def start(self) -> None:
        """Open the queue and have the workers started; does not wait for them."""
        store = Store(self._database, self._keep)
        recovered = store.recover(self._attempts_after_stop)
        for job in recovered.failed:
            logger.error("job %s was running again when the server stopped: failed", job.job_id)
        if recovered.waiting:
            logger.info("%d jobs of the last run are waiting", len(recovered.waiting))
        self._next_sequence = recovered.next_sequence
        dispatcher = Dispatcher(
            store,
            self._lanes,
            recovered.waiting,
            self._announce,
            lambda: self.specs,
            losses=self._attempts_after_loss,
            paused=self._start_paused,
        )
        self._opened = store, dispatcher
        self._set_specs(catalogue_file.load(self._catalogue))
        self._supervisors = [self._spawn(lane.supervise()) for lane in self._lanes]
        self._spawn(dispatcher.run())

    async def stop(self) -> None:
        """End the workers and close the queue; a job that was running runs again at the next start."""
        for lane in self._lanes:
            lane.stop()
        await asyncio.gather(*self._supervisors, return_exceptions=True)
        if self._opened is not None:
            await self._dispatcher.stop()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._opened is not None:
            self._store.close()
            self._opened = None

    @property
    def worker_state(self) -> WorkerState:
        """The best that can be said of the workers: ready before busy before starting before lost."""
        states = {lane.state for lane in self._lanes}
        order: tuple[WorkerState, ...] = ("ready", "busy", "starting", "lost")
        return next(state for state in order if state in states)

    @property
    def device_info(self) -> Mapping[str, Any]:
        """The first device as the ecosystem describes one, plus `torch_version`; empty before it is up."""
        return self._lanes[0].device

    def workers(self) -> list[WorkerRow]:
        """Who does what."""
        return [worker_row(index, lane) for index, lane in enumerate(self._lanes)]

    async def catalogue_ready(self, timeout: float) -> bool:
        """Wait until there are specs (the last run's are good); whether there are."""
        if not self._has_specs.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._has_specs.wait(), timeout)
        return self._has_specs.is_set()

    async def validate(
        self, graph: Mapping[str, Any], targets: Collection[str] = (), timeout: float = 2.0
    ) -> list[Mapping[str, Any]] | None:
        """The problems of a graph in the eyes of the nodes' own code; None if no worker says so in time."""
        judge = self.doors.judge()
        if judge is None:
            return None
        question = partial(protocol.Validate, prompt=graph, targets=tuple(targets))
        return await self._questions.ask(lambda number: judge.send(question(number)), timeout)

    async def plan(self, graph: Mapping[str, Any], timeout: float = 60.0) -> protocol.Planned | None:
        """How much memory a graph takes, and what is where; None if no worker says so in time."""
        if (judge := self.doors.judge()) is None:
            return None
        return await self._questions.ask(lambda n: judge.send(protocol.Plan(n, graph, ())), timeout)

    async def edit(self, body: Mapping[str, Any], timeout: float = 2.0) -> Mapping[str, Any]:
        """What packs make of the body of a submission; as it is, if none wants to or does so in time."""
        editor = self.doors.editor()
        if editor is None:
            return body
        return await self._questions.ask(lambda n: editor.send(protocol.Edit(n, body)), timeout) or body

    async def submit(self, new: NewJob) -> QueuedJob:
        """Put a job into the line; returns once it is on disk.

        The job that the same idempotency key made before is returned as it is. Raises `DuplicateJobError`,
        `ValueError`.
        """
        if new.number is not None and not math.isfinite(new.number):
            raise ValueError(f"a job's number must be finite, not {new.number}")
        if new.idempotency_key is None and self._is_open(new.job_id):
            raise DuplicateJobError(new.job_id)
        sequence, self._next_sequence = self._next_sequence, self._next_sequence + 1
        front = min(-sequence, self._dispatcher.pending.first_number() - 1)
        number = new.number if new.number is not None else front if new.front else sequence
        job = QueuedJob.from_new(new, sequence, number, now())
        # A client that goes away while its job is written must not leave a job on disk that nobody runs.
        task = self._admissions[job.job_id] = self._spawn(self._dispatcher.admit(job))
        task.add_done_callback(lambda _: self._admissions.pop(job.job_id, None))
        admitted: QueuedJob = await asyncio.shield(task)
        return admitted

    async def retry(self, job_id: str) -> QueuedJob:
        """Run a finished job again, as a new one; `KeyError` if it is unknown, `ValueError` if open."""
        if self._is_open(job_id):
            raise ValueError(f"job {job_id} is not over")
        entry = await self._store.history_entry(job_id)
        if entry is None:
            raise KeyError(job_id)
        job = entry.job
        return await self.submit(NewJob(str(uuid.uuid4()), job.graph, job.extra_data, targets=job.targets))

    def pending(self) -> list[QueuedJob]:
        """The waiting jobs in the order they will run."""
        return list(self._dispatcher.pending)

    def running(self) -> list[QueuedJob]:
        """The jobs that workers have."""
        return self._dispatcher.running

    def queue_remaining(self) -> int:
        """How many jobs wait or run."""
        return len(self._dispatcher.pending) + len(self._dispatcher.running)

    @property
    def paused(self) -> bool:
        """Whether waiting jobs stay where they are."""
        return self._dispatcher.paused

    def pause(self) -> None:
        """Start no more jobs; those that run go on."""
        self._dispatcher.paused = True

    def resume(self) -> None:
        """Start jobs again."""
        self._dispatcher.paused = False
        self._dispatcher.wake()

    async def delete(self, job_ids: Iterable[str]) -> list[str]:
        """Take waiting jobs out of the line for good; returns the ids of those that were in it."""
        return await self._dispatcher.remove(job_ids)

    async def clear(self) -> list[str]:
        """Take all waiting jobs out of the line for good; returns their ids."""
        return await self.delete([job.job_id for job in self._dispatcher.pending])

    async def cancel(self, job_id: str, by_force: bool = False) -> bool:
        """Cancel a job wherever it stands, softly first; False if it is unknown or over already.

        By force the worker that runs it is killed without a time of grace.
        """
        if (admission := self._admissions.get(job_id)) is not None:
            await asyncio.wait({admission})
        return await asyncio.shield(self._spawn(self._dispatcher.cancel(job_id, by_force)))

    async def reorder(self, job_id: str, before: str | None) -> bool:
        """Put a waiting job before another one, or at the head; False if one of them does not wait."""
        return await self._dispatcher.move(job_id, before)

    async def interrupt(self, job_id: str | None = None) -> bool:
        """Cancel what runs, or only the job named; whether there was one to cancel."""
        lanes = [lane for lane in self._lanes if lane.job is not None and job_id in (None, lane.job.job_id)]
        return sum(lane.cancel() for lane in lanes) > 0  # all of them, not the first

    async def free(self, unload_models: bool, free_memory: bool) -> None:
        """Ask the workers to give memory back after the jobs they have."""
        if unload_models or free_memory:
            for lane in self._lanes:
                lane.send(protocol.Free(unload_models, free_memory))

    async def job(self, job_id: str) -> JobRow | None:
        """The job of that id, whatever its state, without its prompt."""
        row = await self._store.job(job_id)
        return None if row is None else placed([row], self._dispatcher.pending, self._lanes)[0]

    async def untold(self, most: int) -> list[QueuedJob]:
        """Finished jobs, of this run or an earlier one, whose webhooks do not know it yet."""
        return await self._store.untold(most)

    async def told(self, job: QueuedJob) -> None:
        """Remember that the webhook of a job needs to be told no more."""
        await self._store.told(job)

    async def history_page(
        self,
        states: Collection[JobState] | None = None,
        sort: Sort = "created",
        order: Order = "desc",
        limit: int | None = None,
        offset: int = 0,
        workflow_id: str | None = None,
    ) -> tuple[list[JobRow], int]:
        """Jobs of any state without their prompts, and how many there are in all."""
        rows, total = await self._store.page(Page(states, sort, order, limit, offset, workflow_id))
        return placed(rows, self._dispatcher.pending, self._lanes), total

    async def events_after(self, job_id: str, event_id: int = 0) -> list[StoredEvent]:
        """What happened to a job since its event of that number."""
        await self._dispatcher.log.flush(job_id)
        return await self._store.events(job_id, event_id)

    async def history_text(self, max_items: int | None = None, offset: int | None = None) -> str:
        """Finished jobs as one JSON object, oldest first: from `offset` on, or else the last `max_items`."""
        return await self._store.history_text(max_items, offset)

    async def history_entry(self, job_id: str) -> HistoryEntry | None:
        """The finished job of that id."""
        return await self._store.history_entry(job_id)

    async def history_count(self) -> int:
        """How many finished jobs are remembered."""
        return await self._store.history_count()

    async def delete_history(self, job_ids: Iterable[str]) -> None:
        """Forget these finished jobs."""
        await self._store.delete_history(job_ids)

    async def clear_history(self) -> None:
        """Forget all finished jobs."""
        await self._store.delete_history()

    def listen(self, callback: Listener) -> Callable[[], None]:
        """Call back with everything that happens, on the loop and in order; returns how to stop that."""
        return self._listeners.add(callback)

    def _is_open(self, job_id: str) -> bool:
        return job_id in self._dispatcher.pending or any(job.job_id == job_id for job in self.running())

    def _announce(self, event: Any, job: QueuedJob | None = None) -> None:
        number = 0 if job is None or isinstance(event, JobClosed) else self._dispatcher.log.note(event)
        self._listeners.tell(ServiceEvent(event, job, number))

    def _hear(self, index: int, message: Any, job: QueuedJob | None) -> None:
        if message is None:
            if self._lanes[index].state == "lost":
                self.doors.looked()
            self._announce(WorkerChanged(self._lanes[index].state, index))
            self._dispatcher.wake()
        elif isinstance(message, protocol.Catalogue):
            self.packs, before = message.packs, set(self.specs)
            self.doors.note(index, message.brought)
            self._set_specs([NodeSpec.from_json(spec) for spec in message.specs])
            self._spawn(asyncio.to_thread(catalogue_file.save, self._catalogue, message.specs))
            self._announce(CatalogueChanged(self.doors.is_awaited and before == set(self.specs)))
        elif isinstance(message, protocol.Reloaded):
            self.doors.looked()
        elif isinstance(message, protocol.Verdict):
            self._questions.answer(message.question, list(message.problems))
        elif isinstance(message, protocol.Planned):
            self._questions.answer(message.question, message)
        elif isinstance(message, protocol.Edited):
            self._questions.answer(message.question, message.body)
        elif isinstance(message, protocol.PackMessage):
            self._announce(PackMessage(message.event, message.data, message.client_id))
        elif isinstance(message, protocol.PackFrame):
            self._announce(PackFrame(message.event, message.data, message.client_id))
        else:
            self._announce(message, job)

    def _set_specs(self, specs: Sequence[NodeSpec]) -> None:
        self.specs = {spec.id: spec for spec in specs}
        if specs:
            self._has_specs.set()

    @property
    def _store(self) -> Store:
        if self._opened is None:
            raise RuntimeError("the service is not running")
        return self._opened[0]

    @property
    def _dispatcher(self) -> Dispatcher:
        if self._opened is None:
            raise RuntimeError("the service is not running")
        return self._opened[1]

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (problem := task.exception()) is not None:
            expected = isinstance(problem, DuplicateJobError)
            logger.log(
                logging.DEBUG if expected else logging.ERROR, "a task of the queue failed", exc_info=problem
            )

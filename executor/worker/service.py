"""What does the server ask of the executor? To run jobs, list and cancel them, and tell what happens."""

import asyncio
import logging
import math
import sqlite3
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from executor.queue.history import HistoryEntry
from executor.queue.jobs import DuplicateJobError, NewJob, QueuedJob, now, stored_extra_data
from executor.queue.pending import PendingJobs
from executor.queue.store import Store
from executor.run.events import Event
from executor.worker import catalogue_file, protocol
from executor.worker.lane import Lane, WorkerLostError, WorkerState
from nodes.api.spec import NodeSpec

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class QueueChanged:
    """The number of waiting and running jobs may have changed."""

    remaining: int


@dataclass(frozen=True)
class JobClosed:
    """The very last word on a job: its history entry is on disk, and `QueueChanged` has been told."""

    job_id: str


@dataclass(frozen=True)
class WorkerChanged:
    """The worker process came up, took a job, finished one or died."""

    state: WorkerState


@dataclass(frozen=True)
class CatalogueChanged:
    """The worker sent its catalogue; `Service.specs` is new."""


@dataclass(frozen=True)
class ServiceEvent:
    """One thing that happened, with the job it belongs to (none for the queue, the worker, the catalogue).

    The order for one job is: QueueChanged (submitted), QueueChanged (taken), the events of the run from
    JobStarted to JobFinished, QueueChanged (history is on disk), JobClosed.
    """

    event: Event | QueueChanged | JobClosed | WorkerChanged | CatalogueChanged
    job: QueuedJob | None = None


Listener = Callable[[ServiceEvent], None]


class Service:
    """The queue, its history and the worker, for one event loop.

    Args:
        database: the SQLite file of the queue; made if missing.
        worker_command: starts a worker; `--connect` and its value are added.
        catalogue: the file that keeps the worker's catalogue for the next start.
        cancel_grace_seconds: how long a cancelled job may go on before its worker is killed.
        attempts_after_stop: how often a job may run when the server ends under it.
        attempts_after_loss: how often a job may run when the worker dies under it.
        keep_history: how many finished jobs are remembered.
    """

    def __init__(
        self,
        database: Path,
        worker_command: Sequence[str],
        catalogue: Path,
        *,
        cancel_grace_seconds: float = 10.0,
        attempts_after_stop: int = 2,
        attempts_after_loss: int = 1,
        keep_history: int = 10_000,
    ) -> None:
        self.specs: Mapping[str, NodeSpec] = {}
        self._database = database
        self._catalogue = catalogue
        self._attempts_after_stop = attempts_after_stop
        self._attempts_after_loss = attempts_after_loss
        self._keep_history = keep_history
        self._lanes = (Lane(worker_command, self._hear, cancel_grace_seconds),)
        self._listeners: list[Listener] = []
        self._pending = PendingJobs()
        self._next_sequence = 0
        self._waiting = asyncio.Event()
        self._has_specs = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._supervisors: list[asyncio.Task[Any]] = []
        self._opened: Store | None = None

    async def start(self) -> None:
        """Open the queue and have the worker started; does not wait for the worker."""
        self._opened = Store(self._database, self._keep_history)
        recovered = self._opened.recover(self._attempts_after_stop)
        for job in recovered.failed:
            logger.error(
                "job %s was running %d times when the server stopped: failed", job.job_id, job.attempts
            )
        if recovered.waiting:
            logger.info("%d jobs of the last run are waiting", len(recovered.waiting))
            self._waiting.set()
        self._pending = PendingJobs(recovered.waiting)
        self._next_sequence = recovered.next_sequence
        self._set_specs(catalogue_file.load(self._catalogue))
        for lane in self._lanes:
            self._supervisors.append(self._spawn(lane.supervise()))
            self._spawn(self._pump(lane))

    async def stop(self) -> None:
        """End the worker and close the queue; a job that was running runs again at the next start."""
        for lane in self._lanes:
            lane.stop()
        await asyncio.gather(*self._supervisors, return_exceptions=True)
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    @property
    def worker_state(self) -> WorkerState:
        """Whether the worker starts, waits, computes or is gone."""
        return self._lanes[0].state

    @property
    def worker_process_id(self) -> int | None:
        """The process id of the worker, if one lives."""
        return self._lanes[0].process_id

    @property
    def device_info(self) -> Mapping[str, Any]:
        """The worker's device as the ecosystem describes one, plus `torch_version`; empty before it is up."""
        return self._lanes[0].device

    async def catalogue_ready(self, timeout: float) -> bool:
        """Wait until there are specs (the last run's are good); whether there are."""
        if not self._has_specs.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._has_specs.wait(), timeout)
        return self._has_specs.is_set()

    async def submit(self, new: NewJob) -> QueuedJob:
        """Put a job into the line; returns once it is on disk. Raises `DuplicateJobError`, `ValueError`."""
        if new.number is not None and not math.isfinite(new.number):
            raise ValueError(f"a job's number must be finite, not {new.number}")
        if new.job_id in self._pending or any(job.job_id == new.job_id for job in self.running()):
            raise DuplicateJobError(new.job_id)
        sequence, self._next_sequence = self._next_sequence, self._next_sequence + 1
        created = now()
        job = QueuedJob(
            job_id=new.job_id,
            sequence=sequence,
            number=new.number if new.number is not None else -sequence if new.front else sequence,
            graph=new.graph,
            extra_data=stored_extra_data(new.extra_data, created),
            targets=new.targets,
            created=created,
        )
        # A client that goes away while its job is written must not leave a job on disk that nobody runs.
        await asyncio.shield(self._spawn(self._admit(job)))
        return job

    def pending(self) -> list[QueuedJob]:
        """The waiting jobs in the order they will run."""
        return list(self._pending)

    def running(self) -> list[QueuedJob]:
        """The jobs that workers have."""
        return [lane.job for lane in self._lanes if lane.job is not None]

    def queue_remaining(self) -> int:
        """How many jobs wait or run."""
        return len(self._pending) + len(self.running())

    async def delete(self, job_ids: Iterable[str]) -> list[str]:
        """Take waiting jobs out of the line for good; returns the ids of those that were in it."""
        removed = [job.job_id for job in self._pending.remove(job_ids)]
        if removed:
            await self._store.remove(removed)
            self._queue_changed()
        return removed

    async def clear(self) -> list[str]:
        """Take all waiting jobs out of the line for good; returns their ids."""
        return await self.delete([job.job_id for job in self._pending])

    async def interrupt(self, job_id: str | None = None) -> bool:
        """Cancel the running job, or only if it is the one named; whether there was one to cancel."""
        lanes = [lane for lane in self._lanes if lane.job is not None and job_id in (None, lane.job.job_id)]
        for lane in lanes:
            lane.cancel()
        return bool(lanes)

    async def free(self, unload_models: bool, free_memory: bool) -> None:
        """Ask the worker to give memory back after the job it has."""
        if unload_models or free_memory:
            for lane in self._lanes:
                lane.free(unload_models, free_memory)

    async def history(self, max_items: int | None = None, offset: int | None = None) -> list[HistoryEntry]:
        """Finished jobs, oldest first: from `offset` on, or without one the last `max_items`."""
        return await self._store.history(max_items, offset)

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
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback)

    def _announce(self, event: Any, job: QueuedJob | None = None) -> None:
        # By way of the loop, so that a listener that raises is reported there and harms no job.
        told = ServiceEvent(event, job)
        loop = asyncio.get_running_loop()
        for listener in self._listeners:
            loop.call_soon(listener, told)

    def _queue_changed(self) -> None:
        self._announce(QueueChanged(self.queue_remaining()))

    def _hear(self, message: Any, job: QueuedJob | None) -> None:
        if message is None:
            self._announce(WorkerChanged(self.worker_state))
        elif isinstance(message, protocol.Catalogue):
            self._set_specs([NodeSpec.from_json(spec) for spec in message.specs])
            self._spawn(asyncio.to_thread(catalogue_file.save, self._catalogue, message.specs))
            self._announce(CatalogueChanged())
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
        return self._opened

    async def _admit(self, job: QueuedJob) -> None:
        await self._store.add(job)
        self._pending.add(job)
        self._waiting.set()
        self._queue_changed()

    async def _pump(self, lane: Lane) -> None:
        while True:
            await self._waiting.wait()
            await lane.ready()
            if not len(self._pending):
                self._waiting.clear()
                continue
            job = self._pending.take().started()
            lane.take(job)
            self._queue_changed()
            try:
                closed = await self._run(lane, job)
            except sqlite3.Error:
                # The disk is full or gone. What is on it is right: the job runs again at the next start.
                logger.exception("job %s could not be recorded", job.job_id)
                closed = True
            lane.release()
            self._queue_changed()
            if closed:
                self._announce(JobClosed(job.job_id), job)

    async def _run(self, lane: Lane, job: QueuedJob) -> bool:
        """Run a job and record its end; False if it waits again."""
        await self._store.begin(job)
        try:
            outcome = await lane.run()
        except WorkerLostError as lost:
            if job.attempts < self._attempts_after_loss:
                await self._store.requeue(job)
                self._pending.add(job.requeued())
                self._waiting.set()
                return False
            outcome = lane.fail("WorkerLost", lost.loss.describe(), lost.loss.last_lines)
        await self._store.finish(job, outcome)
        return True

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

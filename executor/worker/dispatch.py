"""Which job runs where, and what becomes of it? Hands jobs to idle workers and records their ends."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from executor.queue.affinity import Affinity, model_files
from executor.queue.event_log import EventLog
from executor.queue.history import Failure, Outcome
from executor.queue.jobs import JobState, QueuedJob, StaleLeaseError, now
from executor.queue.pending import PendingJobs
from executor.queue.store import Store
from executor.run.events import JobFinished
from executor.worker.lane import Lane, WorkerLostError
from executor.worker.notices import JobClosed, JobLost, QueueChanged
from nodes.api.spec import NodeSpec

logger = logging.getLogger(__name__)


class Dispatcher:
    """The line of waiting jobs and the workers that take from it; used on the event loop.

    Args:
        store: where jobs are recorded.
        lanes: the workers.
        waiting: the jobs of the last run.
        announce: called with each notice and the job it is about.
        specs: the present catalogue, which tells what models jobs need.
        losses: how often workers or servers may die under a job before it fails.
        paused: whether jobs wait for `resume`.
    """

    def __init__(
        self,
        store: Store,
        lanes: Sequence[Lane],
        waiting: Iterable[QueuedJob],
        announce: Callable[[Any, QueuedJob | None], None],
        specs: Callable[[], Mapping[str, NodeSpec]],
        *,
        losses: int,
        paused: bool,
    ) -> None:
        self.log = EventLog(store)
        self.pending = PendingJobs(waiting)
        self.paused = paused
        self._store = store
        self._lanes = lanes
        self._announce = announce
        self._specs = specs
        self._losses = losses
        self._stopped = False
        self._affinity = Affinity()
        self._awake = asyncio.Event()
        self._awake.set()
        self._runs: dict[asyncio.Task[None], Lane] = {}

    @property
    def running(self) -> list[QueuedJob]:
        """The jobs that workers have."""
        return [lane.job for lane in self._lanes if lane.job is not None]

    def wake(self) -> None:
        """Look again whether a job can be handed out."""
        self._awake.set()

    async def run(self) -> None:
        """Hand out jobs until cancelled."""
        while True:
            await self._awake.wait()
            self._awake.clear()
            while self._hand_out():
                pass

    async def stop(self) -> None:
        """Record what has ended; put what runs back into the line on disk, without blaming it."""
        self.paused = self._stopped = True
        runs = dict(self._runs)
        for task, lane in runs.items():
            if not lane.has_ended:
                task.cancel()
        await asyncio.gather(*runs, return_exceptions=True)
        self.log.stop()
        for job in self.running:
            await self._store.requeue(job.waiting())

    async def admit(self, job: QueuedJob) -> QueuedJob:
        """Write a job to disk and put it into the line; or return the one of its idempotency key.

        If nobody waits, it is written as one that runs already, and a worker reads its graph meanwhile.
        """
        if job.idempotency_key is None and not len(self.pending):
            lane, _ = self._next(PendingJobs([job]))
            if lane is not None:
                return await self._admit_to(lane, job.started())
        stored = await self._store.add(job)
        if not stored.is_repeat:
            self.pending.add(job)
            self.changed()
        return stored

    async def _admit_to(self, lane: Lane, job: QueuedJob) -> QueuedJob:
        lane.take(job)
        lane.read()
        try:
            await self._store.add(job)
        except BaseException:
            lane.release()
            self.wake()
            raise
        self.changed()
        if not self._stopped:  # else it is back in the line on disk
            self._start(lane, job, is_begun=True)
        return job

    async def remove(self, job_ids: Iterable[str]) -> list[str]:
        """Take waiting jobs out of the line for good, without a trace; returns their ids."""
        removed = [job.job_id for job in self.pending.remove(job_ids)]
        if removed:
            for job_id in removed:
                self._affinity.forget(job_id)
            await self._store.remove(removed)
            self.changed()
        return removed

    async def cancel(self, job_id: str, by_force: bool) -> bool:
        """Cancel a job that waits or runs; False if there is none."""
        for lane in self._lanes:
            if lane.job is not None and lane.job.job_id == job_id:
                return lane.cancel(by_force)
        for job in self.pending.remove([job_id]):
            await self._close_waiting(job)
            return True
        return False

    async def move(self, job_id: str, before: str | None) -> bool:
        """Put a waiting job before another one, or at the head; False if one of them does not wait."""
        try:
            moved = self.pending.move(job_id, before)
        except KeyError:
            return False
        if moved:
            await self._store.move(moved)
            self.changed()
        return True

    def changed(self) -> None:
        """Say that the queue changed, and hand out what can be."""
        self._announce(QueueChanged(len(self.pending) + len(self.running)), None)
        self.wake()

    def _hand_out(self) -> bool:
        lane, job = self._next(self.pending)
        if lane is None or job is None:
            return False
        self.pending.take(job)
        job = job.started()
        lane.take(job)
        self._start(lane, job)
        return True

    def _start(self, lane: Lane, job: QueuedJob, is_begun: bool = False) -> None:
        self.changed()
        task = asyncio.create_task(self._run_on(lane, job, is_begun))
        self._runs[task] = lane
        task.add_done_callback(self._runs.pop)

    def _next(self, line: PendingJobs) -> tuple[Lane | None, QueuedJob | None]:
        """The worker that waits and the job of the line that it should take, if there are both."""
        idle = {index: lane.resident for index, lane in enumerate(self._lanes) if lane.is_ready()}
        if self.paused or not idle or not len(line):
            return None, None
        index, job = next(iter(idle)), line.head(1)[0]
        if len(self._lanes) > 1:
            index, job = self._choose(line, idle)
        return self._lanes[index], job

    def _choose(self, line: PendingJobs, idle: Mapping[int, frozenset[str]]) -> tuple[int, QueuedJob]:
        specs = self._specs()
        busy = {
            index: lane.resident | model_files(lane.job.graph, specs)
            for index, lane in enumerate(self._lanes)
            if lane.job is not None
        }
        return self._affinity.choose(line, idle, busy, specs)

    async def _run_on(self, lane: Lane, job: QueuedJob, is_begun: bool) -> None:
        closed = True
        try:
            await self.log.open(job.job_id, job.attempts == 1)
            if not is_begun:
                lane.read()
                await self._store.begin(job)
            closed = await self._run(lane, job)
        except sqlite3.Error:
            # The disk is full or gone. What is on it is right: the job runs again at the next start.
            logger.exception("job %s could not be recorded", job.job_id)
        except StaleLeaseError as problem:
            logger.warning("%s: this attempt is not recorded", problem)
        self.log.close(job.job_id)
        lane.release()
        self.changed()
        if closed:
            self._announce(JobClosed(job.job_id), job)

    async def _run(self, lane: Lane, job: QueuedJob) -> bool:
        """Run a job and record its end; False if it waits again."""
        try:
            outcome = await lane.run()
        except WorkerLostError as lost:
            losses = job.losses + 1
            if losses < self._losses and not lane.is_cancelled:
                await self._put_back(lane, job.lost(), lost)
                return False
            times = f" It died {losses} times of this job, which is not tried again." if losses > 1 else ""
            outcome = lane.fail("WorkerLost", lost.loss.describe() + times, lost.loss.last_lines)
            job = replace(job, losses=losses)
        self.log.close(job.job_id)
        await self._store.finish(job, outcome)
        return True

    async def _put_back(self, lane: Lane, job: QueuedJob, lost: WorkerLostError) -> None:
        loss = lost.loss
        notice = JobLost(job.job_id, job.attempts, loss.describe(), loss.last_lines, lane.node_id, now())
        self._announce(notice, job)
        self.log.close(job.job_id)
        await self._store.requeue(job)
        if lane.is_cancelled:  # meanwhile
            await self._close_waiting(job)
        else:
            logger.warning("job %s waits again: %s", job.job_id, loss.describe())
            self.pending.add(job)

    async def _close_waiting(self, job: QueuedJob) -> None:
        """Record the end of a job that was cancelled while it waited."""
        self._affinity.forget(job.job_id)
        end = now()
        outcome = Outcome(JobState.CANCELLED, end, end, {}, failure=Failure("", ""))
        await self.log.open(job.job_id, job.attempts == 0)
        self._announce(JobFinished(job.job_id, "cancelled", {}, (), (), 0.0, end), job)
        self.log.close(job.job_id)
        await self._store.finish(job, outcome)
        self.changed()
        self._announce(JobClosed(job.job_id), job)

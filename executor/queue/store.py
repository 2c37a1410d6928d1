"""Where do jobs and their history live? In one SQLite file, written by one thread, owned by one server."""

import asyncio
import fcntl
import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from executor.queue.commits import GroupCommit
from executor.queue.history import Failure, HistoryEntry, Outcome
from executor.queue.jobs import (
    FINAL,
    OPEN,
    WAITING,
    WEBHOOK_KEY,
    DuplicateJobError,
    JobState,
    QueuedJob,
    StaleLeaseError,
    item5_text,
    now,
)
from executor.queue.rows import JobRow, Page, StoredEvent, read_events, read_job, read_page
from executor.queue.schema import QueueDatabaseError, connect

Result = TypeVar("Result")
EventRow: TypeAlias = tuple[str, int, float, str, str]  # job, number, time, kind, JSON

JOB_COLUMNS = (
    "jobs.job_id, jobs.sequence, number, graph, extra_data, targets, created, attempts, state, losses,"
    " idempotency_key, jobs.started"
)
# A stale worker's word on a job changes nothing: the attempt it speaks of is over.
HOLDS_LEASE = "job_id = ? AND sequence = ? AND attempts = ? AND state = 'running'"
EVENTFUL_JOBS = 500
SECONDS_PER_DAY = 86_400.0
ENTRY_QUERY = f"SELECT history.sequence, outcome, {JOB_COLUMNS} FROM history JOIN jobs USING (job_id)"


@dataclass(frozen=True)
class Recovered:
    """What a restart found: the jobs that wait, and those that failed because they were lost too often."""

    waiting: tuple[QueuedJob, ...]
    failed: tuple[QueuedJob, ...]
    next_sequence: int


@dataclass(frozen=True)
class Keep:
    """How much history is kept: so many finished jobs, none older than so many days (None: any age)."""

    jobs: int = 10_000
    days: float | None = None


class Store:
    """The durable side of the queue; every awaited write is on disk when it returns."""

    def __init__(self, path: Path, keep: Keep = Keep()) -> None:
        self.path = path
        self._keep = keep
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = _own(path)
        except OSError as problem:
            raise QueueDatabaseError(f"{path} cannot be used as the queue's database: {problem}") from problem
        try:
            self._connection = connect(path)
            self._readable = connect(path)
        except QueueDatabaseError:
            os.close(self._lock)
            raise
        self._writer = GroupCommit(self._connection)
        self._reader = ThreadPoolExecutor(1, "queue-reader")

    def close(self) -> None:
        """Commit what was asked for and let go of the file."""
        self._writer.close()
        self._reader.shutdown()
        self._readable.close()
        self._connection.close()
        os.close(self._lock)

    def recover(self, losses: int) -> Recovered:
        """Put jobs that ran when the last server died back into the line; fail them at so many `losses`."""
        return self._writer.write(lambda connection: _recover(connection, losses, self._keep)).result()

    async def add(self, job: QueuedJob) -> QueuedJob:
        """Remember a new job; returns it, or the one that its idempotency key already made.

        Raises `DuplicateJobError` while another of that id waits or runs.
        """
        row = (
            job.sequence,
            job.job_id,
            job.number,
            job.state,
            job.attempts,
            job.created,
            job.graph_text,
            json.dumps(job.extra_data),
            json.dumps(job.targets),
            job.client_id,
            job.workflow_id,
            job.idempotency_key,
            job.extra_data.get(WEBHOOK_KEY) is not None,
            now() if job.state is JobState.RUNNING else None,
        )
        earlier = await self._write(lambda connection: _insert(connection, row))
        return job if earlier is None else earlier

    async def begin(self, job: QueuedJob) -> None:
        """Remember that a job runs, for the `attempts`-th time."""
        await self._write(
            lambda connection: connection.execute(
                "UPDATE jobs SET state = ?, attempts = ?, started = ? WHERE job_id = ?",
                (JobState.RUNNING, job.attempts, now(), job.job_id),
            )
        )

    async def requeue(self, job: QueuedJob) -> None:
        """Remember that a job waits again, in the state and with the losses that it has now."""
        values = (job.state, job.losses, job.job_id, job.sequence, job.attempts)
        await self._write(
            lambda connection: connection.execute(
                f"UPDATE jobs SET state = ?, losses = ? WHERE {HOLDS_LEASE}", values
            )
        )

    async def finish(self, job: QueuedJob, outcome: Outcome) -> None:
        """Remember how a job ended, once; the oldest entries beyond the limit are forgotten.

        Raises `StaleLeaseError` if this attempt of a running job is over; a waiting job needs no lease.
        """
        await self._write(lambda connection: _finish(connection, job, outcome, self._keep))

    async def move(self, jobs: Iterable[QueuedJob]) -> None:
        """Remember the numbers of jobs that changed their place in the line."""
        rows = [(job.number, job.job_id) for job in jobs]
        statement = "UPDATE jobs SET number = ? WHERE job_id = ?"
        await self._write(lambda connection: connection.executemany(statement, rows))

    def add_events(self, rows: Sequence[EventRow]) -> "Future[Any]":
        """Remember what happened to jobs, some time soon; of jobs that are gone nothing is kept."""
        statement = (
            "INSERT OR IGNORE INTO events SELECT ?1, ?2, ?3, ?4, ?5"
            " WHERE EXISTS (SELECT 1 FROM jobs WHERE job_id = ?1)"
        )
        return self._writer.write(lambda connection: connection.executemany(statement, rows))

    async def remove(self, job_ids: Iterable[str]) -> None:
        """Forget waiting jobs."""
        rows = [(job_id, *WAITING) for job_id in job_ids]
        statement = "DELETE FROM jobs WHERE job_id = ? AND state IN (?, ?)"
        await self._write(lambda connection: connection.executemany(statement, rows))

    async def history_text(self, max_items: int | None = None, offset: int | None = None) -> str:
        """Finished jobs as the JSON object that the API tells, oldest first.

        From `offset` on, or without one the last `max_items`.
        """
        query, values, is_turned = _history_query(max_items, offset)

        def read(connection: sqlite3.Connection) -> str:
            rows = connection.execute(query, values).fetchall()
            return f"{{{', '.join(_entry_text(row) for row in (rows[::-1] if is_turned else rows))}}}"

        return await self._read(read)

    async def history_entry(self, job_id: str) -> HistoryEntry | None:
        """The finished job of that id."""
        query = f"{ENTRY_QUERY} WHERE job_id = ?"
        found = await self._read(lambda connection: _entries(connection, query, (job_id,)))
        return found[0] if found else None

    async def history_count(self) -> int:
        """How many finished jobs are remembered."""

        def count(connection: sqlite3.Connection) -> int:
            return int(connection.execute("SELECT count(*) FROM history").fetchone()[0])

        return await self._read(count)

    async def delete_history(self, job_ids: Iterable[str] | None = None) -> None:
        """Forget these finished jobs, or all of them."""
        if job_ids is None:
            await self._write(
                lambda connection: connection.execute(
                    "DELETE FROM jobs WHERE job_id IN (SELECT job_id FROM history)"
                )
            )
            return
        rows = [(job_id,) for job_id in job_ids]
        statement = "DELETE FROM jobs WHERE job_id = ? AND job_id IN (SELECT job_id FROM history)"
        await self._write(lambda connection: connection.executemany(statement, rows))

    async def untold(self, most: int) -> list[QueuedJob]:
        """Finished jobs whose webhook has not been told of their end, oldest first."""
        query = (
            f"SELECT {JOB_COLUMNS} FROM jobs WHERE is_untold AND finished IS NOT NULL"
            " ORDER BY jobs.sequence LIMIT ?"
        )
        return await self._read(
            lambda connection: [_job(row) for row in connection.execute(query, (most,)).fetchall()]
        )

    async def told(self, job: QueuedJob) -> None:
        """Remember that the webhook of a job needs to be told no more."""
        statement = "UPDATE jobs SET is_untold = 0 WHERE job_id = ? AND sequence = ?"
        await self._write(lambda connection: connection.execute(statement, (job.job_id, job.sequence)))

    async def page(self, page: Page) -> tuple[list[JobRow], int]:
        """Jobs of any state without their prompts, and how many there are in all."""
        return await self._read(lambda connection: read_page(connection, page))

    async def job(self, job_id: str) -> JobRow | None:
        """The job of that id, whatever its state, without its prompt."""
        return await self._read(lambda connection: read_job(connection, job_id))

    async def events(self, job_id: str, after: int) -> list[StoredEvent]:
        """What happened to a job after its event of that number."""
        return await self._read(lambda connection: read_events(connection, job_id, after))

    async def last_event_id(self, job_id: str) -> int:
        """The number of the newest stored event of a job; that it was queued is number 1."""

        def last(connection: sqlite3.Connection) -> int:
            query = "SELECT max(event_id) FROM events WHERE job_id = ?"
            return int(connection.execute(query, (job_id,)).fetchone()[0] or 1)

        return await self._read(last)

    async def _write(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        return await asyncio.wrap_future(self._writer.write(work))

    async def _read(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        return await asyncio.wrap_future(self._reader.submit(work, self._readable))


def _own(path: Path) -> int:
    """Take the file for this process: two servers on one queue would run everything twice."""
    lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as problem:
        os.close(lock)
        raise QueueDatabaseError(f"another Sfumato server is using {path}") from problem
    return lock


def _recover(connection: sqlite3.Connection, losses: int, keep: Keep) -> Recovered:
    failed = []
    for job, started in _jobs(connection, (JobState.RUNNING,)):
        if job.losses + 1 >= losses:
            _finish(connection, job, _lost(job, started), keep)
            failed.append(job)
    connection.execute(
        "UPDATE jobs SET state = ?, losses = losses + 1 WHERE state = ?", (JobState.LOST, JobState.RUNNING)
    )
    _prune(connection, keep)
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'jobs'").fetchone()
    return Recovered(
        waiting=tuple(job for job, _ in _jobs(connection, WAITING)),
        failed=tuple(failed),
        next_sequence=row[0] + 1 if row else 0,
    )


def _lost(job: QueuedJob, started: float | None) -> Outcome:
    times = job.losses + 1
    message = f"The server stopped while this job was running, {times} times; it is not tried again."
    failure = Failure(node_id="", node_type="", exception_type="ServerStopped", message=message)
    return Outcome(JobState.FAILED, started or job.created, now(), {}, failure=failure)


def _insert(connection: sqlite3.Connection, row: tuple[Any, ...]) -> QueuedJob | None:
    """Write a new job; the earlier job of the same idempotency key instead, if there is one."""
    job_id, key = row[1], row[11]
    if key is not None:
        query = f"SELECT {JOB_COLUMNS} FROM jobs WHERE idempotency_key = ?"
        if (found := connection.execute(query, (key,)).fetchone()) is not None:
            return replace(_job(found), is_repeat=True)
    connection.execute(
        f"DELETE FROM jobs WHERE job_id = ? AND state NOT IN ({', '.join('?' * len(OPEN))})", (job_id, *OPEN)
    )
    try:
        connection.execute(
            "INSERT INTO jobs"
            " (sequence, job_id, number, state, attempts, created, graph, extra_data, targets,"
            " client_id, workflow_id, idempotency_key, is_untold, started)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            row,
        )
    except sqlite3.IntegrityError as problem:
        raise DuplicateJobError(job_id) from problem
    return None


def _finish(connection: sqlite3.Connection, job: QueuedJob, outcome: Outcome, keep: Keep) -> None:
    lease: tuple[Any, ...] = (job.job_id, job.sequence, job.attempts)
    condition = HOLDS_LEASE
    if job.state in WAITING:
        condition = "job_id = ? AND sequence = ? AND attempts = ? AND state IN ('queued', 'lost')"
    changed = connection.execute(
        f"UPDATE jobs SET state = ?, finished = ?, losses = ? WHERE {condition}",
        (outcome.state, outcome.finished, job.losses, *lease),
    )
    if changed.rowcount != 1:
        raise StaleLeaseError(job.job_id)
    connection.execute(
        "INSERT INTO history (job_id, outcome) VALUES (?, ?)", (job.job_id, json.dumps(outcome.to_json()))
    )
    _prune(connection, keep)


def _prune(connection: sqlite3.Connection, keep: Keep) -> None:
    """Forget the oldest history, and what happened to jobs that ended long ago."""
    oldest = "SELECT job_id FROM history ORDER BY sequence DESC LIMIT -1 OFFSET ?"
    connection.execute(f"DELETE FROM jobs WHERE job_id IN ({oldest})", (keep.jobs,))
    if keep.days is not None:
        final = ", ".join(f"'{state}'" for state in FINAL)
        connection.execute(
            f"DELETE FROM jobs WHERE finished < ? AND state IN ({final})",
            (now() - keep.days * SECONDS_PER_DAY,),
        )
    quiet = "SELECT job_id FROM history ORDER BY sequence DESC LIMIT 1 OFFSET ?"
    connection.execute(f"DELETE FROM events WHERE job_id = ({quiet})", (EVENTFUL_JOBS,))


def _jobs(connection: sqlite3.Connection, states: Sequence[JobState]) -> list[tuple[QueuedJob, float | None]]:
    query = f"SELECT {JOB_COLUMNS} FROM jobs WHERE state IN ({', '.join('?' * len(states))})"
    return [(_job(row), row[-1]) for row in connection.execute(query, states).fetchall()]


def _history_query(max_items: int | None, offset: int | None) -> tuple[str, tuple[int, ...], bool]:
    """What asks for a page of the history, and whether it comes newest first."""
    limit = -1 if max_items is None else max(0, max_items)
    if offset is not None and offset >= 0:
        return f"{ENTRY_QUERY} ORDER BY history.sequence LIMIT ? OFFSET ?", (limit, offset), False
    return f"{ENTRY_QUERY} ORDER BY history.sequence DESC LIMIT ?", (limit,), True


def _entry_text(row: tuple[Any, ...]) -> str:
    """A history entry under its id as JSON; graphs and extra data stay the text they are, where they can."""
    job_id, _, number, graph, extra_data, targets = row[2:8]
    outcome = Outcome.from_json(json.loads(row[1]))
    if outcome.state is not JobState.SUCCEEDED or f'"{WEBHOOK_KEY}"' in extra_data:
        return f"{json.dumps(job_id)}: {json.dumps(HistoryEntry(row[0], _job(row[2:]), outcome).wire())}"
    bare = (job_id, 0, number, "{}", "{}", "[]", *row[8:])
    results = json.dumps(HistoryEntry(row[0], _job(bare), outcome).results())
    prompt = item5_text(number, job_id, graph, extra_data, targets)
    return f'{json.dumps(job_id)}: {{"prompt": {prompt}, {results[1:]}'


def _entries(connection: sqlite3.Connection, query: str, values: tuple[Any, ...]) -> list[HistoryEntry]:
    rows = connection.execute(query, values).fetchall()
    return [HistoryEntry(row[0], _job(row[2:]), Outcome.from_json(json.loads(row[1]))) for row in rows]


def _job(row: tuple[Any, ...]) -> QueuedJob:
    job_id, sequence, number, graph, extra_data, targets, created, attempts, state, losses, key, _ = row
    return QueuedJob(
        job_id=job_id,
        sequence=sequence,
        number=number,
        graph=json.loads(graph),
        extra_data=json.loads(extra_data),
        targets=tuple(json.loads(targets)),
        created=created,
        attempts=attempts,
        state=JobState(state),
        losses=losses,
        idempotency_key=key,
    )

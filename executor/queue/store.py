"""Where do jobs and their history live? In one SQLite file, written by one thread, owned by one server."""

import asyncio
import fcntl
import json
import os
import sqlite3
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from executor.queue.commits import GroupCommit
from executor.queue.history import Failure, HistoryEntry, Outcome
from executor.queue.jobs import DuplicateJobError, JobState, QueuedJob, now
from executor.queue.schema import QueueDatabaseError, connect

Result = TypeVar("Result")

JOB_COLUMNS = (
    "jobs.job_id, jobs.sequence, number, graph, extra_data, targets, created, attempts, state, jobs.started"
)
ENTRY_QUERY = f"SELECT history.sequence, outcome, {JOB_COLUMNS} FROM history JOIN jobs USING (job_id)"


@dataclass(frozen=True)
class Recovered:
    """What a restart found: the jobs that wait, and those that failed because they were lost too often."""

    waiting: tuple[QueuedJob, ...]
    failed: tuple[QueuedJob, ...]
    next_sequence: int


class Store:
    """The durable side of the queue; every awaited write is on disk when it returns."""

    def __init__(self, path: Path, keep_history: int = 10_000) -> None:
        self.path = path
        self._keep_history = keep_history
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = _own(path)
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

    def recover(self, attempts: int) -> Recovered:
        """Put jobs that ran when the last server ended back into the line; fail them at `attempts` runs."""
        return self._writer.write(lambda connection: _recover(connection, attempts)).result()

    async def add(self, job: QueuedJob) -> None:
        """Remember a new job; raises `DuplicateJobError` while one of that id waits or runs."""
        row = (
            job.sequence,
            job.job_id,
            job.number,
            job.state,
            job.attempts,
            job.created,
            json.dumps(job.graph),
            json.dumps(job.extra_data),
            json.dumps(job.targets),
        )
        await self._write(lambda connection: _insert(connection, row))

    async def begin(self, job: QueuedJob) -> None:
        """Remember that a job runs, for the `attempts`-th time."""
        await self._write(
            lambda connection: connection.execute(
                "UPDATE jobs SET state = ?, attempts = ?, started = ? WHERE job_id = ?",
                (JobState.RUNNING, job.attempts, now(), job.job_id),
            )
        )

    async def requeue(self, job: QueuedJob) -> None:
        """Remember that a lost job waits again."""
        await self._write(
            lambda connection: connection.execute(
                "UPDATE jobs SET state = ? WHERE job_id = ?", (JobState.QUEUED, job.job_id)
            )
        )

    async def finish(self, job: QueuedJob, outcome: Outcome) -> None:
        """Remember how a job ended, once; the oldest entries beyond the limit are forgotten."""
        await self._write(lambda connection: _finish(connection, job.job_id, outcome, self._keep_history))

    async def remove(self, job_ids: Iterable[str]) -> None:
        """Forget waiting jobs."""
        rows = [(job_id, JobState.QUEUED) for job_id in job_ids]
        await self._write(
            lambda connection: connection.executemany("DELETE FROM jobs WHERE job_id = ? AND state = ?", rows)
        )

    async def history(self, max_items: int | None = None, offset: int | None = None) -> list[HistoryEntry]:
        """Finished jobs, oldest first: from `offset` on, or without one the last `max_items`."""
        limit = -1 if max_items is None else max(0, max_items)
        if offset is not None and offset >= 0:
            query, values = f"{ENTRY_QUERY} ORDER BY history.sequence LIMIT ? OFFSET ?", (limit, offset)
            return await self._read(lambda connection: _entries(connection, query, values))
        query = f"{ENTRY_QUERY} ORDER BY history.sequence DESC LIMIT ?"
        newest_first = await self._read(lambda connection: _entries(connection, query, (limit,)))
        return newest_first[::-1]

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

    async def _write(self, work: Callable[[sqlite3.Connection], Any]) -> None:
        await asyncio.wrap_future(self._writer.write(work))

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


def _recover(connection: sqlite3.Connection, attempts: int) -> Recovered:
    running = _jobs(connection, JobState.RUNNING)
    failed = [(job, started) for job, started in running if job.attempts >= attempts]
    for job, started in failed:
        _finish(connection, job.job_id, _lost(job, started), None)
    connection.execute("UPDATE jobs SET state = ? WHERE state = ?", (JobState.QUEUED, JobState.RUNNING))
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'jobs'").fetchone()
    return Recovered(
        waiting=tuple(job for job, _ in _jobs(connection, JobState.QUEUED)),
        failed=tuple(job for job, _ in failed),
        next_sequence=row[0] + 1 if row else 0,
    )


def _lost(job: QueuedJob, started: float | None) -> Outcome:
    message = f"The server stopped while this job was running, {job.attempts} times; it is not tried again."
    failure = Failure(node_id="", node_type="", exception_type="ServerStopped", message=message)
    return Outcome(JobState.FAILED, started or job.created, now(), {}, failure=failure)


def _insert(connection: sqlite3.Connection, row: tuple[Any, ...]) -> None:
    job_id = row[1]
    connection.execute(
        "DELETE FROM jobs WHERE job_id = ? AND state NOT IN (?, ?)",
        (job_id, JobState.QUEUED, JobState.RUNNING),
    )
    try:
        connection.execute(
            "INSERT INTO jobs"
            " (sequence, job_id, number, state, attempts, created, graph, extra_data, targets)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            row,
        )
    except sqlite3.IntegrityError as problem:
        raise DuplicateJobError(job_id) from problem


def _finish(connection: sqlite3.Connection, job_id: str, outcome: Outcome, keep: int | None) -> None:
    connection.execute("UPDATE jobs SET state = ? WHERE job_id = ?", (outcome.state, job_id))
    connection.execute(
        "INSERT INTO history (job_id, outcome) VALUES (?, ?)", (job_id, json.dumps(outcome.to_json()))
    )
    if keep is not None:
        oldest = "SELECT job_id FROM history ORDER BY sequence DESC LIMIT -1 OFFSET ?"
        connection.execute(f"DELETE FROM jobs WHERE job_id IN ({oldest})", (keep,))


def _jobs(connection: sqlite3.Connection, state: JobState) -> list[tuple[QueuedJob, float | None]]:
    rows = connection.execute(f"SELECT {JOB_COLUMNS} FROM jobs WHERE state = ?", (state,)).fetchall()
    return [(_job(row), row[-1]) for row in rows]


def _entries(connection: sqlite3.Connection, query: str, values: tuple[Any, ...]) -> list[HistoryEntry]:
    rows = connection.execute(query, values).fetchall()
    return [HistoryEntry(row[0], _job(row[2:]), Outcome.from_json(json.loads(row[1]))) for row in rows]


def _job(row: tuple[Any, ...]) -> QueuedJob:
    job_id, sequence, number, graph, extra_data, targets, created, attempts, state, _ = row
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
    )

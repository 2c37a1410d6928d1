"""What do lists of jobs show, waiting and finished ones alike? Everything but the prompt."""

import json
import sqlite3
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from executor.queue.history import Failure, Outcome
from executor.queue.jobs import JobState

Sort: TypeAlias = Literal["created", "duration", "line"]
Order: TypeAlias = Literal["asc", "desc"]

ROW_QUERY = (
    "SELECT jobs.job_id, jobs.sequence, number, state, attempts, created, started, finished,"
    " client_id, workflow_id, outcome FROM jobs LEFT JOIN history USING (job_id)"
)
SORTS: Mapping[Sort, str] = {
    "created": "jobs.sequence",
    "line": "number",
    "duration": "coalesce(finished - started, 0)",
}


@dataclass(frozen=True)
class JobRow:
    """A job of any state, without its prompt; times are in seconds since 1970.

    `position` is its place in the line (0 is next), `worker` the index of the worker that has it.
    """

    job_id: str
    sequence: int
    number: float
    state: JobState
    attempts: int
    created: float
    started: float | None = None
    finished: float | None = None
    client_id: str | None = None
    workflow_id: str | None = None
    outputs: Mapping[str, Any] = field(default_factory=dict)
    executed: tuple[str, ...] = ()
    failure: Failure | None = None
    position: int | None = None
    worker: int | None = None


@dataclass(frozen=True)
class StoredEvent:
    """One thing that happened to a job; ids rise within a job, with gaps."""

    id: int
    time: float
    kind: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Page:
    """Which jobs a list shows: of these states (all if none are given), in this order, from `offset` on."""

    states: Collection[JobState] | None = None
    sort: Sort = "created"
    order: Order = "desc"
    limit: int | None = None
    offset: int = 0
    workflow_id: str | None = None


def read_page(connection: sqlite3.Connection, page: Page) -> tuple[list[JobRow], int]:
    """The rows of a page, and how many there are in all."""
    conditions: list[str] = []
    values: list[Any] = []
    if page.states is not None:
        conditions.append(f"state IN ({', '.join('?' * len(page.states))})")
        values += page.states
    if page.workflow_id is not None:
        conditions.append("workflow_id = ?")
        values.append(page.workflow_id)
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    (total,) = connection.execute(f"SELECT count(*) FROM jobs{where}", values).fetchone()
    direction = "ASC" if page.order == "asc" else "DESC"
    order = f" ORDER BY {SORTS[page.sort]} {direction}, jobs.sequence {direction} LIMIT ? OFFSET ?"
    limit = -1 if page.limit is None else page.limit
    rows = connection.execute(f"{ROW_QUERY}{where}{order}", [*values, limit, max(0, page.offset)])
    return [_row(row) for row in rows], total


def read_job(connection: sqlite3.Connection, job_id: str) -> JobRow | None:
    """The row of one job."""
    row = connection.execute(f"{ROW_QUERY} WHERE jobs.job_id = ?", (job_id,)).fetchone()
    return None if row is None else _row(row)


def read_events(connection: sqlite3.Connection, job_id: str, after: int) -> list[StoredEvent]:
    """The stored events of a job whose ids are above `after`; that it was queued is always the first."""
    found = connection.execute("SELECT created FROM jobs WHERE job_id = ?", (job_id,)).fetchone()
    if found is None:
        return []
    query = (
        "SELECT event_id, time, kind, data FROM events WHERE job_id = ? AND event_id > ? ORDER BY event_id"
    )
    rows = connection.execute(query, (job_id, after))
    events = [StoredEvent(number, time, kind, json.loads(data)) for number, time, kind, data in rows]
    return [StoredEvent(1, found[0], "JobQueued", {}), *events] if after < 1 else events


def _row(row: tuple[Any, ...]) -> JobRow:
    job_id, sequence, number, state, *columns, outcome = row
    job = JobRow(job_id, sequence, number, JobState(state), *columns)
    if outcome is None:
        return job
    ended = Outcome.from_json(json.loads(outcome))
    return replace(
        job,
        started=ended.started,
        finished=ended.finished,
        outputs=ended.outputs,
        executed=ended.executed,
        failure=ended.failure,
    )

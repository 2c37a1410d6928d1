"""What has happened to a job so far, for those who look again? Numbers events and stores them in batches.

Of progress only the newest word of each node is kept per batch, and pictures are never stored; so a client
that comes back after a while reads a few hundred rows, not everything that a socket carried.
"""

import asyncio
import json
from concurrent.futures import Future
from dataclasses import dataclass, field, fields
from typing import Any

from executor.queue.jobs import now
from executor.queue.store import EventRow, Store
from executor.run.events import NodePreview, NodeProgress

FLUSH_SECONDS = 0.25
# A job that says more than this is cut short; how it ended is stored all the same.
MOST_EVENTS = 20_000
MOST_PROGRESS = 2_000
ENDS = ("NodeFailed", "JobLost", "JobFinished")


@dataclass
class _Open:
    """The events of a job that runs."""

    last_id: int = 1  # that it was queued
    stored: int = 0
    progress: int = 0
    batch: dict[Any, tuple[int, float, Any]] = field(default_factory=dict)


class EventLog:
    """Numbers and stores the events of open jobs; used on the event loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._jobs: dict[str, _Open] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def open(self, job_id: str, is_first: bool) -> None:
        """Begin to store the events of a job, or go on where an earlier attempt ended."""
        last_id = 1 if is_first else await self._store.last_event_id(job_id)
        self._jobs[job_id] = _Open(last_id)

    def note(self, event: Any) -> int:
        """The number of an event; 0 if it is not stored."""
        log = self._jobs.get(event.job_id)
        kind = type(event)
        if log is None or kind is NodePreview:
            return 0
        key: Any = log.last_id + 1
        if kind is NodeProgress:
            if log.progress >= MOST_PROGRESS:
                return 0
            key = event.node_id
            log.batch.pop(key, None)
        elif log.stored >= MOST_EVENTS and kind.__name__ not in ENDS:
            return 0
        log.last_id += 1
        log.batch[key] = (log.last_id, now(), event)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._flush_all)
        return log.last_id

    async def flush(self, job_id: str) -> None:
        """Have everything that was noted of a job on disk."""
        if written := self._flush(job_id):
            await asyncio.wrap_future(written)

    def close(self, job_id: str) -> None:
        """Store what is left of a job's events, and forget it; the next write comes after them."""
        self._flush(job_id)
        self._jobs.pop(job_id, None)

    def stop(self) -> None:
        """Store what is left."""
        if self._timer is not None:
            self._timer.cancel()
        self._flush_all()

    def _flush_all(self) -> None:
        self._timer = None
        for job_id in self._jobs:
            self._flush(job_id)

    def _flush(self, job_id: str) -> "Future[Any] | None":
        log = self._jobs.get(job_id)
        if log is None or not log.batch:
            return None
        batch, log.batch = list(log.batch.values()), {}
        progress = sum(type(event) is NodeProgress for _, _, event in batch)
        log.progress += progress
        log.stored += len(batch) - progress
        return self._store.add_events([_row(number, time, event) for number, time, event in batch])


def _row(number: int, time: float, event: Any) -> EventRow:
    data = {item.name: getattr(event, item.name) for item in fields(event) if item.name != "job_id"}
    return (event.job_id, number, time, type(event).__name__, json.dumps(data, default=str))

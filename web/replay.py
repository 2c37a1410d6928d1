"""What did a socket miss while it was away? Tells the stored events of its jobs as the messages they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from executor.queue.jobs import FINAL
from executor.worker.protocol import event_from
from web.keys import SERVICE
from web.refusal import RefusedError
from web.wire_messages import JobMessages, executing

if TYPE_CHECKING:
    from executor.queue.jobs import QueuedJob
    from executor.worker.service import Service
    from web.hub import Connection

MOST_JOBS = 20
# Later than any event: whatever waited for its turn may pass now.
LATER_SECONDS = 3600.0


def wanted(request: web.Request) -> dict[str, int]:
    """The jobs that a socket asks for, with the number of the last event it knows: `resume=7:JOB`."""
    jobs = {}
    for text in request.query.getall("resume", []):
        number, _, job_id = text.partition(":")
        if not (number.isascii() and number.isdecimal() and len(number) < 16 and job_id):
            raise RefusedError(400, "invalid_query", "resume must be NUMBER:JOB, of the last event you know")
        jobs[job_id] = int(number)
    if len(jobs) > MOST_JOBS:
        raise RefusedError(400, "invalid_query", f"resume names at most {MOST_JOBS} jobs")
    return jobs


async def replay(request: web.Request, connection: Connection, jobs: dict[str, int]) -> None:
    """Tell what is stored of these jobs, then what came meanwhile; jobs of other clients are passed over."""
    service = request.app[SERVICE]
    known: dict[str, int] = {}
    for job_id, after in jobs.items():
        row = await service.job(job_id)  # before its events: none comes after a final state
        job = await _find(service, job_id)
        if row is None or job is None or job.client_id != connection.sid:
            continue
        messages = JobMessages(job)
        last, time = 0, 0.0
        for stored in await service.events_after(job_id):
            event = event_from(stored.kind, job_id, stored.data)
            if event is None:
                continue
            last, time = stored.id, stored.time
            told = messages.translate(event, time)
            if last > after:
                connection.replay(told, last)
        connection.replay(messages.flush(time + LATER_SECONDS), last)
        if row.state in FINAL:
            connection.replay([executing(None, job_id)], last)
        known[job_id] = last
    connection.release(known)


async def _find(service: Service, job_id: str) -> QueuedJob | None:
    running = next((job for job in service.running() if job.job_id == job_id), None)
    if running is not None:
        return running
    entry = await service.history_entry(job_id)
    return None if entry is None else entry.job

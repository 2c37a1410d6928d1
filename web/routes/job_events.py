"""`/api/jobs/{id}/events` and `/why`: what happens to a job, as it happens and for who comes back later."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aiohttp import web

from executor.graph.parse import parse
from executor.queue.jobs import FINAL
from executor.run.events import JobFinished
from executor.run.why import explain_all
from executor.worker.notices import JobClosed
from web.keys import SERVICE, STREAMS
from web.refusal import RefusedError
from web.wire_json import json_response, to_json, whole_number

if TYPE_CHECKING:
    from executor.queue.rows import StoredEvent
    from executor.worker.notices import ServiceEvent

routes = web.RouteTableDef()

MOST_STREAMS = 200
# Between two looks at what is new: a flood of progress is told in bundles.
PAUSE_SECONDS = 0.1
SILENCE_SECONDS = 15.0
WRITE_SECONDS = 30.0
_WORDS = re.compile(r"(?<!^)(?=[A-Z])")


@routes.get("/api/jobs/{job_id}/events")
async def job_events(request: web.Request) -> web.StreamResponse:
    """Server-sent events of a job from its first, or from the `Last-Event-ID` on, until it is over."""
    service, job_id = request.app[SERVICE], request.match_info["job_id"]
    last = request.headers.get("Last-Event-ID") or request.query.get("last_event_id")
    after = whole_number(last or None, "Last-Event-ID") or 0
    if await service.job(job_id) is None:
        raise RefusedError(404, "not_found", "There is no such job")
    streams = request.app[STREAMS]
    if streams.locked():
        headers = {"Retry-After": "5"}
        raise RefusedError(503, "too_many_streams", f"{MOST_STREAMS} streams are open", headers=headers)
    news = asyncio.Event()
    unsubscribe = service.listen(_waker(job_id, news))
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    try:
        async with streams:
            await response.prepare(request)
            with suppress(ConnectionError, TimeoutError):
                await _tell(request, response, news, after)
    finally:
        unsubscribe()
    return response


def _waker(job_id: str, news: asyncio.Event) -> Callable[[ServiceEvent], None]:
    def hear(told: ServiceEvent) -> None:
        if (
            told.job is not None
            and told.job.job_id == job_id
            and (told.id or isinstance(told.event, JobClosed))
        ):
            news.set()

    return hear


async def _tell(request: web.Request, response: web.StreamResponse, news: asyncio.Event, after: int) -> None:
    """Write what is stored and new until the job is over; what is told was on disk before."""
    service, job_id = request.app[SERVICE], request.match_info["job_id"]
    while True:
        news.clear()
        row = await service.job(job_id)  # before its events: none comes after a final state
        events = [event for event in await service.events_after(job_id, after) if event.id > after]
        text = "".join(event_text(job_id, event) for event in events)
        after = events[-1].id if events else after
        is_over = row is None or row.state in FINAL
        if is_over:
            text += "event: end\ndata: {}\n\n"
        async with asyncio.timeout(WRITE_SECONDS):
            await response.write(text.encode() or b": still here\n\n")
        if is_over:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(news.wait(), SILENCE_SECONDS)
        await asyncio.sleep(PAUSE_SECONDS)


@routes.get("/api/jobs/{job_id}/why")
async def why(request: web.Request) -> web.Response:
    """What a finished job did about each node, in a word and in a sentence; the reason also for programs."""
    service, job_id = request.app[SERVICE], request.match_info["job_id"]
    entry = await service.history_entry(job_id)
    if entry is None:
        raise RefusedError(404, "not_found", "There is no finished job of that id")
    stored = await service.events_after(job_id)
    last = next((event.data for event in stored[::-1] if event.kind == "JobFinished"), None)
    if last is None:
        raise RefusedError(404, "forgotten", "What that job did about its nodes is not remembered any more")
    end, failure = JobFinished(job_id, **last), entry.outcome.failure

    def explain() -> dict[str, dict[str, Any]]:
        told = explain_all(parse(entry.job.graph), entry.job.targets, end, failure.node_id if failure else "")
        return {
            node_id: {"did": one.deed, "text": one.text, "reason": list(end.why.get(node_id, ()))}
            for node_id, one in told.items()
        }

    return json_response({"id": job_id, "nodes": await asyncio.to_thread(explain)})


def event_text(job_id: str, event: StoredEvent) -> str:
    """One event in the format of `text/event-stream`; its name is in small letters, as `node_started`."""
    name = _WORDS.sub("_", event.kind).lower()
    data = {"job_id": job_id, "time": event.time, **event.data}
    return f"id: {event.id}\nevent: {name}\ndata: {to_json(data)}\n\n"

"""`/api/jobs`: every job in one list, whatever its state; submitted, cancelled, moved and run again by id."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from executor.queue.jobs import JobState, QueuedJob
from executor.queue.rows import Order, Sort
from web.job_shapes import STATUSES, job_object
from web.keys import SERVICE
from web.refusal import BadQueryError, RefusedError
from web.routes.prompt import accept
from web.wire_json import json_response, read_object, whole_number

routes = web.RouteTableDef()


def _states(request: web.Request) -> list[JobState] | None:
    text = request.query.get("status")
    if not text:
        return None
    chosen = [part.strip().lower() for part in text.split(",") if part.strip()]
    unknown = [part for part in chosen if part not in STATUSES]
    if unknown:
        valid = ", ".join(STATUSES)
        raise BadQueryError(f"Invalid status value(s): {', '.join(unknown)}. Valid values: {valid}")
    return [state for status in STATUSES if status in chosen for state in STATUSES[status]]


SORTS: dict[str, Sort] = {"created_at": "created", "execution_duration": "duration", "position": "line"}


def _order(request: web.Request) -> tuple[Sort, Order]:
    sort_by = request.query.get("sort_by", "created_at").lower()
    sort_order = request.query.get("sort_order", "desc").lower()
    if sort_by not in SORTS:
        raise BadQueryError("sort_by must be 'created_at' or 'execution_duration'")
    if sort_order not in {"asc", "desc"}:
        raise BadQueryError("sort_order must be 'asc' or 'desc'")
    return SORTS[sort_by], "asc" if sort_order == "asc" else "desc"


@routes.get("/api/jobs")
async def jobs(request: web.Request) -> web.Response:
    """Jobs of the chosen states, sorted and paged; their graphs are only shown one by one."""
    states, (sort, order) = _states(request), _order(request)
    limit = whole_number(request.query.get("limit"), "limit")
    offset = max(0, whole_number(request.query.get("offset"), "offset") or 0)
    if limit is not None and limit <= 0:
        raise BadQueryError("limit must be a positive integer")
    workflow_id = request.query.get("workflow_id") or None
    rows, total = await request.app[SERVICE].history_page(states, sort, order, limit, offset, workflow_id)
    has_more = offset + len(rows) < total
    pagination = {"offset": offset, "limit": limit, "total": total, "has_more": has_more}
    return json_response({"jobs": [job_object(row) for row in rows], "pagination": pagination})


@routes.get("/api/jobs/{job_id}")
async def job(request: web.Request) -> web.Response:
    """One job with its graph, and once it is finished with its outputs."""
    service, job_id = request.app[SERVICE], request.match_info["job_id"]
    row = await service.job(job_id)
    if row is None:
        return json_response({"error": "Job not found"}, 404)
    found = job_object(row)
    for candidate in (*service.running(), *service.pending()):
        if candidate.job_id == job_id:
            return json_response(found | {"workflow": _workflow(candidate)})
    entry = await service.history_entry(job_id)
    if entry is None:
        return json_response(found)
    wire = entry.wire()
    found |= {"outputs": wire["outputs"], "execution_status": wire["status"]}
    return json_response(found | {"workflow": _workflow(entry.job)})


def _workflow(queued: QueuedJob) -> dict[str, Any]:
    return {"prompt": queued.graph, "extra_data": queued.shown_extra_data}


@routes.post("/api/jobs")
async def submit(request: web.Request) -> web.Response:
    """Submit a job as `POST /prompt` does; 201 with its address, or 200 if its idempotency key was known."""
    queued, errors = await accept(request)
    answer = {"id": queued.job_id, "number": queued.number, "node_errors": errors}
    return _made(queued, answer, 200 if queued.is_repeat else 201)


def _made(queued: QueuedJob, answer: dict[str, Any], status: int) -> web.Response:
    return json_response(answer, status, {"Location": f"/api/jobs/{queued.job_id}"})


async def _known(request: web.Request) -> str:
    job_id = request.match_info["job_id"]
    if await request.app[SERVICE].job(job_id) is None:
        raise RefusedError(404, "not_found", "There is no such job")
    return job_id


@routes.post("/api/jobs/{job_id}/cancel")
async def cancel(request: web.Request) -> web.Response:
    """Stop a job wherever it stands; asking again changes nothing. `cancelled` is false if it was over.

    With `force` a node that does not stop is not waited for: its worker is killed and replaced at once.
    """
    body = await read_object(request) if request.can_read_body else {}
    was_open = await request.app[SERVICE].cancel(request.match_info["job_id"], bool(body.get("force")))
    job_id = await _known(request)
    return json_response({"id": job_id, "cancelled": was_open})


@routes.post("/api/jobs/{job_id}/retry")
async def retry(request: web.Request) -> web.Response:
    """Run a finished job's graph again, as a new job."""
    job_id = request.match_info["job_id"]
    try:
        queued = await request.app[SERVICE].retry(job_id)
    except KeyError:
        raise RefusedError(404, "not_found", "There is no such finished job") from None
    except ValueError:
        raise RefusedError(
            409, "not_over", "The job waits or runs; it can be tried again when over"
        ) from None
    return _made(queued, {"id": queued.job_id, "number": queued.number, "retry_of": job_id}, 201)


@routes.post("/api/jobs/{job_id}/move")
async def move(request: web.Request) -> web.Response:
    """Put a waiting job before the one named by `before`, or with null at the head of the line."""
    body = await read_object(request)
    before = body.get("before")
    if before is not None and not isinstance(before, str):
        raise RefusedError(400, "invalid_body", "before must be the id of a waiting job, or null")
    job_id = await _known(request)
    if not await request.app[SERVICE].reorder(job_id, before):
        raise RefusedError(409, "not_waiting", "Only jobs that wait can be moved, and only before such")
    return json_response({"id": job_id, "before": before})

"""`/api/jobs`: every job in one list, whatever its state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aiohttp import web

from executor.queue.history import HistoryEntry
from executor.queue.jobs import JobState, QueuedJob
from web.keys import SERVICE
from web.wire_json import json_response

routes = web.RouteTableDef()

STATUSES = ("pending", "in_progress", "completed", "failed")
MEDIA_KEYS = frozenset({"images", "video", "audio"})
MODEL_SUFFIXES = (".obj", ".fbx", ".gltf", ".glb")


class _BadQueryError(ValueError):
    """A query that clients know as `{"error": text}`."""


def _without_nulls(job: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in job.items() if value is not None}


def _workflow_id(job: QueuedJob) -> Any:
    pnginfo = job.extra_data.get("extra_pnginfo")
    workflow = pnginfo.get("workflow") if isinstance(pnginfo, Mapping) else None
    return workflow.get("id") if isinstance(workflow, Mapping) else None


def queued_job(job: QueuedJob, status: str) -> dict[str, Any]:
    """A waiting or running job."""
    return _without_nulls(
        {
            "id": job.job_id,
            "status": status,
            "priority": job.number,
            "create_time": int(job.created * 1000),
            "outputs_count": 0,
            "workflow_id": _workflow_id(job),
        }
    )


def finished_job(entry: HistoryEntry) -> dict[str, Any]:
    """A job of the history."""
    outcome = entry.outcome
    status = "completed" if outcome.state is JobState.SUCCEEDED else "failed"
    error = next((data for kind, data in entry.messages() if kind == "execution_error"), None)
    count, preview = summary(outcome.outputs)
    return _without_nulls(
        {
            "id": entry.job_id,
            "status": status,
            "priority": entry.job.number,
            "create_time": int(entry.job.created * 1000),
            "execution_start_time": int(outcome.started * 1000),
            "execution_end_time": int(outcome.finished * 1000),
            "execution_error": error,
            "outputs_count": count,
            "preview_output": preview,
            "workflow_id": _workflow_id(entry.job),
        }
    )


def _items(outputs: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for node_id, shown in outputs.items():
        if not isinstance(shown, Mapping):
            continue
        for key, values in shown.items():
            if key != "animated" and isinstance(values, list):
                yield from ((node_id, key, item) for item in values if isinstance(item, dict))


def is_previewable(key: str, item: Mapping[str, Any]) -> bool:
    """Whether a page can show this output as a thumbnail."""
    if key in MEDIA_KEYS or str(item.get("format", "")).startswith(("video/", "audio/")):
        return True
    return str(item.get("filename", "")).lower().endswith(MODEL_SUFFIXES)


def summary(outputs: Mapping[str, Any]) -> tuple[int, dict[str, Any] | None]:
    """How many things a job put out, and the one to show for it: saved ones before temporary ones."""
    items = list(_items(outputs))
    shown = [
        {**item, "nodeId": node_id, "mediaType": key}
        for node_id, key, item in items
        if is_previewable(key, item)
    ]
    saved = [item for item in shown if item.get("type") == "output"]
    return len(items), next(iter(saved or shown), None)


def _number(text: str | None, name: str) -> int | None:
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        raise _BadQueryError(f"{name} must be an integer") from None


def _chosen(request: web.Request) -> set[str]:
    text = request.query.get("status")
    if not text:
        return set(STATUSES)
    chosen = [part.strip().lower() for part in text.split(",") if part.strip()]
    unknown = [part for part in chosen if part not in STATUSES]
    if unknown:
        valid = ", ".join(STATUSES)
        raise _BadQueryError(f"Invalid status value(s): {', '.join(unknown)}. Valid values: {valid}")
    return set(chosen)


def _order(request: web.Request) -> tuple[str, bool]:
    sort_by = request.query.get("sort_by", "created_at").lower()
    sort_order = request.query.get("sort_order", "desc").lower()
    if sort_by not in {"created_at", "execution_duration"}:
        raise _BadQueryError("sort_by must be 'created_at' or 'execution_duration'")
    if sort_order not in {"asc", "desc"}:
        raise _BadQueryError("sort_order must be 'asc' or 'desc'")
    return sort_by, sort_order == "desc"


def _sort_key(job: Mapping[str, Any], sort_by: str) -> float:
    if sort_by == "created_at":
        return float(job.get("create_time", 0))
    start, end = job.get("execution_start_time"), job.get("execution_end_time")
    return float(end - start) if start and end else 0.0


@routes.get("/api/jobs")
async def jobs(request: web.Request) -> web.Response:
    """Jobs of the chosen states, sorted and paged."""
    try:
        chosen, (sort_by, descending) = _chosen(request), _order(request)
        limit, offset = (
            _number(request.query.get("limit"), "limit"),
            _number(request.query.get("offset"), "offset"),
        )
        if limit is not None and limit <= 0:
            raise _BadQueryError("limit must be a positive integer")
    except _BadQueryError as error:
        return json_response({"error": str(error)}, 400)
    found = [job for job in await _all_jobs(request) if job["status"] in chosen]
    if workflow_id := request.query.get("workflow_id"):
        found = [job for job in found if job.get("workflow_id") == workflow_id]
    found.sort(key=lambda job: _sort_key(job, sort_by), reverse=descending)
    start = max(0, offset or 0)
    page = found[start : start + limit] if limit is not None else found[start:]
    pagination = {
        "offset": start,
        "limit": limit,
        "total": len(found),
        "has_more": start + len(page) < len(found),
    }
    return json_response({"jobs": page, "pagination": pagination})


async def _all_jobs(request: web.Request) -> list[dict[str, Any]]:
    service = request.app[SERVICE]
    queued = [queued_job(job, "in_progress") for job in service.running()]
    queued += [queued_job(job, "pending") for job in service.pending()]
    return queued + [finished_job(entry) for entry in await service.history()]


@routes.get("/api/jobs/{job_id}")
async def job(request: web.Request) -> web.Response:
    """One job with its graph, and once it is finished with its outputs."""
    service, job_id = request.app[SERVICE], request.match_info["job_id"]
    for waiting, status in ((service.running(), "in_progress"), (service.pending(), "pending")):
        for candidate in waiting:
            if candidate.job_id == job_id:
                return json_response(queued_job(candidate, status) | {"workflow": _workflow(candidate)})
    entry = await service.history_entry(job_id)
    if entry is None:
        return json_response({"error": "Job not found"}, 404)
    wire = entry.wire()
    found = finished_job(entry) | {"outputs": wire["outputs"], "execution_status": wire["status"]}
    return json_response(found | {"workflow": _workflow(entry.job)})


def _workflow(job: QueuedJob) -> dict[str, Any]:
    return {"prompt": job.graph, "extra_data": job.extra_data}

"""How does the ecosystem's API tell a job in one object, whatever its state?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from executor.queue.jobs import JobState

if TYPE_CHECKING:
    from executor.queue.rows import JobRow

STATUSES: Mapping[str, tuple[JobState, ...]] = {
    "pending": (JobState.QUEUED, JobState.LOST),
    "in_progress": (JobState.RUNNING,),
    "completed": (JobState.SUCCEEDED,),
    "failed": (JobState.FAILED, JobState.CANCELLED),
}
STATUS_OF = {state: status for status, states in STATUSES.items() for state in states}
MEDIA_KEYS = frozenset({"images", "video", "audio"})
MODEL_SUFFIXES = (".obj", ".fbx", ".gltf", ".glb")


def job_object(row: JobRow) -> dict[str, Any]:
    """A job as lists show it; what is not known is left out."""
    count, preview = summary(row.outputs)
    job = {
        "id": row.job_id,
        "status": STATUS_OF[row.state],
        "state": row.state.value,
        "priority": row.number,
        "attempts": row.attempts,
        "position": row.position,
        "worker": row.worker,
        "create_time": int(row.created * 1000),
        "execution_start_time": _milliseconds(row.started),
        "execution_end_time": _milliseconds(row.finished),
        "execution_error": _error(row) if row.state is JobState.FAILED else None,
        "outputs_count": count,
        "preview_output": preview,
        "workflow_id": row.workflow_id,
    }
    return {key: value for key, value in job.items() if value is not None}


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds * 1000)


def _error(row: JobRow) -> dict[str, Any] | None:
    failure = row.failure
    if failure is None:
        return None
    return {
        "prompt_id": row.job_id,
        "node_id": failure.node_id,
        "node_type": failure.node_type,
        "executed": list(row.executed),
        "exception_message": failure.message,
        "exception_type": failure.exception_type,
        "traceback": list(failure.traceback),
        "current_inputs": dict(failure.inputs or {}),
        "current_outputs": list(row.outputs),
        "timestamp": _milliseconds(row.finished),
    }


def output_items(outputs: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """What a job put out, one by one: the node, the kind, the item."""
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
    items = list(output_items(outputs))
    shown = [
        {**item, "nodeId": node_id, "mediaType": key}
        for node_id, key, item in items
        if is_previewable(key, item)
    ]
    saved = [item for item in shown if item.get("type") == "output"]
    return len(items), next(iter(saved or shown), None)

"""Where do jobs and workers stand right now? What lists show beyond what is on disk."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from executor.queue.jobs import WAITING, JobState, QueuedJob
from executor.queue.rows import JobRow
from executor.worker.lane import Lane
from executor.worker.notices import WorkerRow


def placed(rows: Sequence[JobRow], line: Iterable[QueuedJob], lanes: Sequence[Lane]) -> list[JobRow]:
    """The rows with the places of the waiting jobs and the workers of the running ones."""
    if not any(row.state in WAITING or row.state is JobState.RUNNING for row in rows):
        return list(rows)
    positions = {job.job_id: position for position, job in enumerate(line)}
    workers = {lane.job.job_id: index for index, lane in enumerate(lanes) if lane.job is not None}
    return [replace(row, position=positions.get(row.job_id), worker=workers.get(row.job_id)) for row in rows]


def worker_row(index: int, lane: Lane) -> WorkerRow:
    """What one worker is doing."""
    job = lane.job
    return WorkerRow(
        index=index,
        name=lane.name or str(lane.device.get("name", "")),
        state=lane.state,
        process_id=lane.process_id,
        job_id=None if job is None else job.job_id,
        node_id=lane.node_id or None,
        resident=tuple(sorted(lane.resident)),
        device=lane.device,
    )

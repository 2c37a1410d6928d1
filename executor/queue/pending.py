"""In which order do the waiting jobs run?"""

from bisect import insort
from collections.abc import Iterable, Iterator

from executor.queue.jobs import QueuedJob


class PendingJobs:
    """The waiting line, sorted by number and then by submission."""

    def __init__(self, jobs: Iterable[QueuedJob] = ()) -> None:
        self._line = sorted(jobs, key=_order)
        self._ids = {job.job_id for job in self._line}

    def __len__(self) -> int:
        return len(self._line)

    def __iter__(self) -> Iterator[QueuedJob]:
        return iter(self._line)

    def __contains__(self, job_id: object) -> bool:
        return job_id in self._ids

    def add(self, job: QueuedJob) -> None:
        """Put a job at its place in the line."""
        insort(self._line, job, key=_order)
        self._ids.add(job.job_id)

    def take(self) -> QueuedJob:
        """Remove and return the job whose turn it is."""
        job = self._line.pop(0)
        self._ids.remove(job.job_id)
        return job

    def remove(self, job_ids: Iterable[str]) -> list[QueuedJob]:
        """Remove these jobs and return those that were in the line."""
        wanted = self._ids.intersection(job_ids)
        removed = [job for job in self._line if job.job_id in wanted]
        self._line = [job for job in self._line if job.job_id not in wanted]
        self._ids -= wanted
        return removed


def _order(job: QueuedJob) -> tuple[float, int]:
    return job.order

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

    def head(self, count: int) -> list[QueuedJob]:
        """The jobs that run next."""
        return self._line[:count]

    def add(self, job: QueuedJob) -> None:
        """Put a job at its place in the line."""
        insort(self._line, job, key=_order)
        self._ids.add(job.job_id)

    def take(self, job: QueuedJob) -> None:
        """Remove a job that is about to run."""
        self._line.remove(job)
        self._ids.remove(job.job_id)

    def remove(self, job_ids: Iterable[str]) -> list[QueuedJob]:
        """Remove these jobs and return those that were in the line."""
        wanted = self._ids.intersection(job_ids)
        removed = [job for job in self._line if job.job_id in wanted]
        self._line = [job for job in self._line if job.job_id not in wanted]
        self._ids -= wanted
        return removed

    def first_number(self) -> float:
        """The number of the job that runs next; 0 if none waits."""
        return self._line[0].number if self._line else 0

    def move(self, job_id: str, before: str | None) -> list[QueuedJob]:
        """Put a job right before another one, or at the head; returns the jobs that got other numbers.

        Raises `KeyError` with the id that is not in the line. Numbers before that place are lowered where
        two jobs would share one; what stands behind it keeps its numbers.
        """
        for wanted in (job_id, before):
            if wanted is not None and wanted not in self._ids:
                raise KeyError(wanted)
        if job_id == before:
            return []
        (job,) = self.remove([job_id])
        ids = [other.job_id for other in self._line]
        place = 0 if before is None else ids.index(before)
        changed = self._make_room(job, place)
        self._ids.add(job_id)
        return changed

    def _make_room(self, job: QueuedJob, place: int) -> list[QueuedJob]:
        self._line.insert(place, job)
        if place + 1 == len(self._line):
            return []
        behind = self._line[place + 1].number
        ahead = self._line[place - 1].number if place else behind
        if ahead < (middle := (ahead + behind) / 2) < behind:
            self._line[place] = job.moved(middle)
            return [self._line[place]]
        changed = []
        for index in range(place, -1, -1):
            if index < place and self._line[index].number < behind:
                break
            behind -= 1
            self._line[index] = self._line[index].moved(behind)
            changed.append(self._line[index])
        return changed


def _order(job: QueuedJob) -> tuple[float, int]:
    return job.order

"""Which of the workers that wait gets which job? The next in line goes to the one that has its models loaded.

A job may be passed over in favour of one further back when that spares a load: it stays for the worker that
holds its models and is still busy. It is passed over a few times at most, and never if somebody chose its
place in the line.
"""

from collections.abc import Mapping
from typing import Any

from executor.queue.jobs import QueuedJob
from executor.queue.pending import PendingJobs
from nodes.api.spec import NodeSpec
from nodes.api.widgets import File

# So far down the line a worker looks for a job whose models it holds, and so often a job is passed over.
LOOK_AHEAD = 8
MOST_PASSES = 4

Resident = frozenset[str]


class Affinity:
    """Chooses job and worker, and counts how often a job was passed over."""

    def __init__(self) -> None:
        self._passes: dict[str, int] = {}
        self._wanted: dict[str, Resident] = {}

    def choose(
        self,
        line: PendingJobs,
        idle: Mapping[int, Resident],
        busy: Mapping[int, Resident],
        specs: Mapping[str, NodeSpec],
    ) -> tuple[int, QueuedJob]:
        """The index of a worker and the job it should take; there is at least one of each.

        Args:
            line: the waiting jobs.
            idle: what each worker that waits holds.
            busy: what each worker that computes held when it began.
            specs: tell which inputs name models.
        """
        candidates = line.head(LOOK_AHEAD)
        first = candidates[0]
        wanted = self.wanted(first, specs)
        worker = _warmest(idle, wanted)
        job = first
        is_warm_elsewhere = any(held & wanted for held in busy.values())
        if not idle[worker] & wanted and is_warm_elsewhere and self._may_wait(first):
            for candidate in candidates[1:]:
                if not self._may_wait(candidate):
                    break
                files = self.wanted(candidate, specs)
                warmest = _warmest(idle, files)
                if idle[warmest] & files:
                    self._passes[first.job_id] = self._passes.get(first.job_id, 0) + 1
                    worker, job = warmest, candidate
                    break
        self.forget(job.job_id)
        return worker, job

    def wanted(self, job: QueuedJob, specs: Mapping[str, NodeSpec]) -> Resident:
        """The models that a job names, as folder/name."""
        if job.job_id not in self._wanted:
            self._wanted[job.job_id] = model_files(job.graph, specs)
        return self._wanted[job.job_id]

    def forget(self, job_id: str) -> None:
        """Drop what is remembered of a job that left the line."""
        self._passes.pop(job_id, None)
        self._wanted.pop(job_id, None)

    def _may_wait(self, job: QueuedJob) -> bool:
        return job.number == job.sequence and self._passes.get(job.job_id, 0) < MOST_PASSES


def model_files(graph: Mapping[str, Any], specs: Mapping[str, NodeSpec]) -> Resident:
    """The models that a graph (API JSON) names, as folder/name; pictures that come in are none."""
    files = set()
    inputs: dict[str, tuple[tuple[str, str], ...]] = {}
    for instance in graph.values():
        if not isinstance(instance, Mapping):
            continue
        kind = str(instance.get("class_type"))
        if kind not in inputs:
            inputs[kind] = _model_inputs(specs.get(kind))
        for name, folder in inputs[kind]:
            value = instance.get("inputs", {}).get(name)
            if isinstance(value, str):
                files.add(f"{folder}/{value}")
    return frozenset(files)


def _model_inputs(spec: NodeSpec | None) -> tuple[tuple[str, str], ...]:
    entries = spec.inputs if spec is not None else ()
    return tuple(
        (entry.name, entry.widget.folder)
        for entry in entries
        if isinstance(entry.widget, File) and entry.widget.folder != "input"
    )


def _warmest(idle: Mapping[int, Resident], wanted: Resident) -> int:
    """The worker that holds most of what is wanted; of equals the one that would lose least."""
    return min(idle, key=lambda index: (-len(idle[index] & wanted), len(idle[index]), index))

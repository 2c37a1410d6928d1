"""What has been seen of a run so far, so that its end can be told even if the worker cannot?"""

import time
from collections.abc import Mapping
from typing import Any

from executor.queue.history import Failure, Outcome
from executor.queue.jobs import JobState, QueuedJob, now
from executor.run.events import (
    Event,
    JobFinished,
    JobStarted,
    NodeFailed,
    NodeFinished,
    NodePreview,
    NodeProgress,
    NodesCached,
    NodeStarted,
    Status,
)


class RunRecord:
    """Follows the events of one job.

    `pace` is the longest time, in seconds, between two signs of the node that runs; 0 before the first.
    """

    def __init__(self, job: QueuedJob) -> None:
        self.job = job
        self.node_id = ""
        self.pace = 0.0
        self._sign = time.monotonic()
        self._started = now()
        self._cached: tuple[str, ...] = ()
        self._executed: list[str] = []
        self._outputs: dict[str, Any] = {}
        self._families: dict[str, tuple[str, str, str]] = {}
        self._failure: Failure | None = None
        self.finished: JobFinished | None = None

    def note(self, event: Event) -> None:
        """Take notice of one event of the job."""
        if isinstance(event, JobStarted):
            self._started = event.time
        elif isinstance(event, NodesCached):
            self._cached = event.nodes
        elif isinstance(event, NodeStarted):
            self.node_id = event.node_id
            self.pace, self._sign = 0.0, time.monotonic()
        elif isinstance(event, NodeProgress | NodePreview):
            moment = time.monotonic()
            self.pace, self._sign = max(self.pace, moment - self._sign), moment
        elif isinstance(event, NodeFinished):
            if not event.cached:
                self._executed.append(event.node_id)
            if event.ui is not None:
                self._outputs[event.node_id] = event.ui
                if event.parent_id:
                    self._families[event.node_id] = (event.display_id, event.parent_id, event.real_id)
        elif isinstance(event, NodeFailed):
            self._failure = Failure(
                event.node_id,
                event.node_type,
                event.exception_type,
                event.message,
                event.traceback,
                event.inputs,
            )
        elif isinstance(event, JobFinished):
            self.finished = event

    def outcome(self) -> Outcome:
        """How the run ended, once `finished` is there."""
        if self.finished is None:
            raise RuntimeError(f"job {self.job.job_id} has not ended")
        state = JobState(self.finished.status)
        failure = self._failure if state is JobState.FAILED else None
        if state is JobState.CANCELLED:
            failure = Failure(self.node_id, self.node_type())
        return Outcome(
            state=state,
            started=self._started,
            finished=self.finished.time,
            outputs=self._outputs | dict(self.finished.outputs),
            executed=self.finished.executed,
            cached=self.finished.cached,
            failure=failure,
            families=self._families,
        )

    def failed(self, exception_type: str, message: str, lines: tuple[str, ...]) -> NodeFailed:
        """The failure of the node that ran, told by somebody else than the worker."""
        return NodeFailed(
            job_id=self.job.job_id,
            node_id=self.node_id,
            node_type=self.node_type(),
            exception_type=exception_type,
            message=message,
            traceback=lines,
            inputs={},
        )

    def ended(self, status: Status) -> JobFinished:
        """The end of the run, told by somebody else than the worker."""
        end = now()
        return JobFinished(
            job_id=self.job.job_id,
            status=status,
            outputs=self._outputs,
            executed=tuple(self._executed),
            cached=self._cached,
            seconds=end - self._started,
            time=end,
        )

    def node_type(self) -> str:
        """The type of the node that ran last, or nothing before the first."""
        instance = self.job.graph.get(self.node_id)
        return str(instance.get("class_type", "")) if isinstance(instance, Mapping) else ""

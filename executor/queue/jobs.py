"""What is a job before, while and after it waits in the queue?"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any, Self

# Credentials that some clients send beside a prompt: never stored, never shown.
SECRET_KEYS = frozenset({"auth_token_comfy_org", "api_key_comfy_org"})
# Under this key of the extra data a job names who is to be told of its end.
WEBHOOK_KEY = "webhook"


class JobState(StrEnum):
    """Where a job stands; a lost one was running when its worker or server ended, and waits again."""

    QUEUED = "queued"
    LOST = "lost"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


WAITING = (JobState.QUEUED, JobState.LOST)
OPEN = (*WAITING, JobState.RUNNING)
FINAL = (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)


class DuplicateJobError(ValueError):
    """A job with this id is waiting or running already."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"a job with the id {job_id!r} is waiting or running already")
        self.job_id = job_id


class StaleLeaseError(ValueError):
    """Somebody who no longer has a job tried to say how it ended; nothing was recorded."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"job {job_id} was given to another worker, or is over")
        self.job_id = job_id


@dataclass(frozen=True)
class NewJob:
    """What a client asks for: a validated graph (API JSON), the outputs to compute and its place in the line.

    A lower `number` runs first; without one the job goes to the end of the line, or with `front` to its head.
    A client that repeats a request with the same `idempotency_key` gets the job that it made the first time.
    """

    job_id: str
    graph: Mapping[str, Any]
    extra_data: Mapping[str, Any] = field(default_factory=dict)
    number: float | None = None
    front: bool = False
    targets: tuple[str, ...] = ()
    idempotency_key: str | None = None


@dataclass(frozen=True)
class QueuedJob:
    """A job that is on disk; `sequence` counts submissions, `created` is in seconds since 1970.

    `attempts` counts how often it was started, `losses` how often the worker or the server died under it.
    `is_repeat` marks a job that was found by its idempotency key instead of being made.
    """

    job_id: str
    sequence: int
    number: float
    graph: Mapping[str, Any]
    extra_data: Mapping[str, Any]
    targets: tuple[str, ...]
    created: float
    attempts: int = 0
    state: JobState = JobState.QUEUED
    losses: int = 0
    idempotency_key: str | None = None
    is_repeat: bool = False

    @classmethod
    def from_new(cls, new: NewJob, sequence: int, number: float, created: float) -> Self:
        """The job that a client asks for, at its place in the line."""
        return cls(
            job_id=new.job_id,
            sequence=sequence,
            number=number,
            graph=new.graph,
            extra_data=stored_extra_data(new.extra_data, created),
            targets=new.targets,
            created=created,
            idempotency_key=new.idempotency_key,
        )

    @property
    def token(self) -> str:
        """The fencing token of the present attempt: only who shows it may say how the job ended."""
        return f"{self.sequence}.{self.attempts}"

    @property
    def workflow_id(self) -> str | None:
        """The id that the editor gave the workflow, if it sent one."""
        pnginfo = self.extra_data.get("extra_pnginfo")
        workflow = pnginfo.get("workflow") if isinstance(pnginfo, Mapping) else None
        workflow_id = workflow.get("id") if isinstance(workflow, Mapping) else None
        return workflow_id if isinstance(workflow_id, str) else None

    @property
    def client_id(self) -> str | None:
        """The socket that asked for this job, if any."""
        client_id = self.extra_data.get("client_id")
        return client_id if isinstance(client_id, str) else None

    @property
    def order(self) -> tuple[float, int]:
        """The place in the line: by number, then by submission."""
        return (self.number, self.sequence)

    @cached_property
    def graph_text(self) -> str:
        """The graph as JSON: written once for the disk and for all who list the queue."""
        return json.dumps(self.graph)

    @property
    def shown_extra_data(self) -> Mapping[str, Any]:
        """The extra data without the secret of its webhook."""
        webhook = self.extra_data.get(WEBHOOK_KEY)
        if not isinstance(webhook, Mapping) or "secret" not in webhook:
            return self.extra_data
        return {
            **self.extra_data,
            WEBHOOK_KEY: {key: value for key, value in webhook.items() if key != "secret"},
        }

    def item5(self) -> list[Any]:
        """The ecosystem's queue item: number, id, prompt, extra data, output node ids."""
        return [self.number, self.job_id, self.graph, self.shown_extra_data, list(self.targets)]

    @cached_property
    def item5_text(self) -> str:
        """`item5` as JSON."""
        return item5_text(
            self.number,
            self.job_id,
            self.graph_text,
            json.dumps(self.shown_extra_data),
            json.dumps(self.targets),
        )

    def started(self) -> Self:
        """The job, running for one more time."""
        return self._with(state=JobState.RUNNING, attempts=self.attempts + 1)

    def lost(self) -> Self:
        """The job, waiting again after its worker died under it."""
        return self._with(state=JobState.LOST, losses=self.losses + 1)

    def waiting(self) -> Self:
        """The job, waiting again because the server ends on purpose."""
        return self._with(state=JobState.LOST if self.losses else JobState.QUEUED)

    def moved(self, number: float) -> Self:
        """The job at another place in the line."""
        return self._with(number=number)

    def _with(self, **changes: Any) -> Self:
        """The job with other values; the text of its graph is not written again."""
        changed = replace(self, **changes)
        if "graph_text" in self.__dict__:
            changed.__dict__["graph_text"] = self.graph_text
        return changed


def item5_text(number: float, job_id: str, graph: str, extra_data: str, targets: str) -> str:
    """A queue item as JSON, of parts that are JSON."""
    return f"[{json.dumps(number)}, {json.dumps(job_id)}, {graph}, {extra_data}, {targets}]"


def stored_extra_data(extra_data: Mapping[str, Any], created: float) -> dict[str, Any]:
    """What is kept of a client's extra data: no credentials, plus the time of creation in milliseconds."""
    kept = {key: value for key, value in extra_data.items() if key not in SECRET_KEYS}
    return kept | {"create_time": int(created * 1000)}


def now() -> float:
    """Seconds since 1970."""
    return time.time()

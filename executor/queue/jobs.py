"""What is a job before, while and after it waits in the queue?"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

# Credentials that some clients send beside a prompt: never stored, never shown.
SECRET_KEYS = frozenset({"auth_token_comfy_org", "api_key_comfy_org"})


class JobState(StrEnum):
    """Where a job stands; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class DuplicateJobError(ValueError):
    """A job with this id is waiting or running already."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"a job with the id {job_id!r} is waiting or running already")
        self.job_id = job_id


@dataclass(frozen=True)
class NewJob:
    """What a client asks for: a validated graph (API JSON), the outputs to compute and its place in the line.

    A lower `number` runs first; without one the job goes to the end of the line, or with `front` to its head.
    """

    job_id: str
    graph: Mapping[str, Any]
    extra_data: Mapping[str, Any] = field(default_factory=dict)
    number: float | None = None
    front: bool = False
    targets: tuple[str, ...] = ()


@dataclass(frozen=True)
class QueuedJob:
    """A job that is on disk; `sequence` counts submissions, `created` is in seconds since 1970."""

    job_id: str
    sequence: int
    number: float
    graph: Mapping[str, Any]
    extra_data: Mapping[str, Any]
    targets: tuple[str, ...]
    created: float
    attempts: int = 0
    state: JobState = JobState.QUEUED

    @property
    def client_id(self) -> str | None:
        """The socket that asked for this job, if any."""
        client_id = self.extra_data.get("client_id")
        return client_id if isinstance(client_id, str) else None

    @property
    def order(self) -> tuple[float, int]:
        """The place in the line: by number, then by submission."""
        return (self.number, self.sequence)

    def item5(self) -> list[Any]:
        """The ecosystem's queue item: number, id, prompt, extra data, output node ids."""
        return [self.number, self.job_id, self.graph, self.extra_data, list(self.targets)]

    def started(self) -> Self:
        """The job, running for one more time."""
        return replace(self, state=JobState.RUNNING, attempts=self.attempts + 1)

    def requeued(self) -> Self:
        """The job, waiting again after its run was lost."""
        return replace(self, state=JobState.QUEUED)


def stored_extra_data(extra_data: Mapping[str, Any], created: float) -> dict[str, Any]:
    """What is kept of a client's extra data: no credentials, plus the time of creation in milliseconds."""
    kept = {key: value for key, value in extra_data.items() if key not in SECRET_KEYS}
    return kept | {"create_time": int(created * 1000)}


def now() -> float:
    """Seconds since 1970."""
    return time.time()

"""What does the executor tell of itself while it works? Frozen values, beside the events of the runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from executor.queue.jobs import QueuedJob
from executor.run.events import Event

WorkerState: TypeAlias = Literal["starting", "ready", "busy", "lost"]


@dataclass(frozen=True)
class QueueChanged:
    """The number of waiting and running jobs may have changed."""

    remaining: int


@dataclass(frozen=True)
class JobLost:
    """The worker died with the job, which goes back into the line."""

    job_id: str
    attempt: int
    message: str
    lines: tuple[str, ...]
    node_id: str
    time: float


@dataclass(frozen=True)
class JobClosed:
    """The very last word on a job: its history entry is on disk, and `QueueChanged` has been told."""

    job_id: str


@dataclass(frozen=True)
class WorkerChanged:
    """A worker process came up, took a job, finished one or died."""

    state: WorkerState
    index: int = 0


@dataclass(frozen=True)
class CatalogueChanged:
    """A worker sent its catalogue; `Service.specs` and `Service.packs` are new.

    `is_quiet` if somebody asked for it and gets it, and there are the same nodes as before.
    """

    is_quiet: bool = False


@dataclass(frozen=True)
class PackMessage:
    """A pack has something to say to one page, or to all if `client_id` is None."""

    event: str
    data: Any
    client_id: str | None


@dataclass(frozen=True)
class PackFrame:
    """The same as a binary message: its kind, and what follows it."""

    event: int
    data: bytes
    client_id: str | None


Notice: TypeAlias = (
    QueueChanged | JobLost | JobClosed | WorkerChanged | CatalogueChanged | PackMessage | PackFrame
)


@dataclass(frozen=True)
class ServiceEvent:
    """One thing that happened, with the job it belongs to (none for the queue, the worker, the catalogue).

    The order for one job is: QueueChanged (submitted), QueueChanged (taken), the events of the run
    from JobStarted to JobFinished, QueueChanged (history is on disk), JobClosed. If the worker dies under it
    and it may run again, JobLost stands where JobFinished would, and the order goes on with QueueChanged.
    `id` is the number of the event within its job, 0 for what is not stored.
    """

    event: Event | Notice
    job: QueuedJob | None = None
    id: int = 0


Listener: TypeAlias = Callable[[ServiceEvent], None]


@dataclass(frozen=True)
class WorkerRow:
    """What one worker is doing: the job and node it runs, if any, and the models it holds in memory."""

    index: int
    name: str
    state: WorkerState
    process_id: int | None
    job_id: str | None
    node_id: str | None
    resident: tuple[str, ...]
    device: Mapping[str, Any]

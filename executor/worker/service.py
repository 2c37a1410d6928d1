"""What does the server ask of the executor: submit, list, cancel, remember, and hear what happens?"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from executor.queue.history import HistoryEntry
from executor.queue.jobs import NewJob, QueuedJob

if TYPE_CHECKING:
    from executor.run.events import Event
    from nodes.api.spec import NodeSpec

logger = logging.getLogger(__name__)

WorkerState = Literal["starting", "ready", "busy", "lost"]


@dataclass(frozen=True)
class QueueChanged:
    """The number of waiting and running jobs may have changed."""

    remaining: int


@dataclass(frozen=True)
class JobClosed:
    """The very last word on a job: its history entry is on disk, and `QueueChanged` has been told."""

    job_id: str


@dataclass(frozen=True)
class WorkerChanged:
    """The worker process came up, took a job, finished one or died."""

    state: WorkerState


@dataclass(frozen=True)
class CatalogueChanged:
    """The worker sent its catalogue; `Service.specs` is new."""


@dataclass(frozen=True)
class ServiceEvent:
    """One thing that happened, with the job it belongs to (none for the queue, the worker, the catalogue).

    The order for one job is: QueueChanged (submitted), QueueChanged (taken), the events of the run from
    JobStarted to JobFinished, QueueChanged (history is on disk), JobClosed.
    """

    event: Event | QueueChanged | JobClosed | WorkerChanged | CatalogueChanged
    job: QueuedJob | None = None

"""Carries what the executor says to the sockets that should hear it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from executor.worker.notices import (
    CatalogueChanged,
    JobClosed,
    JobLost,
    PackFrame,
    PackMessage,
    QueueChanged,
    WorkerChanged,
)
from web.hub import Hub, Message
from web.wire_messages import STATES_PER_SECOND, JobMessages, executing, pack_frame, status

if TYPE_CHECKING:
    from executor.worker.notices import ServiceEvent
    from executor.worker.service import Service

# A client that sends this feature flag hears of the worker and the catalogue too.
WORKER_FLAG = "supports_worker_state"


class Relay:
    """Listens to the service for as long as the server runs. Used from the event loop only."""

    def __init__(self, service: Service, hub: Hub) -> None:
        self._service = service
        self._hub = hub
        self._jobs: dict[str, JobMessages] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._unsubscribe: Callable[[], None] | None = None

    def start(self) -> None:
        """Begin to listen."""
        self._unsubscribe = self._service.listen(self.hear)

    def stop(self) -> None:
        """Listen no more."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        if self._timer is not None:
            self._timer.cancel()

    def running_node(self, client_id: str) -> str | None:
        """The node that runs right now for this client."""
        for messages in self._jobs.values():
            if messages.job.client_id == client_id and messages.running_node is not None:
                return messages.running_node
        return None

    def hear(self, told: ServiceEvent) -> None:
        """Pass one event on."""
        event, job = told.event, told.job
        if isinstance(event, QueueChanged):
            self._hub.send(status(event.remaining))
        elif isinstance(event, JobLost):
            self._jobs.pop(event.job_id, None)  # the next attempt begins anew
        elif isinstance(event, JobClosed):
            self._close(event.job_id, job.client_id if job else None)
        elif isinstance(event, WorkerChanged):
            self._tell_flagged("worker", state=event.state)
        elif isinstance(event, CatalogueChanged):
            if not event.is_quiet:
                self._tell_flagged("catalogue")
        elif isinstance(event, PackFrame):
            self._hub.send(pack_frame(event.event, event.data), event.client_id)
        elif isinstance(event, PackMessage):
            self._hub.send(Message(event.event, event.data), event.client_id)
        elif job is not None:
            messages = self._jobs.get(job.job_id)
            if messages is None:
                messages = self._jobs[job.job_id] = JobMessages(job)
            messages.last_id = told.id or messages.last_id
            self._send(messages, messages.translate(event, self._now()))
            self._await_flush()

    def _close(self, job_id: str, client_id: str | None) -> None:
        self._jobs.pop(job_id, None)
        if client_id is not None:
            self._hub.send(executing(None, job_id), client_id)

    def _tell_flagged(self, kind: str, **data: Any) -> None:
        self._hub.send(Message(kind, data), flag=WORKER_FLAG)

    def _send(self, messages: JobMessages, sent: list[Message]) -> None:
        client_id = messages.job.client_id
        if client_id is not None:
            for message in sent:
                self._hub.send(message, client_id, job_id=messages.job.job_id, event_id=messages.last_id)

    def _await_flush(self) -> None:
        if self._timer is None and any(messages.has_waiting for messages in self._jobs.values()):
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(1 / STATES_PER_SECOND, self._flush)

    def _flush(self) -> None:
        self._timer = None
        for messages in self._jobs.values():
            self._send(messages, messages.flush(self._now()))
        self._await_flush()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

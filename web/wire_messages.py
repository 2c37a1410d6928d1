"""How do the events of a run become the ecosystem's socket messages, in its order and at a bearable rate?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from executor.queue.jobs import QueuedJob
from executor.run.allowance import Allowance
from executor.run.events import (
    Event,
    JobFinished,
    JobStarted,
    NodeBlocked,
    NodeFailed,
    NodeFinished,
    NodePreview,
    NodeProgress,
    NodesCached,
    NodeStarted,
)
from web.hub import Message

PREVIEW_FRAME, TEXT_FRAME, METADATA_PREVIEW_FRAME = 1, 3, 4
IMAGE_TYPES = {"jpeg": 1, "png": 2}
STATES_PER_SECOND = 20.0
STATES_AT_ONCE = 20.0
# A graph of up to this many started nodes is told in full every time, as the ecosystem does.
WHOLE_STATE_NODES = 50


def status(remaining: int, sid: str | None = None) -> Message:
    """The number of jobs that wait or run; with the client's own id in the first message of a socket."""
    data: dict[str, Any] = {"status": {"exec_info": {"queue_remaining": remaining}}}
    return Message("status", data if sid is None else {**data, "sid": sid})


def executing(node_id: str | None, job_id: str, display_id: str = "") -> Message:
    """A node begins; with None the job is over and its history can be fetched."""
    if node_id is None:
        return Message("executing", {"node": None, "prompt_id": job_id})
    return Message("executing", {"node": node_id, "display_node": display_id or node_id, "prompt_id": job_id})


def preview(event: NodePreview) -> Message:
    """A picture on the way, as the plain frame and as the frame that names its node; whole ones are owed."""
    kind = IMAGE_TYPES[event.format].to_bytes(4, "big")
    about = {**_identity(event), "image_type": f"image/{event.format}"}
    header = json.dumps(about).encode()
    return Message(
        "preview",
        legacy_frame=PREVIEW_FRAME.to_bytes(4, "big") + kind + event.data,
        metadata_frame=b"".join(
            [METADATA_PREVIEW_FRAME.to_bytes(4, "big"), len(header).to_bytes(4, "big"), header, event.data]
        ),
        is_owed=event.format == "png",
    )


def pack_frame(event: int, data: bytes) -> Message:
    """A binary message of a pack; pictures may be skipped for a slow client, others are owed."""
    frame = event.to_bytes(4, "big") + data
    is_picture = event in {PREVIEW_FRAME, METADATA_PREVIEW_FRAME}
    return Message("pack", legacy_frame=frame, metadata_frame=frame, is_owed=not is_picture)


def progress_text(node_id: str, text: str) -> Message:
    """What a node says about its progress, as a binary text frame."""
    name = node_id.encode()
    frame = b"".join([TEXT_FRAME.to_bytes(4, "big"), len(name).to_bytes(4, "big"), name, text.encode()])
    return Message("progress_text", legacy_frame=frame, metadata_frame=frame)


NodeEvent: TypeAlias = NodeStarted | NodeProgress | NodePreview | NodeFinished


def _identity(event: NodeEvent) -> dict[str, Any]:
    """Which node of the page an instance belongs to: itself, unless a node added it while it ran."""
    return {
        "node_id": event.node_id,
        "prompt_id": event.job_id,
        "display_node_id": event.display_id or event.node_id,
        "parent_node_id": event.parent_id or None,
        "real_node_id": event.real_id or event.node_id,
    }


@dataclass
class _NodeState:
    value: float
    total: float
    is_running: bool
    event: NodeEvent


class JobMessages:
    """The messages of one job. Events in, messages out; states that had to wait come with `flush`.

    `last_id` is the number of the last stored event that came in.
    """

    def __init__(self, job: QueuedJob) -> None:
        self.job = job
        self.last_id = 0
        self._allowance = Allowance(STATES_PER_SECOND, STATES_AT_ONCE)
        self._begin(0.0)

    def _begin(self, time: float) -> None:
        """Forget an earlier attempt: a job whose worker was lost starts anew."""
        self._start_time = time
        self.running_node: str | None = None
        self._states: dict[str, _NodeState] = {}
        self._changed: set[str] = set()
        self._progress: dict[str, NodeProgress] = {}
        self._executed: list[str] = []
        self._failure: NodeFailed | None = None

    @property
    def has_waiting(self) -> bool:
        """Whether a state change has not been told yet."""
        return bool(self._changed or self._progress)

    def translate(self, event: Event, now: float) -> list[Message]:
        """What clients hear of `event`, at the monotonic time `now` (seconds)."""
        match event:
            case JobStarted():
                self._begin(event.time)
                return [self._moment("execution_start", event.time)]
            case NodesCached():
                return [self._moment("execution_cached", self._start_time, nodes=list(event.nodes))]
            case NodeStarted():
                return self._started(event, now)
            case NodeProgress():
                return self._progressed(event, now)
            case NodePreview():
                return [preview(event)]
            case NodeFinished():
                return self._finished(event, now)
            case NodeBlocked():
                return [self._blocked(event)]
            case NodeFailed():
                self._failure = event
                return []
            case JobFinished():
                return [*self._waiting(), self._end(event)]
        return []

    def flush(self, now: float) -> list[Message]:
        """What had to wait, if it may pass now."""
        return self._waiting() if self.has_waiting and self._allowance.take(now) else []

    def _started(self, event: NodeStarted, now: float) -> list[Message]:
        self.running_node = event.node_id
        self._set(event, 0.0, 1.0, is_running=True)
        return [*self.flush(now), executing(event.node_id, event.job_id, event.display_id)]

    def _progressed(self, event: NodeProgress, now: float) -> list[Message]:
        self._set(event, event.value, event.total, is_running=True)
        self._progress[event.node_id] = event
        return self.flush(now)

    def _finished(self, event: NodeFinished, now: float) -> list[Message]:
        messages = []
        if last := self._progress.pop(event.node_id, None):
            messages.extend(self._progress_messages(last))
        if not event.cached:
            self._executed.append(event.node_id)
        if event.ui is not None or event.cached:
            messages.append(self._executed_message(event))
        before = self._states.get(event.node_id)
        total = before.total if before else 1.0
        self._set(event, total, total, is_running=False)
        if self.running_node == event.node_id:
            self.running_node = None
        return [*messages, *self.flush(now)]

    def _executed_message(self, event: NodeFinished) -> Message:
        output = None if event.ui is None else dict(event.ui)
        data = {"node": event.node_id, "display_node": event.display_id or event.node_id, "output": output}
        return Message("executed", {**data, "prompt_id": event.job_id})

    def _set(self, event: NodeEvent, value: float, total: float, *, is_running: bool) -> None:
        self._states[event.node_id] = _NodeState(value, total, is_running, event)
        self._changed.add(event.node_id)

    def _blocked(self, event: NodeBlocked) -> Message:
        """A node that was held back on purpose: told as an error of its own, though the job goes on."""
        data = {"prompt_id": event.job_id, "node_id": event.node_id, "node_type": event.node_type}
        why = {
            "exception_type": "ExecutionBlocked",
            "exception_message": f"Execution Blocked: {event.message}",
        }
        empty: dict[str, Any] = {"traceback": [], "current_inputs": [], "current_outputs": []}
        return Message("execution_error", {**data, "executed": list(self._executed), **why, **empty})

    def _waiting(self) -> list[Message]:
        messages = []
        if self._changed:
            messages.append(self._state_message())
        for event in self._progress.values():
            messages.extend(self._progress_messages(event))
        self._progress.clear()
        return messages

    def _state_message(self) -> Message:
        told = (
            self._states.items()
            if len(self._states) <= WHOLE_STATE_NODES
            else [(node_id, self._states[node_id]) for node_id in sorted(self._changed)]
        )
        self._changed.clear()
        nodes = {node_id: self._state(state) for node_id, state in told}
        return Message("progress_state", {"prompt_id": self.job.job_id, "nodes": nodes})

    def _state(self, state: _NodeState) -> dict[str, Any]:
        about = {
            "value": state.value,
            "max": state.total,
            "state": "running" if state.is_running else "finished",
        }
        return about | _identity(state.event)

    def _progress_messages(self, event: NodeProgress) -> list[Message]:
        data = {"value": event.value, "max": event.total, "prompt_id": event.job_id, "node": event.node_id}
        messages = [Message("progress", data)]
        if event.text:
            messages.append(progress_text(event.node_id, event.text))
        return messages

    def _moment(self, kind: str, seconds: float, **data: Any) -> Message:
        return Message(kind, {**data, "prompt_id": self.job.job_id, "timestamp": int(seconds * 1000)})

    def _end(self, event: JobFinished) -> Message:
        if event.status == "succeeded":
            return self._moment("execution_success", event.time)
        where = {
            "node_id": self._failure.node_id if self._failure else self.running_node or "",
            "node_type": self._failure.node_type if self._failure else self._type_of(self.running_node),
            "executed": list(self._executed),
        }
        if event.status == "cancelled":
            return self._moment("execution_interrupted", event.time, **where)
        return self._moment("execution_error", event.time, **where, **self._why())

    def _type_of(self, node_id: str | None) -> str:
        instance = self.job.graph.get(node_id or "")
        return str(instance.get("class_type", "")) if isinstance(instance, Mapping) else ""

    def _why(self) -> dict[str, Any]:
        failure = self._failure
        if failure is None:
            return {
                "exception_message": "The job failed outside of its nodes",
                "exception_type": "RuntimeError",
                "traceback": [],
                "current_inputs": {},
                "current_outputs": list(self.job.graph),
            }
        inputs = {
            name: value if isinstance(value, list) else [value] for name, value in failure.inputs.items()
        }
        return {
            "exception_message": failure.message,
            "exception_type": failure.exception_type,
            "traceback": list(failure.traceback),
            "current_inputs": inputs,
            "current_outputs": list(self.job.graph),
        }

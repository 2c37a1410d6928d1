"""What is remembered of a job that has ended, and how does the ecosystem's API tell it?"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from executor.queue.jobs import JobState, QueuedJob


@dataclass(frozen=True)
class Failure:
    """Why a job failed or where it was stopped; `node_id` is empty when no node was running."""

    node_id: str
    node_type: str
    exception_type: str = ""
    message: str = ""
    traceback: tuple[str, ...] = ()
    inputs: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Outcome:
    """How a run ended: its state, what it put out, what ran and what came from the cache.

    families: of instances that nodes added while the job ran and that put something out, the one the page
        highlights, the one that added it and the submitted one it comes from.
    """

    state: JobState
    started: float
    finished: float
    outputs: Mapping[str, Any]
    executed: tuple[str, ...] = ()
    cached: tuple[str, ...] = ()
    failure: Failure | None = None
    families: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The outcome as plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The outcome that `to_json` wrote."""
        failure = data["failure"]
        if failure is not None:
            failure = Failure(**failure | {"traceback": tuple(failure["traceback"])})
        lists = {name: tuple(data[name]) for name in ("executed", "cached")}
        return cls(**{**data, "state": JobState(data["state"]), "failure": failure, **lists})


@dataclass(frozen=True)
class HistoryEntry:
    """A finished job with its outcome; `sequence` counts completions."""

    sequence: int
    job: QueuedJob
    outcome: Outcome

    @property
    def job_id(self) -> str:
        """The id of the job."""
        return self.job.job_id

    def wire(self) -> dict[str, Any]:
        """The history entry of the ecosystem's API: prompt, outputs, status, meta."""
        return {"prompt": self.job.item5(), **self.results()}

    def results(self) -> dict[str, Any]:
        """The history entry without its prompt."""
        succeeded = self.outcome.state is JobState.SUCCEEDED
        return {
            "outputs": dict(self.outcome.outputs),
            "status": {
                "status_str": "success" if succeeded else "error",
                "completed": succeeded,
                "messages": self.messages(),
            },
            "meta": {
                node_id: node_meta(node_id, self.outcome.families.get(node_id))
                for node_id in self.outcome.outputs
            },
        }

    def messages(self) -> list[list[Any]]:
        """The status messages in the order a socket saw them."""
        outcome = self.outcome
        start, end = int(outcome.started * 1000), int(outcome.finished * 1000)
        job = {"prompt_id": self.job_id}
        messages: list[list[Any]] = [
            ["execution_start", job | {"timestamp": start}],
            ["execution_cached", {"nodes": list(outcome.cached)} | job | {"timestamp": start}],
        ]
        if outcome.state is JobState.SUCCEEDED:
            messages.append(["execution_success", job | {"timestamp": end}])
        elif outcome.state is JobState.CANCELLED:
            messages.append(["execution_interrupted", job | self._where() | {"timestamp": end}])
        else:
            messages.append(["execution_error", job | self._where() | self._why() | {"timestamp": end}])
        return messages

    def _where(self) -> dict[str, Any]:
        failure = self.outcome.failure
        return {
            "node_id": failure.node_id if failure else "",
            "node_type": failure.node_type if failure else "",
            "executed": list(self.outcome.executed),
        }

    def _why(self) -> dict[str, Any]:
        failure = self.outcome.failure or Failure("", "")
        return {
            "exception_message": failure.message,
            "exception_type": failure.exception_type,
            "traceback": list(failure.traceback),
            "current_inputs": dict(failure.inputs or {}),
            "current_outputs": list(self.job.graph),
        }


def node_meta(node_id: str, family: Sequence[str] | None) -> dict[str, Any]:
    """Which node of the page a result belongs to: for a node that stands in the prompt, itself."""
    display, parent, real = family or (node_id, None, node_id)
    return {"node_id": node_id, "display_node": display, "parent_node": parent, "real_node_id": real}

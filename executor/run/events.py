"""What a run reports while it goes: frozen values that cross processes as they are.

Instances that a node adds while it runs have three more ids: `display_id`, the one to highlight on the page;
`parent_id`, the one that added it; `real_id`, the one of the submitted graph that it comes from. For all
others the three are empty.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Status: TypeAlias = Literal["succeeded", "failed", "cancelled"]


@dataclass(frozen=True)
class JobStarted:
    """A job began; `time` is in seconds since the epoch."""

    job_id: str
    time: float


@dataclass(frozen=True)
class NodesCached:
    """Which instances have a result from an earlier run, said once before any of them runs."""

    job_id: str
    nodes: tuple[str, ...]


@dataclass(frozen=True)
class NodeStarted:
    """An instance began to run, or goes on after it asked for more of its lazy inputs."""

    job_id: str
    node_id: str
    display_id: str = ""
    parent_id: str = ""
    real_id: str = ""


@dataclass(frozen=True)
class NodeProgress:
    """How far a running instance is."""

    job_id: str
    node_id: str
    value: float
    total: float
    text: str = ""
    display_id: str = ""
    parent_id: str = ""
    real_id: str = ""


@dataclass(frozen=True)
class NodePreview:
    """An encoded picture of what a running instance has so far."""

    job_id: str
    node_id: str
    format: Literal["jpeg", "png"]
    data: bytes
    width: int
    height: int
    display_id: str = ""
    parent_id: str = ""
    real_id: str = ""


@dataclass(frozen=True)
class NodeFinished:
    """An instance has its result; `cached` if it did not have to run for it."""

    job_id: str
    node_id: str
    ui: Mapping[str, Any] | None = None
    cached: bool = False
    seconds: float = 0.0
    display_id: str = ""
    parent_id: str = ""
    real_id: str = ""


@dataclass(frozen=True)
class NodeBlocked:
    """An instance was not called because an input says so, for the reason in `message`; the job goes on."""

    job_id: str
    node_id: str
    node_type: str
    message: str
    display_id: str = ""
    parent_id: str = ""
    real_id: str = ""


@dataclass(frozen=True)
class NodeFailed:
    """An instance raised; `inputs` are short descriptions of what it was given.

    If it was added while the job ran, `node_id` is the instance of the graph that brought it in, and
    `inner_id` is its own id.
    """

    job_id: str
    node_id: str
    node_type: str
    exception_type: str
    message: str
    traceback: tuple[str, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)
    inner_id: str = ""
    inner_type: str = ""


@dataclass(frozen=True)
class JobFinished:
    """A job ended; `outputs` holds what output nodes show, of those that got so far.

    `why` has the reasons why instances ran or need not (`executor/run/why.py`, which also puts them into
    words), but for those that ran and never had before, and those that had results when the job began.
    """

    job_id: str
    status: Status
    outputs: Mapping[str, Mapping[str, Any]]
    executed: tuple[str, ...]
    cached: tuple[str, ...]
    seconds: float
    time: float
    why: Mapping[str, Sequence[str]] = field(default_factory=dict)


Event: TypeAlias = (
    JobStarted
    | NodesCached
    | NodeStarted
    | NodeProgress
    | NodePreview
    | NodeFinished
    | NodeBlocked
    | NodeFailed
    | JobFinished
)
Emit: TypeAlias = Callable[[Event], None]

"""What do server and worker say to each other, and how does it travel?

A frame is two big-endian 32-bit lengths, a JSON head and a binary attachment (the bytes of a preview).
Nothing in it is a pointer, a path of one process or code: a frame may cross a network.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, BinaryIO, get_args, get_origin, get_type_hints

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

VERSION = 5
LENGTHS = struct.Struct(">II")
# A prompt or a catalogue of more than this is a mistake, or somebody who is not a worker.
LARGEST_FRAME_BYTES = 256 * 2**20


class ProtocolError(Exception):
    """What came is not a frame of this protocol."""


@dataclass(frozen=True)
class Lease:
    """To the worker, first: be heard from at least so often."""

    beat_seconds: float


@dataclass(frozen=True)
class Read:
    """To the worker: read the graph (API JSON) of a job that it may be told to run."""

    token: str
    prompt: bytes


@dataclass(frozen=True)
class Run:
    """To the worker: run the job that was read last, and show the token with all that is said of it."""

    job_id: str
    token: str
    targets: tuple[str, ...]
    extra_pnginfo: Mapping[str, Any] | None = None
    preview_method: str = "auto"
    client_id: str | None = None


@dataclass(frozen=True)
class Cancel:
    """To the worker: stop this job at its next step, if it runs, and say `Moved` while it goes on."""

    job_id: str
    token: str


@dataclass(frozen=True)
class Free:
    """To the worker: once idle, drop networks from memory, and with `free_memory` cached results too."""

    unload_models: bool
    free_memory: bool


@dataclass(frozen=True)
class Reload:
    """To the worker: once idle, look for packs again, send a new catalogue if it is one, and `Reloaded`."""


@dataclass(frozen=True)
class Validate:
    """To the worker: judge this graph with the code of the nodes, also while a job computes."""

    question: int
    prompt: Mapping[str, Any]
    targets: tuple[str, ...]


@dataclass(frozen=True)
class Edit:
    """To the worker: have packs change what was submitted, before it is judged, also while a job computes."""

    question: int
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Plan:
    """To the worker: say how much memory this graph takes, also while a job computes."""

    question: int
    prompt: Mapping[str, Any]
    targets: tuple[str, ...]


@dataclass(frozen=True)
class Stop:
    """To the worker: end now."""


@dataclass(frozen=True)
class Hello:
    """From the worker, first: which protocol it speaks and which device it computes on."""

    version: int
    device: Mapping[str, Any]


@dataclass(frozen=True)
class Beat:
    """From the worker: it is alive."""


@dataclass(frozen=True)
class Moved:
    """From the worker: the job that it was asked to stop still goes on."""


@dataclass(frozen=True)
class Device:
    """From the worker, after each job: the device's figures, as in `Hello`, and the models it holds.

    One that is worn holds memory that nothing accounts for, and wants to be replaced before the next job.
    """

    device: Mapping[str, Any]
    resident: tuple[str, ...] = ()
    is_worn: bool = False


@dataclass(frozen=True)
class Catalogue:
    """From the worker, after `Hello` and `Reload`: every node it can run, and how its packs loaded.

    `brought` is what packs bring beside nodes: see `executor/worker/doors.py`.
    """

    specs: tuple[Mapping[str, Any], ...]
    packs: tuple[Mapping[str, Any], ...] = ()
    brought: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reloaded:
    """From the worker: it has looked for packs; if anything was new, a `Catalogue` came before."""


@dataclass(frozen=True)
class Verdict:
    """From the worker: the problems of the graph of a `Validate`."""

    question: int
    problems: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Edited:
    """From the worker: what packs made of the body of an `Edit`; None if it stays as it was."""

    question: int
    body: Mapping[str, Any] | None


@dataclass(frozen=True)
class Planned:
    """From the worker: the memory that the graph of a `Plan` takes, or why that cannot be said."""

    question: int
    plan: Mapping[str, Any]
    problem: str = ""


@dataclass(frozen=True)
class PackMessage:
    """From the worker: a pack has something to say to one page, or to all if `client_id` is None."""

    event: str
    data: Any
    client_id: str | None = None


@dataclass(frozen=True)
class PackFrame:
    """From the worker: a pack has a binary message for one page, or for all if `client_id` is None."""

    event: int
    data: bytes
    client_id: str | None = None


@dataclass(frozen=True)
class LogRecord:
    """From the worker: one line of its log."""

    level: int
    logger: str
    message: str
    time: float
    job_id: str = ""
    node_id: str = ""


MESSAGES: Mapping[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        Lease,
        Read,
        Run,
        Cancel,
        Free,
        Reload,
        Validate,
        Edit,
        Plan,
        Stop,
        Hello,
        Beat,
        Moved,
        Device,
        Catalogue,
        Reloaded,
        Verdict,
        Edited,
        Planned,
        PackMessage,
        PackFrame,
        LogRecord,
        JobStarted,
        NodesCached,
        NodeStarted,
        NodeProgress,
        NodePreview,
        NodeFinished,
        NodeBlocked,
        NodeFailed,
        JobFinished,
    )
}
EVENTS: Mapping[str, type[Any]] = {kind.__name__: kind for kind in get_args(Event)}
_FIELDS = {kind: tuple(entry.name for entry in fields(kind)) for kind in MESSAGES.values()}
_TUPLES = {
    kind: frozenset(name for name, hint in get_type_hints(kind).items() if get_origin(hint) is tuple)
    for kind in MESSAGES.values()
}


def encode(message: Any, lease: str = "") -> bytes:
    """The frame of a message; its one `bytes` field, if it has one, becomes the attachment.

    `lease` is the token of the job that a message from a worker is about.
    """
    head: dict[str, Any] = {"kind": type(message).__name__}
    if lease:
        head["lease"] = lease
    attachment = b""
    for name in _FIELDS[type(message)]:
        value = getattr(message, name)
        if type(value) is bytes:
            head["attachment"], attachment = name, value
        else:
            head[name] = value
    text = _dump(head).encode()
    return LENGTHS.pack(len(text), len(attachment)) + text + attachment


def lengths(header: bytes) -> tuple[int, int]:
    """The lengths of head and attachment that a frame's first eight bytes announce."""
    head, attachment = LENGTHS.unpack(header)
    if head + attachment > LARGEST_FRAME_BYTES:
        raise ProtocolError(f"a frame of {head + attachment} bytes was announced")
    return head, attachment


def decode(head: bytes, attachment: bytes = b"") -> tuple[Any, str]:
    """The message of a frame, and the token that it shows."""
    try:
        values = json.loads(head)
        lease = values.pop("lease", "")
        kind = MESSAGES[values.pop("kind")]
        if "attachment" in values:
            values[values.pop("attachment")] = attachment
        for name in _TUPLES[kind]:
            values[name] = tuple(values[name])
        return kind(**values), lease
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise ProtocolError(f"not a message: {head[:200]!r}") from problem


def event_from(kind: str, job_id: str, data: Mapping[str, Any]) -> Event | None:
    """The event of a run that was stored in parts; None if it is none, or of another version."""
    event = EVENTS.get(kind)
    if event is None:
        return None
    try:
        values = {name: tuple(value) if name in _TUPLES[event] else value for name, value in data.items()}
        made: Event = event(job_id=job_id, **values)
    except TypeError:
        return None
    return made


def read(stream: BinaryIO) -> Any | None:
    """The next message of a blocking stream, or None where it ends."""
    header = stream.read(LENGTHS.size)
    if len(header) < LENGTHS.size:
        return None
    head, attachment = lengths(header)
    body = stream.read(head + attachment)
    return decode(body[:head], body[head:])[0] if len(body) == head + attachment else None


def _dump(head: Mapping[str, Any]) -> str:
    try:
        return json.dumps(head)
    except (TypeError, ValueError):
        return json.dumps(_plain(head, 0))


def _plain(value: Any, depth: int) -> Any:
    """A value as JSON can say it: what a node shows may hold arrays, numbers of other kinds, paths, sets."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if depth > 50:
        return repr(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, depth + 1) for item in value]
    if callable(as_list := getattr(value, "tolist", None)):
        return _plain(as_list(), depth + 1)
    return str(value)

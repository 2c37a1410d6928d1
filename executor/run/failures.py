"""Describes what went wrong in a node so that it can be read on another machine."""

import traceback
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from executor.graph.workflow import Instance
from executor.run.cache import Many
from executor.run.events import NodeFailed

HERE = str(Path(__file__).parent)
LONGEST_TEXT = 200


class Failure(Exception):  # noqa: N818 - carries an event up to the job
    """A node failed; `event` says how."""

    def __init__(self, event: NodeFailed) -> None:
        super().__init__(event.message)
        self.event = event


def describe_failure(
    job_id: str, origin: Instance, instance: Instance, error: BaseException, inputs: Mapping[str, Any]
) -> NodeFailed:
    """The event for an exception that a node raised; keeps texts only, no frames and no tensors.

    `origin` is the submitted instance that the one that failed comes from, often itself.
    """
    return NodeFailed(
        job_id=job_id,
        node_id=origin.id,
        node_type=origin.type,
        exception_type=type_name(error),
        message=str(error) or type_name(error),
        traceback=tuple(traceback.format_tb(_node_frames(error.__traceback__))),
        inputs={name: describe(value) for name, value in inputs.items()},
        inner_id="" if origin is instance else instance.id,
        inner_type="" if origin is instance else instance.type,
    )


def type_name(error: BaseException) -> str:
    """The name of an exception's type, with its module unless it is built in."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def describe(value: Any) -> Any:
    """A short stand-in for an input: numbers and short texts as they are, arrays by shape."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return value if len(value) <= LONGEST_TEXT else f"{value[:LONGEST_TEXT]}..."
    shape = getattr(value, "shape", None)
    if shape is not None:
        return f"{type(value).__name__}({', '.join(map(str, shape))}) {getattr(value, 'dtype', '')}".strip()
    if isinstance(value, Many):
        return f"list of {len(value.values)}"
    if isinstance(value, list | tuple | dict):
        return f"{type(value).__name__} of {len(value)}"
    return type(value).__name__


def _node_frames(trace: TracebackType | None) -> TracebackType | None:
    """The traceback from the first frame that is the node's own."""
    start = trace
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(HERE):
        trace = trace.tb_next
    return trace or start

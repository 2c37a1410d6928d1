"""How does a run look on a terminal, and how does it read as JSON lines?"""

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TextIO, TypeAlias

from executor.graph.validate import Problem
from executor.graph.workflow import Graph
from executor.run.events import (
    Event,
    JobFinished,
    NodeFailed,
    NodeFinished,
    NodePreview,
    NodeProgress,
    NodeStarted,
)
from executor.run.why import Told

Locate: TypeAlias = Callable[[Mapping[str, str]], Path]


def write_line(text: str, stream: TextIO | None = None) -> None:
    """Write one line to standard output, or to another stream, at once."""
    stream = stream or sys.stdout
    stream.write(text + "\n")
    stream.flush()


class JsonLines:
    """One JSON object a line on standard output: `{"event": "node_started", ...}`, previews by size only.

    The last, `job_finished`, also lists the paths of all saved files.
    """

    def __init__(self, locate: Locate) -> None:
        self._locate = locate

    def tell(self, event: Event) -> None:
        """Write an event."""
        values = {field.name: getattr(event, field.name) for field in fields(event)}
        if isinstance(event, NodePreview):
            values["data"] = len(event.data)
        if isinstance(event, JobFinished):
            values["files"] = [str(self._locate(record)) for record in saved_records(event.outputs)]
        write_line(json.dumps({"event": _snake(type(event).__name__)} | values, default=str))

    def explain(self, told: Mapping[str, Told]) -> None:
        """Write what was done about each node: `{"event": "why", "nodes": {ID: {"did", "text"}}}`."""
        nodes = {node_id: {"did": one.deed, "text": one.text} for node_id, one in told.items()}
        write_line(json.dumps({"event": "why", "nodes": nodes}))

    def problems(self, problems: Iterable[Problem]) -> None:
        """Write what validation found."""
        for problem in problems:
            write_line(json.dumps({"event": "problem"} | problem_to_json(problem), default=str))


class Terminal:
    """A progress bar on a terminal (none elsewhere), a line for each result, and a sentence at the end."""

    def __init__(self, graph: Graph, locate: Locate, stream: TextIO | None = None) -> None:
        self._graph = graph
        self._locate = locate
        self._stream = stream or sys.stderr
        self._bar: Any = None
        self._node = ""

    def tell(self, event: Event) -> None:
        """Show an event."""
        if isinstance(event, NodeStarted):
            self.close()
            self._node = event.node_id
        elif isinstance(event, NodeProgress):
            self._progress(event)
        elif isinstance(event, NodeFinished):
            if event.node_id == self._node:
                self.close()
            self._result(event.node_id, event.ui or {})
        elif isinstance(event, NodeFailed):
            self.close()
            write_line(f"{self._label(event.node_id)} failed: {event.message.strip()}", self._stream)
        elif isinstance(event, JobFinished):
            self.close()
            counts = f"{len(event.executed)} nodes ran, {len(event.cached)} were cached"
            write_line(f"{event.status} in {event.seconds:.2f} s: {counts}", self._stream)

    def explain(self, told: Mapping[str, Told]) -> None:
        """Write a line for each node: what was done about it and why."""
        for node_id, one in told.items():
            write_line(f"{self._label(node_id)} {one}", self._stream)

    def problems(self, problems: Iterable[Problem]) -> None:
        """Write what validation found, one sentence a problem."""
        for problem in problems:
            write_line(self.sentence(problem), self._stream)

    def sentence(self, problem: Problem) -> str:
        """One problem, with the node it is about."""
        where = f"{self._label(problem.node_id)}: " if problem.node_id is not None else ""
        return f"{where}{problem.message}{f' ({problem.details})' if problem.details else ''}"

    def close(self) -> None:
        """Take the bar off the terminal."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _progress(self, event: NodeProgress) -> None:
        from tqdm import tqdm

        if self._bar is None:
            self._bar = tqdm(
                total=event.total,
                desc=self._label(event.node_id),
                file=self._stream,
                disable=not self._stream.isatty(),
                leave=False,
            )
        self._bar.total = event.total
        self._bar.update(event.value - self._bar.n)

    def _result(self, node_id: str, shown: Mapping[str, Any]) -> None:
        for record in saved_records({node_id: shown}):
            write_line(str(self._locate(record)))
        for text in shown.get("text", ()):
            write_line(f"{self._label(node_id)}: {text}")

    def _label(self, node_id: str | None) -> str:
        instance = self._graph.instances.get(node_id or "")
        return instance.label if instance is not None else f"node {node_id}"


def saved_records(outputs: Mapping[str, Mapping[str, Any]]) -> list[Mapping[str, str]]:
    """The files among what output nodes show."""
    return [
        record
        for shown in outputs.values()
        for items in shown.values()
        if isinstance(items, list | tuple)
        for record in items
        if isinstance(record, Mapping) and "filename" in record
    ]


def problem_to_json(problem: Problem) -> dict[str, Any]:
    """A problem as plain data."""
    return {field.name: getattr(problem, field.name) for field in fields(problem)}


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()

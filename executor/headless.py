"""What do the commands that need no server do with a session, and with which exit code do they end?"""

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Any

from executor.graph_file import GraphFileError, read_graph
from executor.overrides import OverrideError
from executor.run.events import JobFinished, NodeFailed, NodeStarted
from executor.run.why import explain_all
from executor.session import InvalidGraphError, Session
from executor.session_output import JsonLines, Terminal, write_line
from nodes.api.catalogue import object_info
from nodes.api.errors import WorkflowError

OpenSession = Callable[[], Session]


class ExitCode(IntEnum):
    """What a command tells its caller."""

    SUCCESS = 0
    FAILURE = 1
    USAGE = 2
    PROBLEMS = 3
    CANCELLED = 130


STATUS_CODES = {
    "succeeded": ExitCode.SUCCESS,
    "failed": ExitCode.FAILURE,
    "cancelled": ExitCode.CANCELLED,
}


def complain(problem: Exception | str, code: ExitCode) -> ExitCode:
    """Say on standard error what is wrong, and return the code."""
    write_line(str(problem), sys.stderr)
    return code


def run(
    path: Path, assignments: Sequence[str], as_json: bool, open_session: OpenSession, why: bool = False
) -> ExitCode:
    """Run the workflow in a file, and with `why` say what was done about each node."""

    def play(session: Session, workflow: Mapping[str, Any]) -> ExitCode:
        validation = session.check(workflow, overrides=assignments)
        report = JsonLines(session.locate) if as_json else Terminal(validation.graph, session.locate)
        if validation.problems:
            report.problems(validation.problems)
            return ExitCode.PROBLEMS
        before = signal.signal(signal.SIGINT, lambda *_: _interrupt(session))
        end, last_node = None, ""
        try:
            for event in session.events(workflow, overrides=assignments):
                report.tell(event)
                if isinstance(event, NodeStarted | NodeFailed):
                    last_node = event.node_id
                elif isinstance(event, JobFinished):
                    end = event
        finally:
            signal.signal(signal.SIGINT, before)
        assert end is not None
        if why:
            report.explain(explain_all(validation.graph, validation.outputs, end, last_node))
        return STATUS_CODES[end.status]

    return _with_workflow(path, open_session, play)


def check(path: Path, assignments: Sequence[str], as_json: bool, open_session: OpenSession) -> ExitCode:
    """List all problems of the workflow in a file; nothing is run."""

    def judge(session: Session, workflow: Mapping[str, Any]) -> ExitCode:
        validation = session.check(workflow, overrides=assignments)
        report = (
            JsonLines(session.locate) if as_json else Terminal(validation.graph, session.locate, sys.stdout)
        )
        report.problems(validation.problems)
        if validation.problems:
            return ExitCode.PROBLEMS
        if not as_json:
            write_line(f"{path}: no problems in {len(validation.graph.instances)} nodes")
        return ExitCode.SUCCESS

    return _with_workflow(path, open_session, judge)


def plan(path: Path, assignments: Sequence[str], as_json: bool, open_session: OpenSession) -> ExitCode:
    """Say how much memory the workflow in a file takes, and what sits where; no network is loaded."""

    def foresee(session: Session, workflow: Mapping[str, Any]) -> ExitCode:
        try:
            forecast = session.plan(workflow, overrides=assignments)
        except InvalidGraphError as problem:
            return complain(problem, ExitCode.PROBLEMS)
        for line in [json.dumps(forecast.to_json())] if as_json else forecast.lines():
            write_line(line)
        return ExitCode.SUCCESS if forecast.fits else ExitCode.FAILURE

    return _with_workflow(path, open_session, foresee)


def nodes(as_json: bool, open_session: OpenSession) -> ExitCode:
    """List the nodes by menu."""
    with open_session() as session:
        for spec in sorted(session.specs.values(), key=lambda spec: (spec.category, spec.id)):
            if as_json:
                write_line(json.dumps(object_info(spec, session.folders.names)))
            else:
                write_line(f"{spec.category:<20} {spec.id:<28} {spec.description}")
    return ExitCode.SUCCESS


def info(version: str, as_json: bool, open_session: OpenSession) -> ExitCode:
    """Tell versions, device, ways to compute attention, and folders."""
    with open_session() as session:
        from models.attention_backends.choice import current

        folders = session.folders
        models = {key: len(names) for key in folders if (names := folders.names(key))}
        facts: dict[str, Any] = {
            "version": version,
            "python": sys.version.split()[0],
            "nodes": len(session.specs),
            "base_directory": str(folders.base),
            "models": models,
            "device": dict(session.device_info),
            "attention": current().report(),
        }
    if as_json:
        write_line(json.dumps(facts))
        return ExitCode.SUCCESS
    for name, value in facts.items():
        if name != "attention":
            write_line(f"{name}: {value}")
    write_line("attention:")
    for row in facts["attention"]:
        write_line(f"  {row['name']}: {row['use'] or 'not here, for ' + row['missing']}")
    return ExitCode.SUCCESS


def _with_workflow(
    path: Path, open_session: OpenSession, use: Callable[[Session, Mapping[str, Any]], ExitCode]
) -> ExitCode:
    try:
        workflow = read_graph(path)
    except GraphFileError as problem:
        return complain(problem, ExitCode.USAGE)
    with open_session() as session:
        try:
            return use(session, workflow)
        except OverrideError as problem:
            return complain(problem, ExitCode.USAGE)
        except WorkflowError as problem:
            code = ExitCode.USAGE if problem.node_id is None else ExitCode.PROBLEMS
            return complain(f"{path}: {problem}", code)


def _interrupt(session: Session) -> None:
    """Cancel softly at the first Ctrl-C; a second one ends the process at once."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(ExitCode.CANCELLED))
    session.cancel()

"""What happens in a worker process? It says what it can do, then runs one job after another."""

import ctypes
import faulthandler
import json
import logging
import signal
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from queue import SimpleQueue
from typing import Any, Self

from executor.graph.parse import parse
from executor.graph.workflow import Graph
from executor.queue.jobs import now
from executor.run.engine import RunRequest
from executor.run.events import Emit, JobFinished, JobStarted, NodeFailed
from executor.worker import motion, protocol
from executor.worker.connection import Connection
from executor.worker.heap import settle
from executor.worker.upkeep import Upkeep
from executor.worker.workbench import Workbench
from nodes.api.errors import WorkflowError

logger = logging.getLogger(__name__)

DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)


def prepare_process() -> None:
    """Have crashes leave a trace on stderr, and have this process end when its server is killed."""
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)


def serve(connection: Connection, workbench: Workbench) -> None:
    """Introduce the workbench to the server, then run jobs until the server says stop or is gone."""
    orders: SimpleQueue[protocol.Read | protocol.Run | protocol.Free | protocol.Reload] = SimpleQueue()
    draft: Draft | None = None
    reload_waits = threading.Event()

    def receive(message: Any) -> None:
        if isinstance(message, protocol.Lease):
            connection.beat(message.beat_seconds)
        elif isinstance(message, protocol.Cancel):
            _cancel(message, connection, workbench)
        elif isinstance(message, protocol.Validate | protocol.Edit | protocol.Plan):
            threading.Thread(target=_answer, args=(message, connection, workbench), daemon=True).start()
        elif not isinstance(message, protocol.Reload):
            if isinstance(message, protocol.Run):
                workbench.expect(message.job_id)
            orders.put(message)
        elif not reload_waits.is_set():  # one look answers all who ask while a job runs
            reload_waits.set()
            orders.put(message)

    connection.listen(receive)
    connection.send(protocol.Hello(protocol.VERSION, workbench.device()))
    connection.send(_catalogue(workbench))
    settle()
    upkeep = Upkeep(workbench)
    while True:
        order = upkeep.wait(orders)
        if isinstance(order, protocol.Read):
            draft = Draft.read(order, workbench)
        elif isinstance(order, protocol.Reload):
            reload_waits.clear()
            _look(connection, workbench)
        else:
            if isinstance(order, protocol.Run):
                _run(order, draft, connection, workbench)
            else:
                workbench.free(order.unload_models, order.free_memory)
            connection.send(protocol.Device(workbench.device(), workbench.resident(), upkeep.is_worn()))


def _cancel(order: protocol.Cancel, connection: Connection, workbench: Workbench) -> None:
    """Stop a job at its next step, and until then say that it goes on, if it does."""
    workbench.cancel(order.job_id)
    motion.watch(
        lambda: workbench.is_expected(order.job_id),
        lambda: connection.send(protocol.Moved(), order.token),
    )


def _look(connection: Connection, workbench: Workbench) -> None:
    """Look for packs again."""
    if workbench.reload():
        connection.send(_catalogue(workbench))
    connection.send(protocol.Reloaded())


def _catalogue(workbench: Workbench) -> protocol.Catalogue:
    specs = tuple(spec.to_json() for spec in workbench.specs.values())
    return protocol.Catalogue(specs, workbench.packs, workbench.brought)


def _answer(
    question: protocol.Validate | protocol.Edit | protocol.Plan, connection: Connection, workbench: Workbench
) -> None:
    if isinstance(question, protocol.Edit):
        _edit(question, connection, workbench)
    elif isinstance(question, protocol.Plan):
        _plan(question, connection, workbench)
    else:
        _judge(question, connection, workbench)


def _edit(question: protocol.Edit, connection: Connection, workbench: Workbench) -> None:
    """Answer with what packs make of a submission."""
    body: Mapping[str, Any] | None = None
    try:
        body = workbench.edit(question.body)
    except Exception:  # packs are anybody's code
        logger.exception("a submission could not be shown to packs")
    connection.send(protocol.Edited(question.question, body))


def _plan(question: protocol.Plan, connection: Connection, workbench: Workbench) -> None:
    """Answer with how much memory a graph takes."""
    plan: Mapping[str, Any] = {}
    problem = ""
    try:
        validation = workbench.validate(parse(question.prompt, workbench.specs), question.targets or None)
        if validation.problems:
            problem = validation.problems[0].message
        else:
            plan = workbench.forecast(validation.graph, validation.outputs).to_json()
    except Exception as error:  # a server that asks wants an answer, whatever the graph
        logger.exception("a graph could not be planned")
        problem = str(error) or type(error).__name__
    connection.send(protocol.Planned(question.question, plan, problem))


def _judge(question: protocol.Validate, connection: Connection, workbench: Workbench) -> None:
    """Answer a question; what cannot be judged is left to the run, which tells more."""
    problems: tuple[Mapping[str, Any], ...] = ()
    try:
        graph = parse(question.prompt, workbench.specs)
        problems = tuple(asdict(problem) for problem in workbench.validate(graph, question.targets).problems)
    except Exception:  # the validators of nodes are anybody's code
        logger.exception("a graph could not be judged")
    connection.send(protocol.Verdict(question.question, problems))


@dataclass(frozen=True)
class Draft:
    """The graph of a job that may run: as JSON and read, or why it cannot be."""

    token: str
    prompt: Mapping[str, Any]
    graph: Graph | WorkflowError

    @classmethod
    def read(cls, order: protocol.Read, workbench: Workbench) -> Self:
        """Read a graph while the server still writes its job to disk."""
        prompt = json.loads(order.prompt)
        try:
            return cls(order.token, prompt, parse(prompt, workbench.specs))
        except WorkflowError as problem:
            return cls(order.token, prompt, problem)


def _run(order: protocol.Run, draft: Draft | None, connection: Connection, workbench: Workbench) -> None:
    tell = partial(connection.send, lease=order.token)
    if draft is None or draft.token != order.token:
        raise protocol.ProtocolError(f"job {order.job_id} was to run, and another one was read")
    if isinstance(draft.graph, WorkflowError):
        _refuse(order, draft.graph, tell)
        return
    request = RunRequest(
        job_id=order.job_id,
        graph=draft.graph,
        targets=order.targets,
        extra_pnginfo=order.extra_pnginfo,
        prompt=draft.prompt,
        preview_method=order.preview_method,
        client_id=order.client_id,
    )
    workbench.note_models(draft.prompt)
    workbench.run(request, tell)


def _refuse(order: protocol.Run, problem: WorkflowError, tell: Emit) -> None:
    start = now()
    tell(JobStarted(order.job_id, start))
    tell(NodeFailed(order.job_id, problem.node_id or "", "", "WorkflowError", str(problem)))
    tell(JobFinished(order.job_id, "failed", {}, (), (), now() - start, now()))

"""What happens in a worker process? It says what it can do, then runs one job after another."""

import ctypes
import faulthandler
import logging
import signal
import sys
from queue import SimpleQueue
from typing import Any

from executor.graph.parse import parse
from executor.queue.jobs import now
from executor.run.engine import RunRequest
from executor.run.events import JobFinished, JobStarted, NodeFailed
from executor.worker import protocol
from executor.worker.connection import Connection
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
    orders: SimpleQueue[protocol.Run | protocol.Free] = SimpleQueue()

    def receive(message: Any) -> None:
        if isinstance(message, protocol.Cancel):
            workbench.cancel(message.job_id)
            return
        if isinstance(message, protocol.Run):
            workbench.expect(message.job_id)
        orders.put(message)

    connection.listen(receive)
    connection.send(protocol.Hello(protocol.VERSION, workbench.device()))
    connection.send(protocol.Catalogue(tuple(spec.to_json() for spec in workbench.specs.values())))
    while True:
        order = orders.get()
        if isinstance(order, protocol.Run):
            _run(order, connection, workbench)
        else:
            workbench.free(order.unload_models, order.free_memory)
        connection.send(protocol.Device(workbench.device()))


def _run(order: protocol.Run, connection: Connection, workbench: Workbench) -> None:
    try:
        graph = parse(order.prompt, workbench.specs)
    except WorkflowError as problem:
        _refuse(order, problem, connection)
        return
    request = RunRequest(
        job_id=order.job_id,
        graph=graph,
        targets=order.targets,
        extra_pnginfo=order.extra_pnginfo,
        prompt=order.prompt,
        preview_method=order.preview_method,
    )
    workbench.run(request, connection.send)


def _refuse(order: protocol.Run, problem: WorkflowError, connection: Connection) -> None:
    start = now()
    connection.send(JobStarted(order.job_id, start))
    connection.send(NodeFailed(order.job_id, problem.node_id or "", "", "WorkflowError", str(problem)))
    connection.send(JobFinished(order.job_id, "failed", {}, (), (), now() - start, now()))

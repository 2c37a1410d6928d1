"""Runs jobs, one at a time, on one compute thread."""

import asyncio
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

from executor.graph.fingerprint import Stat
from executor.graph.workflow import Graph
from executor.run.cache import ResultCache
from executor.run.contents import Wishes
from executor.run.context import MakeContext
from executor.run.drive import Deliver, Drive
from executor.run.events import Emit, Event, JobFinished
from executor.run.frames import Parts, Relieve, Shortage
from executor.run.instances import InstanceStore
from executor.run.overlap import AsyncThread, Surroundings
from executor.run.why import Past
from nodes.api.declare import Node


@dataclass(frozen=True)
class RunRequest:
    """One job: a graph, and the instances whose results are wanted."""

    job_id: str
    graph: Graph
    targets: tuple[str, ...]
    extra_pnginfo: Mapping[str, Any] | None = None
    prompt: Mapping[str, Any] | None = None
    preview_method: str = "auto"
    client_id: str | None = None


class Engine:
    """Computes what graphs ask for, and keeps results for the next job.

    Sync nodes run on one compute thread, in the order in which their results are needed; async nodes overlap
    on a second one. `surroundings()` is entered once on each of them (a place to switch gradients off).
    `stat(folder, name)` describes the files that file widgets name, so that a changed file is read again.
    `shortage(error)` says it in a sentence when what a node raised means that memory ran out; `relieve()`
    makes room then, before the node is tried once more.
    """

    def __init__(
        self,
        nodes: Mapping[str, Node],
        cache: ResultCache,
        make_context: MakeContext,
        *,
        stat: Stat | None = None,
        surroundings: Surroundings = nullcontext,
        shortage: Shortage | None = None,
        relieve: Relieve | None = None,
    ) -> None:
        self.cache = cache
        self._overlap = AsyncThread(surroundings)
        self._instances = InstanceStore()
        self._parts = Parts(
            nodes,
            cache,
            self._instances,
            Past(),
            make_context,
            stat or _no_stat,
            self._overlap,
            shortage or _no_shortage,
            relieve or _no_relief,
            Wishes(),
        )
        self._surroundings = surroundings
        self._compute = ThreadPoolExecutor(max_workers=1, thread_name_prefix="compute")
        self._drives: dict[str, Drive] = {}

    async def run(self, job: RunRequest, emit: Emit, deliver: Deliver | None = None) -> JobFinished:
        """Run a job to its end and say how it ended; node failures are events, not exceptions.

        `emit` and `deliver(node_id, outputs)`, which gets the outputs of each target, are called on the
        engine's threads, one call at a time. Cancelling the awaiting task cancels the job.
        """
        future = asyncio.wrap_future(self._submit(job, emit, deliver))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            self.cancel(job.job_id)
            raise

    def complete(self, job: RunRequest, emit: Emit, deliver: Deliver | None = None) -> JobFinished:
        """The same as `run`, for callers without an event loop."""
        return self._submit(job, emit, deliver).result()

    def cancel(self, job_id: str) -> bool:
        """Ask a waiting or running job to stop; False if there is none of that id. Safe on any thread."""
        drive = self._drives.get(job_id)
        if drive is None:
            return False
        drive.cancel()
        return True

    def use(self, nodes: Mapping[str, Node]) -> None:
        """Have the jobs that come run with these nodes; results stay, and objects of classes that stay."""
        self._parts = replace(self._parts, nodes=nodes)

    def forget(self) -> None:
        """Drop all results, and the objects that nodes keep between runs."""
        self.cache.clear()
        self._instances.clear()
        self._parts.wishes.clear()

    def close(self) -> None:
        """Cancel what runs and end the threads."""
        for drive in tuple(self._drives.values()):
            drive.cancel()
        self._compute.shutdown(wait=True)
        self._overlap.close()
        if self.cache.disk is not None:
            self.cache.disk.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _submit(self, job: RunRequest, emit: Emit, deliver: Deliver | None) -> "Future[JobFinished]":
        lock = threading.Lock()

        def emit_one(event: Event) -> None:
            with lock:
                emit(event)

        drive = Drive(self._parts, job, emit_one, deliver)
        self._drives[job.job_id] = drive
        return self._compute.submit(self._drive, drive)

    def _drive(self, drive: Drive) -> JobFinished:
        try:
            with self._surroundings():
                return drive.run()
        finally:
            if self._drives.get(drive.job.job_id) is drive:
                del self._drives[drive.job.job_id]


def _no_stat(folder: str, name: str) -> None:
    return None


def _no_shortage(error: BaseException) -> None:
    return None


def _no_relief() -> None:
    return None

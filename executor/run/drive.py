"""Runs one job on the compute thread: results are pulled from the targets, each computed once.

What is not yet computed is entered depth first, its strict inputs in declared order, on a stack of our own:
a chain of any length needs no recursion. A node whose inputs an async node still owes is set aside and comes
back to the stack when they are there. Nothing runs that no target needs.
"""

import asyncio
import json
import queue
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from executor.graph.fingerprint import Stat, fingerprints
from executor.graph.inputs import Slots, without_strangers
from executor.graph.workflow import Link
from executor.run.cache import Outcome, ResultCache
from executor.run.call import Binding, Plan, gather, read_result
from executor.run.context import MakeContext, RunContext, running
from executor.run.events import (
    Emit,
    JobFinished,
    JobStarted,
    NodeFailed,
    NodeFinished,
    NodesCached,
    NodeStarted,
    Status,
)
from executor.run.failures import Failure, describe_failure, type_name
from executor.run.overlap import AsyncCalls, AsyncThread, Task, Tasks
from nodes.api.declare import Node
from nodes.api.errors import Cancelled, NodeError, WorkflowError
from nodes.api.spec import InputSpec

if TYPE_CHECKING:
    from executor.run.engine import RunRequest

Deliver: TypeAlias = Callable[[str, tuple[Any, ...]], None]
ASYNC_GRACE_SECONDS = 2.0
NODE_ERRORS = (Exception, SystemExit, asyncio.CancelledError)
"""What a node may raise without harm to the engine."""


@dataclass(frozen=True)
class Parts:
    """What all jobs of an engine share."""

    nodes: Mapping[str, Node]
    cache: ResultCache
    make_context: MakeContext
    stat: Stat
    overlap: AsyncThread


class Frame:
    """An instance that was entered and has not run: what is left of its strict inputs."""

    __slots__ = ("missing", "node_id", "plan", "rest")

    def __init__(self, node_id: str, plan: Plan) -> None:
        self.node_id = node_id
        self.plan = plan
        self.rest: Iterator[tuple[str, InputSpec, Link]] = iter(plan.strict)
        self.missing = 0


class Drive:
    """One run of one job."""

    def __init__(self, parts: Parts, job: "RunRequest", emit: Emit, deliver: Deliver | None) -> None:
        self.parts = parts
        self.job = job
        self.graph = job.graph
        self.emit = emit
        self.deliver = deliver
        self.cancelled = False
        self.targets = frozenset(job.targets)
        self.fingerprints: dict[str, str] = {}
        self.known: frozenset[str] = frozenset()
        self.slots: dict[str, Slots] = {}
        self.uses: dict[str, int] = {}
        self.outcomes: dict[str, Outcome] = {}
        self.entered: set[str] = set()
        self.finished: set[str] = set()
        self.leaders: dict[str, str] = {}
        self.followers: dict[str, list[str]] = {}
        self.waiting: dict[str, list[Frame]] = {}
        self.demands: dict[str, list[asyncio.Future[Outcome]]] = {}
        self.stack: list[Frame] = []
        self.inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.tasks: Tasks = set()
        self.overlapping = 0
        self.shown: dict[str, Mapping[str, Any]] = {}
        self.executed: list[str] = []
        self.cached: list[str] = []

    def cancel(self) -> None:
        """Ask the job to stop at its next step; may be called from any thread."""
        self.cancelled = True
        self.inbox.put(lambda: None)

    def is_cancelled(self) -> bool:
        """Whether the job was asked to stop."""
        return self.cancelled

    def run(self) -> JobFinished:
        """Run the job to its end; what a node raises is reported, never raised here."""
        began = time.perf_counter()
        self.emit(JobStarted(self.job.job_id, time.time()))
        status: Status = "succeeded"
        try:
            self.prepare()
            self.pull()
        except Cancelled:
            status = "cancelled"
        except Failure as failure:
            status = "failed"
            self.emit(failure.event)
        except WorkflowError as error:
            status = "failed"
            self.emit(self.describe_workflow_error(error))
        finally:
            self.stop_overlapping()
            running.set(None)
        finished = JobFinished(
            self.job.job_id,
            status,
            self.shown,
            tuple(self.executed),
            tuple(self.cached),
            time.perf_counter() - began,
            time.time(),
        )
        self.emit(finished)
        return finished

    def prepare(self) -> None:
        """Fingerprint what the targets need, say what of it is known, count who will use each result."""
        self.check_cancelled()
        nodes = self.parts.nodes
        self.graph = without_strangers(
            self.job.graph, lambda kind: nodes[kind].spec if kind in nodes else None
        )
        instances = self.graph.instances
        for target in self.job.targets:
            if target not in instances:
                raise WorkflowError(f"There is no node {target} in the graph", node_id=target)
        self.fingerprints = fingerprints(self.graph, self.parts.nodes, self.parts.stat, self.job.targets)
        cache = self.parts.cache
        known = tuple(node_id for node_id, fingerprint in self.fingerprints.items() if fingerprint in cache)
        self.known = frozenset(known)
        self.cached.extend(known)
        self.emit(NodesCached(self.job.job_id, known))
        uses = self.uses = dict.fromkeys(self.fingerprints, 0)
        for node_id in self.fingerprints:
            for _, link in instances[node_id].links():
                if link.node in uses:
                    uses[link.node] += 1

    def pull(self) -> None:
        """Compute all targets."""
        roots = deque(self.job.targets)
        while True:
            while not self.inbox.empty():
                self.inbox.get()()
            if self.stack:
                self.advance(self.stack[-1])
            elif roots:
                self.enter(roots.popleft())
            elif self.overlapping:
                self.inbox.get()()
                self.check_cancelled()
            else:
                return

    def enter(self, node_id: str) -> None:
        """Take the result of an instance from the cache or from its twin, or put it on the stack."""
        if node_id in self.entered:
            return
        self.entered.add(node_id)
        fingerprint = self.fingerprints[node_id]
        outcome = self.parts.cache.get(fingerprint)
        if outcome is not None:
            self.finish(node_id, outcome, cached=True)
            return
        leader = self.leaders.setdefault(fingerprint, node_id)
        if leader != node_id and leader not in self.finished:
            self.followers.setdefault(leader, []).append(node_id)
            return
        instance = self.graph.instances[node_id]
        node = self.parts.nodes[instance.type]
        slots = self.slots.get(instance.type)
        if slots is None:
            slots = self.slots[instance.type] = Slots(node.spec)
        self.stack.append(Frame(node_id, Plan(instance, node, slots)))

    def advance(self, frame: Frame) -> None:
        """Enter the next strict input of an instance; run it when there is none left and all are there."""
        for _, _, link in frame.rest:
            if link.node not in self.entered:
                self.enter(link.node)
                if self.stack[-1] is not frame:
                    return
        self.stack.pop()
        missing = {link.node for _, _, link in frame.plan.strict if link.node not in self.finished}
        if missing:
            frame.missing = len(missing)
            for producer in missing:
                self.waiting.setdefault(producer, []).append(frame)
        else:
            self.execute(frame)

    def execute(self, frame: Frame) -> None:
        """Run an instance whose inputs are there."""
        self.check_cancelled()
        job, node = self.job, frame.plan.node
        running.set((job.job_id, frame.node_id))
        self.emit(NodeStarted(job.job_id, frame.node_id))
        began = time.perf_counter()
        binding: Binding | None = None
        try:
            binding = Binding(frame.plan, self.outcomes)
            context = None
            if node.wants_context:
                context = self.parts.make_context(job, frame.node_id, self.emit, self.is_cancelled)
            if node.is_async:
                self.start_overlapping(frame, binding, context, began)
                return
            results = [
                read_result(node, binding.call(binding.arguments(index), context))
                for index in self.steps(binding.count)
            ]
            outcome = make_outcome(node, results, bool(binding.mapped), context)
        except NODE_ERRORS as error:
            raise self.failure(frame, binding, error) from None
        self.keep(frame, outcome, began)

    def steps(self, count: int) -> Iterator[int]:
        """The numbers of the calls, with a look at the cancel flag between them."""
        for index in range(count):
            if index:
                self.check_cancelled()
            yield index

    def keep(self, frame: Frame, outcome: Outcome, began: float) -> None:
        """Store a new result and pass it on."""
        self.executed.append(frame.node_id)
        self.parts.cache.put(self.fingerprints[frame.node_id], outcome)
        self.finish(frame.node_id, outcome, cached=False, seconds=time.perf_counter() - began)

    def finish(self, node_id: str, outcome: Outcome, cached: bool, seconds: float = 0.0) -> None:
        """Report a result, wake who waits for it, let go of what it needed."""
        self.finished.add(node_id)
        is_target = node_id in self.targets
        if self.uses[node_id]:
            self.outcomes[node_id] = outcome
        if cached and node_id not in self.known:
            self.cached.append(node_id)
        if outcome.ui is not None and (is_target or not cached):
            self.shown[node_id] = outcome.ui
        if is_target or not cached or node_id not in self.known:
            self.emit(NodeFinished(self.job.job_id, node_id, outcome.ui, cached, seconds))
        if is_target and self.deliver is not None:
            self.deliver(node_id, outcome.slots)
        for frame in self.waiting.pop(node_id, ()):
            frame.missing -= 1
            if not frame.missing:
                self.stack.append(frame)
        for future in self.demands.pop(node_id, ()):
            answer(future, outcome)
        for follower in self.followers.pop(node_id, ()):
            self.finish(follower, outcome, cached=True)
        self.release(node_id)

    def release(self, node_id: str) -> None:
        """Let go of the results that this instance was the last to need."""
        for _, link in self.graph.instances[node_id].links():
            left = self.uses.get(link.node)
            if left is not None:
                self.uses[link.node] = left - 1
                if left == 1:
                    self.outcomes.pop(link.node, None)

    def start_overlapping(
        self, frame: Frame, binding: Binding, context: RunContext | None, began: float
    ) -> None:
        """Begin an async instance; its end arrives in the inbox."""
        calls = AsyncCalls(binding, context, self.demand, (self.job.job_id, frame.node_id))

        async def work() -> None:
            message: Callable[[], None]
            try:
                results = await calls.run()
                outcome = make_outcome(frame.plan.node, results, calls.is_mapped, context)
            except NODE_ERRORS as error:
                message = partial(self.fail_overlapping, self.failure(frame, binding, error))
            else:
                message = partial(self.keep, frame, outcome, began)
            self.inbox.put(message)

        def done(task: Task) -> None:
            self.inbox.put(self.end_overlapping)

        self.overlapping += 1
        self.parts.overlap.start(work(), self.tasks, done)

    def end_overlapping(self) -> None:
        """Count an async instance as ended, however it ended."""
        self.overlapping -= 1

    def fail_overlapping(self, failure: Failure | Cancelled) -> None:
        """Take over the failure of an async instance."""
        raise failure

    def stop_overlapping(self) -> None:
        """Cancel the async instances that still run, and wait a little for them."""
        deadline = time.monotonic() + ASYNC_GRACE_SECONDS
        if self.overlapping:
            self.parts.overlap.cancel(self.tasks)
        while self.overlapping and (left := deadline - time.monotonic()) > 0:
            with suppress(queue.Empty, Failure, Cancelled):
                self.inbox.get(timeout=left)()

    async def demand(self, node_id: str) -> Outcome:
        """The result of a lazily linked instance; called by async nodes on their thread."""
        outcome = self.outcomes.get(node_id)
        if outcome is not None:
            return outcome
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.inbox.put(lambda: self.meet_demand(node_id, future))
        return await future

    def meet_demand(self, node_id: str, future: "asyncio.Future[Outcome]") -> None:
        """Compute what an async node awaits."""
        outcome = self.outcomes.get(node_id)
        if outcome is not None:
            answer(future, outcome)
            return
        self.demands.setdefault(node_id, []).append(future)
        self.enter(node_id)

    def check_cancelled(self) -> None:
        """Raise Cancelled when the job was asked to stop."""
        if self.cancelled:
            raise Cancelled(f"job {self.job.job_id} was cancelled")

    def failure(self, frame: Frame, binding: Binding | None, error: BaseException) -> Failure | Cancelled:
        """The failure of one instance, with what it was given; what a cancelled job raises is no failure."""
        if self.cancelled or isinstance(error, Cancelled):
            return Cancelled(f"job {self.job.job_id} was cancelled")
        inputs = {} if binding is None else {**binding.fixed, **binding.mapped}
        return Failure(describe_failure(self.job.job_id, frame.plan.instance, error, inputs))

    def describe_workflow_error(self, error: WorkflowError) -> NodeFailed:
        """The event for a graph that cannot run at all."""
        node_id = error.node_id or ""
        instance = self.job.graph.instances.get(node_id)
        kind = instance.type if instance else ""
        return NodeFailed(self.job.job_id, node_id, kind, type_name(error), str(error))


def make_outcome(
    node: Node, results: list[tuple[Any, ...]], is_mapped: bool, context: RunContext | None
) -> Outcome:
    """The outcome of all calls of an instance."""
    ui = {key: tuple(items) for key, items in context.shown.items()} if context is not None else None
    if ui:
        try:
            json.dumps(ui)
        except (TypeError, ValueError) as error:
            raise NodeError(f"{node.spec.id} shows something that cannot be sent: {error}") from error
    return Outcome(gather(node, results, is_mapped), ui or None)


def answer(future: "asyncio.Future[Outcome]", outcome: Outcome) -> None:
    """Give an awaiting async node its value, on its own thread."""

    def resolve() -> None:
        if not future.done():
            future.set_result(outcome)

    future.get_loop().call_soon_threadsafe(resolve)

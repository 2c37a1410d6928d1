"""Runs one job on the compute thread: results are pulled from the targets, each computed once.

What is not yet computed is entered depth first, its strict inputs in declared order, on a stack of our own:
a chain of any length needs no recursion. A node whose inputs an async node still owes is set aside and comes
back to the stack when they are there. Nothing runs that no target needs.
"""

import queue
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from executor.graph.fingerprint import Fingerprints
from executor.graph.inputs import without_strangers
from executor.graph.workflow import Graph
from executor.run.answers import Answers
from executor.run.asides import Asides
from executor.run.cache import Outcome
from executor.run.call import Binding, Plan
from executor.run.contents import content_of
from executor.run.context import House, enter_context
from executor.run.events import (
    Emit,
    JobFinished,
    JobStarted,
    NodeBlocked,
    NodeFailed,
    NodeFinished,
    NodesCached,
    NodeStarted,
    Status,
)
from executor.run.expansion import check_stall, expand
from executor.run.failures import Failure, describe_failure, type_name
from executor.run.frames import NODE_ERRORS, Frame, Parts
from executor.run.growth import Growth
from executor.run.identity import Identities
from executor.run.second_try import call
from executor.run.staging import go_on, stage, wait_for
from executor.run.why import EMPTY, EQUAL, FIRST, HELD, MOST_REASONS, Reason
from nodes.api.context import call_index
from nodes.api.errors import Cancelled, WorkflowError

if TYPE_CHECKING:
    from executor.run.engine import RunRequest

Deliver: TypeAlias = Callable[[str, tuple[Any, ...]], None]


class Drive:
    """One run of one job."""

    def __init__(self, parts: Parts, job: "RunRequest", emit: Emit, deliver: Deliver | None) -> None:
        self.parts = parts
        self.job = job
        self.emit = emit
        self.deliver = deliver
        self.cancelled = False
        self.targets = set(job.targets)
        self.delivered = frozenset(job.targets) if deliver else frozenset()
        self.roots: deque[str] = deque(job.targets)
        self.known: frozenset[str] = frozenset()
        self.uses: dict[str, int] = {}
        self.outcomes: dict[str, Outcome] = {}
        self.entered: set[str] = set()
        self.finished: set[str] = set()
        self.leaders: dict[str, str] = {}
        self.followers: dict[str, list[str]] = {}
        self.waiting: dict[str, list[Frame]] = {}
        self.stack: list[Frame] = []
        self.inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.asides = Asides(self, go_on)
        self.shown: dict[str, Mapping[str, Any]] = {}
        self.executed: list[str] = []
        self.cached: list[str] = []
        self.why: dict[str, Reason] = {}
        self.has_news = False
        self.ran_short = False
        self.begin(Graph())

    def begin(self, graph: Graph) -> None:
        """Start with this graph."""
        self.growth = Growth(graph, self.job.prompt)
        self.graph = self.growth.graph
        self.house = House(self.growth, self.parts.instances)
        self.prints = Fingerprints(self.graph, self.parts.nodes, self.parts.stat, Identities().describe)
        self.fingerprints = self.prints.found

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
            self.asides.stop()
            enter_context(None)
            self.clean_up()
        finished = JobFinished(
            self.job.job_id,
            status,
            self.shown,
            tuple(self.executed),
            tuple(self.cached),
            time.perf_counter() - began,
            time.time(),
            self.why,
        )
        self.emit(finished)
        return finished

    def relieve(self) -> None:
        """Make room after memory ran short."""
        self.parts.cache.give_way()
        self.parts.relieve()

    def clean_up(self) -> None:
        """Let go of what belongs to this job, and take down what its results are made of."""
        self.outcomes.clear()
        self.stack.clear()
        self.waiting.clear()
        self.parts.cache.end()
        if not self.parts.cache.keeps_objects:
            self.parts.instances.clear()
        self.parts.past.remember(self.finished, self.prints.materials, self.fingerprints)
        if self.ran_short:
            self.relieve()

    def prepare(self) -> None:
        """Fingerprint what the targets need, say what of it is known, count who will use each result."""
        self.check_cancelled()
        nodes, cache = self.parts.nodes, self.parts.cache
        self.begin(
            without_strangers(self.job.graph, lambda kind: nodes[kind].spec if kind in nodes else None)
        )
        instances = self.graph.instances
        for target in self.job.targets:
            if target not in instances:
                raise WorkflowError(f"There is no node {target} in the graph", node_id=target)
        self.parts.instances.keep_only(instances)
        self.prints.reach(self.job.targets)
        cache.begin(self.fingerprints.values())
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
        while True:
            while not self.inbox.empty():
                self.inbox.get()()
            if self.stack:
                self.advance(self.stack[-1])
            elif self.roots:
                self.enter(self.roots.popleft())
            elif self.asides.running:
                if self.has_news:
                    check_stall(self)
                self.inbox.get()()
                self.check_cancelled()
            elif self.waiting or self.followers:
                check_stall(self)
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
            if node_id not in self.known and fingerprint in self.leaders:
                self.note(node_id, ("twin", self.leaders[fingerprint]))
            self.finish(node_id, outcome, cached=True)
            return
        leader = self.leaders.setdefault(fingerprint, node_id)
        if leader != node_id and leader not in self.finished:
            self.followers.setdefault(leader, []).append(node_id)
            return
        instance = self.graph.instances[node_id]
        plan = Plan(instance, self.parts.nodes[instance.type], self.prints.slots[instance.type])
        self.stack.append(Frame(node_id, plan))

    def advance(self, frame: Frame) -> None:
        """Enter the next thing an instance needs; go on with it when there is none left and all are there."""
        for link in frame.rest:
            if link.node not in self.entered:
                self.enter(link.node)
                if self.stack[-1] is not frame:
                    return
        self.stack.pop()
        missing = {link.node for link in frame.needs if link.node not in self.finished}
        if missing:
            frame.missing = len(missing)
            for producer in missing:
                self.waiting.setdefault(producer, []).append(frame)
        elif frame.answers is not None:
            self.resolve(frame, frame.answers)
        else:
            self.execute(frame)

    def execute(self, frame: Frame) -> None:
        """Run an instance whose inputs are there, unless a run with equal inputs is known."""
        self.check_cancelled()
        job, node_id = self.job, frame.node_id
        frame.content = content_of(self, frame)
        if frame.context is None:
            outcome = self.parts.cache.find(frame.content, self.fingerprints[node_id])
            if outcome is not None:
                self.note(node_id, EQUAL)
                self.finish(node_id, outcome, cached=True)
                return
            if wait_for(self, frame, self.parts.wishes.of(frame.content)):
                return
            frame.context = self.parts.make_context(job, node_id, self.emit, self.is_cancelled, self.house)
            frame.began = time.perf_counter()
            materials = self.prints.materials
            self.note(node_id, self.parts.past.reason(node_id, materials[node_id], self.fingerprints))
        self.emit(NodeStarted(job.job_id, node_id, *frame.context.ids))
        enter_context(frame.context)
        try:
            frame.binding = Binding(frame.plan, self.outcomes)
            if frame.plan.node.lazy_status is not None and stage(self, frame, frame.binding):
                return
        except NODE_ERRORS as error:
            raise self.failure(frame, error) from None
        self.launch(frame, frame.binding)

    def note(self, node_id: str, reason: Reason) -> None:
        """Say why an instance runs, or need not; that it never ran before need not be said."""
        if reason is not FIRST and (len(self.why) < MOST_REASONS or node_id in self.why):
            self.why[node_id] = reason

    def launch(self, frame: Frame, binding: Binding) -> None:
        """Make the calls of an instance."""
        if frame.plan.node.is_async:
            self.asides.start(frame)
            return
        enter_context(frame.context)
        answers = Answers(frame.plan.node, bool(binding.mapped))
        try:
            for index in range(binding.count):
                if index:
                    self.check_cancelled()
                call_index.set(index)
                arguments = binding.arguments(index)
                answers.take(binding.held(arguments) or call(self, frame, binding, arguments))
        except NODE_ERRORS as error:
            raise self.failure(frame, error) from None
        self.complete(frame, answers)

    def complete(self, frame: Frame, answers: Answers) -> None:
        """Take what the calls gave; graphs that they want run in their place are added to the job."""
        assert frame.context is not None
        if frame.context.saw_graph:  # equal inputs say nothing of the graph around them
            frame.content = self.fingerprints[frame.node_id]
        for message in answers.messages:
            instance = frame.plan.instance
            blocked = NodeBlocked(self.job.job_id, instance.id, instance.type, message, *frame.context.ids)
            self.emit(blocked)
        if not answers.graphs:
            self.keep(frame, answers)
            return
        frame.answers = answers
        try:
            expand(self, frame)
        except NODE_ERRORS as error:
            raise self.failure(frame, error) from None
        frame.binding = None

    def resolve(self, frame: Frame, answers: Answers) -> None:
        """Finish an instance in whose place others ran."""
        try:
            answers.resolve(self.outcomes)
        except NODE_ERRORS as error:
            raise self.failure(frame, error) from None
        self.keep(frame, answers)
        for link in frame.needs:
            self.let_go(link.node)

    def keep(self, frame: Frame, answers: Answers) -> None:
        """Store a new result and pass it on."""
        assert frame.context is not None
        try:
            outcome = answers.outcome(frame.context.shown, frame.content)
        except NODE_ERRORS as error:
            raise self.failure(frame, error) from None
        node_id, seconds = frame.node_id, frame.seconds()
        self.executed.append(node_id)
        if not answers.calls:
            self.note(node_id, HELD if answers.rows else EMPTY)
        if node_id in self.known:  # it was there when the job began, and is not any more
            self.known -= {node_id}
            self.cached.remove(node_id)
        lasts = not self.prints.materials[node_id].is_volatile
        self.parts.cache.put(self.fingerprints[node_id], outcome, frame.content, seconds if lasts else 0.0)
        self.finish(node_id, outcome, cached=False, seconds=seconds)

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
            ids = self.growth.ids(node_id)
            self.emit(NodeFinished(self.job.job_id, node_id, outcome.ui, cached, seconds, *ids))
        if self.deliver is not None and node_id in self.delivered:
            self.deliver(node_id, outcome.slots)
        for frame in self.waiting.pop(node_id, ()):
            frame.missing -= 1
            if not frame.missing:
                self.stack.append(frame)
        self.asides.tell(node_id, outcome)
        for follower in self.followers.pop(node_id, ()):
            self.note(follower, ("twin", node_id))
            self.finish(follower, outcome, cached=True)
        for _, link in self.graph.instances[node_id].links():
            self.let_go(link.node)

    def let_go(self, node_id: str) -> None:
        """Count one use of a result less; with the last one it is let go."""
        left = self.uses.get(node_id)
        if left is not None:
            self.uses[node_id] = left - 1
            if left == 1:
                self.outcomes.pop(node_id, None)

    def check_cancelled(self) -> None:
        """Raise Cancelled when the job was asked to stop."""
        if self.cancelled:
            raise Cancelled(f"job {self.job.job_id} was cancelled")

    def failure(self, frame: Frame, error: BaseException) -> Failure | Cancelled:
        """The failure of one instance, with what it was given; what a cancelled job raises is no failure."""
        if self.cancelled or isinstance(error, Cancelled):
            return Cancelled(f"job {self.job.job_id} was cancelled")
        if (lack := self.parts.shortage(error)) is not None:
            self.ran_short = True
            error = lack.with_traceback(error.__traceback__)
        inputs = {} if frame.binding is None else {**frame.binding.fixed, **frame.binding.mapped}
        frame.binding = None
        origin = self.graph.instances[self.growth.get_real_node_id(frame.node_id)]
        return Failure(describe_failure(self.job.job_id, origin, frame.plan.instance, error, inputs))

    def describe_workflow_error(self, error: WorkflowError) -> NodeFailed:
        """The event for a graph that cannot run at all."""
        node_id = error.node_id or ""
        instance = self.job.graph.instances.get(node_id)
        kind = instance.type if instance else ""
        return NodeFailed(self.job.job_id, node_id, kind, type_name(error), str(error))

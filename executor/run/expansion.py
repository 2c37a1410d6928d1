"""Takes graphs that nodes want to run in their place into the job that runs."""

from typing import TYPE_CHECKING

from executor.graph.inputs import without_strangers
from executor.graph.workflow import CycleError, Graph
from executor.run.frames import Frame
from executor.run.stall import find_cycle
from nodes.api.errors import NodeError, WorkflowError

if TYPE_CHECKING:
    from executor.run.drive import Drive


def expand(drive: "Drive", frame: Frame) -> None:
    """Add what an instance wants to run in its place, and have it go on when its results are there."""
    answers = frame.answers
    assert answers is not None
    growth, nodes = drive.growth, drive.parts.nodes
    added: list[str] = []
    for graph in answers.graphs:
        for node_id, entry in graph.items():
            if entry.get("class_type") not in nodes:
                raise NodeError(
                    f"{frame.plan.instance.label} adds node {node_id} of the type "
                    f"{entry.get('class_type')}, which does not exist"
                )
        added += growth.add(frame.node_id, graph)
    part = Graph({node_id: growth.instances[node_id] for node_id in added})
    growth.instances.update(without_strangers(part, lambda kind: nodes[kind].spec).instances)
    links = answers.links()
    for link in links:
        if link.node not in growth.instances:
            raise NodeError(
                f"{frame.plan.instance.label} takes a result from node {link.node}, which is not there"
            )
    outputs = [node_id for node_id in added if nodes[growth.instances[node_id].type].spec.output_node]
    activate(drive, drive.prints.reach([*(link.node for link in links), *outputs]))
    for link in links:
        drive.uses[link.node] += 1
        revive(drive, link.node)
    drive.targets.update(outputs)
    drive.roots.extend(outputs)
    drive.has_news = True
    frame.expect(links)
    drive.stack.append(frame)


def activate(drive: "Drive", new: list[str]) -> None:
    """Count who will use the results of instances that are needed from now on, and of those they need."""
    for node_id in new:
        drive.uses[node_id] = 0
    for node_id in new:
        for _, link in drive.graph.instances[node_id].links():
            drive.uses[link.node] += 1
            revive(drive, link.node)


def revive(drive: "Drive", node_id: str) -> None:
    """Get the result of a finished instance back, which was let go because nobody seemed to need it."""
    pending = [node_id]
    while pending:
        current = pending.pop()
        if current not in drive.finished or current in drive.outcomes:
            continue
        fingerprint = drive.fingerprints[current]
        outcome = drive.parts.cache.get(fingerprint)
        if outcome is not None:
            drive.outcomes[current] = outcome
            continue
        drive.finished.discard(current)
        drive.entered.discard(current)
        drive.leaders.pop(fingerprint, None)
        for _, link in drive.graph.instances[current].links():
            drive.uses[link.node] += 1
            pending.append(link.node)


def check_stall(drive: "Drive") -> None:
    """Raise WorkflowError if instances wait for each other, which added ones can bring about."""
    drive.has_news = False
    waits: dict[str, set[str]] = {}
    for producer, frames in drive.waiting.items():
        for frame in frames:
            waits.setdefault(frame.node_id, set()).add(producer)
    for leader, followers in drive.followers.items():
        for follower in followers:
            waits.setdefault(follower, set()).add(leader)
    for needed, askers in drive.asides.demands.items():
        for asker, _ in askers:
            waits.setdefault(asker, set()).add(needed)
    cycle = find_cycle(waits)
    if cycle:
        error = CycleError(drive.graph, cycle)
        grown = (node_id for node_id in cycle if node_id in drive.growth.parents)
        error.node_id = drive.growth.get_real_node_id(next(grown, cycle[0]))
        raise error
    if not drive.asides.running:
        raise WorkflowError(f"{len(waits)} nodes wait for results that nobody computes")

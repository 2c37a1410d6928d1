"""How are the problems of a graph told by node, each with the outputs that cannot run because of it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from executor.graph.validate import TOP_LEVEL_TYPES, Validation
from web.refusal import error_body

# A person reads a few; a hostile graph could have as many as it has nodes.
MOST_NODES = 1000
# Looking for the outputs behind a node is linear in the graph: the steps that all of it may take together.
MOST_STEPS = 100_000


def node_errors(validation: Validation) -> dict[str, Any]:
    """The problems that belong to a node, in the shape clients know; of at most a thousand nodes."""
    errors: dict[str, Any] = {}
    for problem in validation.problems:
        if problem.node_id is None or problem.type in TOP_LEVEL_TYPES:
            continue
        entry = errors.get(problem.node_id)
        if entry is None:
            if len(errors) == MOST_NODES:
                continue
            class_type = validation.graph.instances[problem.node_id].type
            entry = errors[problem.node_id] = {
                "errors": [],
                "dependent_outputs": [],
                "class_type": class_type,
            }
        entry["errors"].append(error_body(problem.type, problem.message, problem.details, problem.extra_info))
    if errors:
        _add_dependents(errors, validation)
    return errors


def _add_dependents(errors: dict[str, Any], validation: Validation) -> None:
    consumers, failed, left = validation.graph.consumers(), set(validation.failed), MOST_STEPS
    for node_id, entry in errors.items():
        reached = _reached(node_id, consumers, left)
        left -= len(reached)
        entry["dependent_outputs"] = [output for output in reached if output in failed]
        if left <= 0:
            return


def _reached(node_id: str, consumers: Mapping[str, Sequence[tuple[str, str]]], most: int) -> list[str]:
    """The node and what depends on it, nearest first; at most so many."""
    reached = {node_id: None}
    waiting = [node_id]
    while waiting and len(reached) < most:
        for consumer, _ in consumers[waiting.pop()]:
            if consumer not in reached:
                reached[consumer] = None
                waiting.append(consumer)
    return list(reached)

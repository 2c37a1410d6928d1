"""What do the nodes of packs say of a graph themselves? Their code is asked in a worker, for a moment."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from executor.graph.validate import Problem, Validation
from nodes.api.spec import NodeSpec

if TYPE_CHECKING:
    from executor.worker.service import Service

PACK_MODULES = "custom_nodes."
VERDICT_SECONDS = 2.0


async def with_verdict(validation: Validation, specs: Mapping[str, NodeSpec], service: Service) -> Validation:
    """The validation with what the packs' own checks found; without it if no worker answers in time.

    Nodes that come with the app are judged here; a graph of such nodes alone asks nobody.
    """
    types = {instance.type for instance in validation.graph.instances.values()}
    if not any(specs[name].module.startswith(PACK_MODULES) for name in types if name in specs):
        return validation
    graph = validation.graph.to_api()
    verdict = await service.validate(graph, validation.outputs, timeout=VERDICT_SECONDS)
    known = {(problem.node_id, problem.input_name, problem.type) for problem in validation.problems}
    found = [problem for problem in map(_problem, verdict or ()) if problem.node_id in graph]
    added = [problem for problem in found if (problem.node_id, problem.input_name, problem.type) not in known]
    if not added:
        return validation
    bad = _behind(validation, {problem.node_id or "" for problem in added})
    return replace(
        validation,
        problems=(*validation.problems, *added),
        outputs=tuple(output for output in validation.outputs if output not in bad),
        failed=(*validation.failed, *(output for output in validation.outputs if output in bad)),
    )


def _problem(told: Mapping[str, object]) -> Problem:
    extra_info, node_id, input_name = (told.get(key) for key in ("extra_info", "node_id", "input_name"))
    return Problem(
        type=str(told.get("type", "")),
        message=str(told.get("message", "")),
        details=str(told.get("details", "")),
        node_id=None if node_id is None else str(node_id),
        input_name=None if input_name is None else str(input_name),
        extra_info=extra_info if isinstance(extra_info, Mapping) else {},
    )


def _behind(validation: Validation, nodes: Collection[str]) -> set[str]:
    """The nodes and all that depends on them."""
    consumers = validation.graph.consumers()
    reached, waiting = set(nodes), list(nodes)
    while waiting:
        for consumer, _ in consumers[waiting.pop()]:
            if consumer not in reached:
                reached.add(consumer)
                waiting.append(consumer)
    return reached

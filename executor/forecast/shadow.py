"""What would a graph run, and on what shapes? It is run in the shade, without weights and pictures.

Loaders read headers alone, so networks have shapes and no memory, and so have pictures and latents. Nodes
that only arrange such values run as they are; for those that would run a network it is noted which, and on
what.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from executor.forecast.runs import Runs, runs_of
from executor.graph.inputs import Slots
from executor.graph.workflow import Graph, Instance
from executor.memory.trial import META
from executor.run.answers import Answers, gather
from executor.run.cache import Many, Outcome
from executor.run.call import Binding, Plan
from executor.run.context import RunContext
from executor.run.engine import RunRequest
from executor.run.frames import NODE_ERRORS
from loaders.headers_alone import headers_alone
from models.adapters.patch import Patched
from nodes.api.declare import Node
from nodes.api.precision import Precision
from schedulers.latent import LatentBatch

logger = logging.getLogger(__name__)

UNKNOWN = object()
"""What nobody can tell without running the graph."""

_TENSORS = frozenset({"IMAGE", "LATENT", "MASK"})


@dataclass(frozen=True)
class Step:
    """What one node of the graph does.

    Attributes:
        instance: the node.
        runs: the networks that it would run, each with its shape.
        result_bytes: what its pictures and latents would take.
        lack: why nothing is known of it; empty if all is.
    """

    instance: Instance
    runs: Runs = ()
    result_bytes: int = 0
    lack: str = ""


@dataclass(frozen=True)
class Shadow:
    """Runs graphs in the shade.

    Attributes:
        nodes: by id.
        files: where model files are.
        precision: the number types that networks are kept in.
    """

    nodes: Mapping[str, Node]
    files: Any
    precision: Precision

    def steps(self, graph: Graph, targets: tuple[str, ...]) -> Iterator[Step]:
        """What each node would do, in the order in which they would run."""
        request = RunRequest("plan", graph, targets, preview_method="none")
        outcomes: dict[str, Outcome] = {}
        for node_id in graph.ancestors(targets):
            instance = graph.instances[node_id]
            node = self.nodes[instance.type]
            with torch.no_grad(), headers_alone():
                step, slots = self._step(request, instance, node, outcomes)
            outcomes[node_id] = Outcome(slots)
            yield step

    def _step(
        self, request: RunRequest, instance: Instance, node: Node, outcomes: Mapping[str, Outcome]
    ) -> tuple[Step, tuple[Any, ...]]:
        given = _given(instance, outcomes)
        runs = runs_of(node.spec, given)
        if runs is not None:
            made = runs.results
            return Step(instance, runs.runs, _bytes(made)), _padded(made, node, given)
        if node.spec.output_node and not node.spec.offered:
            return Step(instance), _padded((), node, given)
        try:
            slots = self._run(request, instance, node, outcomes)
        except NODE_ERRORS as problem:  # few nodes were made to be run so
            logger.debug("%s cannot be run in the shade: %s", instance.label, problem)
            lack = (
                "" if _passes_on(node, given) else f"it is not known what {instance.label} gives: {problem}"
            )
            return Step(instance, lack=lack), _padded((), node, given)
        return Step(instance, (), _bytes(slots)), slots

    def _run(
        self, request: RunRequest, instance: Instance, node: Node, outcomes: Mapping[str, Outcome]
    ) -> tuple[Any, ...]:
        """What a node gives for values without numbers; raises what it raises."""
        if node.is_async or node.lazy_status is not None or node.spec.output_node:
            raise ValueError("it decides itself what it runs")
        if not node.spec.module.startswith("nodes."):
            raise ValueError("it is not one of the built-in nodes")
        plan = Plan(instance, node, Slots(node.spec))
        if any(outcomes[link.node].slots[link.slot] is UNKNOWN for _, _, link in plan.strict):
            raise ValueError("its inputs are not known")
        binding = Binding(plan, outcomes)
        context = RunContext(
            request, instance.id, _ignore, lambda: False, self.files, _lent, None, precision=self.precision
        )
        answers = Answers(node, bool(binding.mapped))
        makes_tensors = {output.type for output in node.spec.outputs} <= _TENSORS
        with META if makes_tensors else nullcontext():
            for index in range(binding.count):
                answers.take(binding.call(binding.arguments(index), context))
        if answers.graphs:
            raise ValueError("it puts other nodes in its place")
        return tuple(_bare(slot) for slot in gather(node, answers.rows, answers.is_mapped))


def _given(instance: Instance, outcomes: Mapping[str, Outcome]) -> dict[str, Any]:
    """The inputs of an instance by name; of lists the first element."""
    given = dict(instance.inputs)
    for name, link in instance.links():
        slots = outcomes[link.node].slots
        value = slots[link.slot] if link.slot < len(slots) else UNKNOWN
        given[name] = (value.values[0] if value.values else UNKNOWN) if isinstance(value, Many) else value
    return given


def _padded(made: tuple[Any, ...], node: Node, given: Mapping[str, Any]) -> tuple[Any, ...]:
    """A value for each output: what was made, else the first input of the same type, which is passed on."""
    slots = list(made)
    for output in node.spec.outputs[len(slots) :]:
        same = [
            value
            for name, value in given.items()
            if (entry := node.spec.input(name)) is not None
            and (entry.type, entry.type_variable) == (output.type, output.type_variable)
        ]
        slots.append(same[0] if same else UNKNOWN)
    return tuple(slots)


def _passes_on(node: Node, given: Mapping[str, Any]) -> bool:
    """Whether what it gives is like what it is given, as far as memory goes."""
    made = _padded((), node, given)
    return not any(value is UNKNOWN for value in (*given.values(), *made))


def _bare(value: Any) -> Any:
    """A result with its pictures and latents taken off the memory they are in."""

    def without_numbers(part: Any) -> Any:
        return torch.empty_like(part, device=META) if isinstance(part, Tensor) else part

    if isinstance(value, LatentBatch):
        mask = value.noise_mask
        return replace(
            value,
            samples=without_numbers(value.samples),
            noise_mask=None if mask is None else without_numbers(mask),
        )
    return value if isinstance(value, Patched) else tree_map(without_numbers, value)


def _bytes(slots: tuple[Any, ...]) -> int:
    total = 0
    for slot in slots:
        for value in slot.values if isinstance(slot, Many) else (slot,):
            tensor = value.samples if isinstance(value, LatentBatch) else value
            total += tensor.nbytes if isinstance(tensor, Tensor) else 0
    return total


@contextmanager
def _lent(value: Any, shape: Any) -> Iterator[Any]:
    del shape
    yield value.base


def _ignore(event: Any) -> None:
    del event

"""Whether a graph can run: every problem it has, said so that a person can act on it."""

import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from executor.graph.fingerprint import literals_for
from executor.graph.inputs import Slots, without_strangers
from executor.graph.literals import FileLists, HasFile, Refusal, coerce
from executor.graph.types import Bindings, is_compatible
from executor.graph.verdicts import read_verdict, settle
from executor.graph.workflow import CycleError, Graph, Instance, Link, MalformedLink
from nodes.api.declare import Node
from nodes.api.input_pairs import ListFiles, input_config
from nodes.api.spec import InputSpec, NodeSpec

TOP_LEVEL_TYPES = ("invalid_prompt", "prompt_no_outputs")
"""Problem types that concern the whole graph; all others belong to one node."""

NO_VARIABLES = Bindings()
"""Of all nodes whose types are what they are called."""

MOST_CYCLES = 100
MOST_PROBLEMS = 5000
"""So many are told; of a hostile graph that is enough."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong; without a node it is about the graph as a whole."""

    type: str
    message: str
    details: str = ""
    node_id: str | None = None
    input_name: str | None = None
    extra_info: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Validation:
    """What validation found: all problems, the outputs that can run, the graph with coerced literals.

    `failed` are the output nodes that were asked for and cannot run.
    """

    problems: tuple[Problem, ...]
    outputs: tuple[str, ...]
    graph: Graph
    failed: tuple[str, ...] = ()

    def dependent_outputs(self, node_id: str) -> tuple[str, ...]:
        """The failed output nodes that need this instance."""
        consumers = self.graph.consumers()
        reached = {node_id}
        pending = [node_id]
        while pending:
            for consumer, _ in consumers.get(pending.pop(), ()):
                if consumer not in reached:
                    reached.add(consumer)
                    pending.append(consumer)
        return tuple(output for output in self.failed if output in reached)


def validate(
    graph: Graph,
    specs: Mapping[str, NodeSpec],
    list_files: ListFiles,
    targets: Iterable[str] | None = None,
    *,
    has_file: HasFile | None = None,
    nodes: Mapping[str, Node] | None = None,
) -> Validation:
    """All problems of what the output nodes (of `targets`, if given) depend on; the graph is not changed.

    `has_file(folder, name)` finds files that `list_files` does not list, such as those in subfolders of
    "input". With `nodes` at hand, their own `validate` functions are asked as well.
    """
    return _Validator(graph, specs, FileLists(list_files, has_file), nodes or {}).run(targets)


class _Validator:
    """One validation, producers before consumers."""

    def __init__(
        self, graph: Graph, specs: Mapping[str, NodeSpec], files: FileLists, nodes: Mapping[str, Node]
    ) -> None:
        self.original = graph
        self.graph = without_strangers(graph, specs.get)
        self.specs = specs
        self.files = files
        self.nodes = nodes
        self.problems: list[Problem] = []
        self.count = 0
        self.bad: set[str] = set()
        self.slots: dict[str, Slots] = {}
        self.output_types: dict[str, tuple[str, ...]] = {}
        self.coerced: dict[str, Instance] = {}
        self.received: dict[str, str] = {}

    def run(self, targets: Iterable[str] | None) -> Validation:
        for instance in self.graph.instances.values():
            if instance.type not in self.specs:
                self.report_unknown(instance)
        wanted = None if targets is None else set(targets)
        outputs = [
            node_id
            for node_id, instance in self.graph.instances.items()
            if (spec := self.specs.get(instance.type)) is not None
            and spec.output_node
            and (wanted is None or node_id in wanted)
        ]
        if not outputs and not self.problems:
            self.problems.append(Problem("prompt_no_outputs", "Prompt has no outputs"))
        for node_id in self.in_order(outputs):
            self.check(self.graph.instances[node_id])
        good = tuple(node_id for node_id in outputs if node_id not in self.bad)
        failed = tuple(node_id for node_id in outputs if node_id in self.bad)
        graph = Graph({**self.original.instances, **self.coerced}) if self.coerced else self.original
        return Validation(tuple(self.problems), good, graph, failed)

    @property
    def is_full(self) -> bool:
        """Whether no more problems are told."""
        return len(self.problems) >= MOST_PROBLEMS

    def in_order(self, outputs: list[str]) -> list[str]:
        """The instances to check, producers first; cycles are reported, but none twice."""
        in_cycles: set[str] = set()

        def report(path: list[str], start: int) -> None:
            if path[-1] in in_cycles or len(self.problems) > MOST_CYCLES:
                return
            cycle = path[start:]
            in_cycles.update(cycle)
            error = CycleError(self.graph, cycle)
            extra = {"nodes": cycle}
            self.problems.append(
                Problem(error.type, error.message, error.details, error.node_id, extra_info=extra)
            )

        return self.graph.ancestors(outputs, on_cycle=report)

    def report_unknown(self, instance: Instance) -> None:
        self.bad.add(instance.id)
        self.count += 1
        if self.is_full:
            return
        self.problems.append(
            Problem(
                "invalid_prompt",
                f"Cannot execute because node {instance.type} does not exist.",
                f"Node ID '#{instance.id}'",
                instance.id,
                extra_info={"class_type": instance.type, "node_title": instance.title},
            )
        )

    def check(self, instance: Instance) -> None:
        """Check one instance whose producers have been checked."""
        spec = self.specs.get(instance.type)
        if spec is None:
            return
        slots = self.slots.get(spec.id)
        if slots is None:
            slots = self.slots[spec.id] = Slots(spec)
        before = self.count
        bindings = Bindings() if slots.has_variables else NO_VARIABLES
        changed: dict[str, Any] = {}
        self.received = {}
        self.check_inputs(instance, slots, bindings, changed)
        if changed:
            original = self.original.instances[instance.id]
            instance = original._replace(inputs={**original.inputs, **changed})
            self.coerced[instance.id] = instance
        if instance.type in self.nodes and self.count == before:
            self.ask_node(instance, self.nodes[instance.type])
        self.output_types[instance.id] = bindings.outputs(spec) if bindings.known else slots.output_types
        if self.count > before:
            self.bad.add(instance.id)

    def check_inputs(
        self, instance: Instance, slots: Slots, bindings: Bindings, changed: dict[str, Any]
    ) -> None:
        """Check what is there, and report what is not."""
        before = self.count
        for name, entry in slots.declared(instance.inputs):
            if self.is_full and self.count > before:
                return
            if name in instance.inputs:
                self.check_input(instance, name, entry, bindings, changed)
            elif entry.section == "required":
                self.report_missing(instance, name)
        if slots.growing is not None:
            self.check_growing(instance, slots, bindings, changed)
        if slots.spec.undeclared_links:
            for name, entry, value in slots.undeclared(instance.inputs):
                if type(value) is Link:
                    self.check_link(instance, name, entry, value, bindings)

    def check_growing(
        self, instance: Instance, slots: Slots, bindings: Bindings, changed: dict[str, Any]
    ) -> None:
        entry = slots.growing
        assert entry is not None
        names = slots.grown(instance.inputs)
        if not names and entry.section == "required" and entry.options.get("min", 1) > 0:
            self.report_missing(instance, f"{entry.name}.{entry.options.get('prefix', entry.name)}0")
        for name in names:
            self.check_input(instance, name, entry, bindings, changed)

    def check_input(
        self, instance: Instance, name: str, entry: InputSpec, bindings: Bindings, changed: dict[str, Any]
    ) -> None:
        value = instance.inputs[name]
        if type(value) is Link:
            self.check_link(instance, name, entry, value, bindings)
        elif type(value) is MalformedLink:
            self.report(
                instance,
                name,
                "bad_linked_input",
                "Bad linked input, must be a length-2 list of [node_id, slot_index]",
                name,
                self.describe(entry, received_value=value.value),
            )
        else:
            try:
                result = coerce(name, entry, value, self.files)
            except Refusal as refusal:
                extra = self.describe(entry, received_value=value, **refusal.extra)
                if refusal.hide_config:
                    extra["input_config"] = None
                self.report(instance, name, refusal.type, refusal.message, refusal.details, extra)
            else:
                if result is not value:
                    changed[name] = result

    def check_link(
        self, instance: Instance, name: str, entry: InputSpec, link: Link, bindings: Bindings
    ) -> None:
        producer = self.graph.instances.get(link.node)
        if producer is None:
            text = f"{name}: linked to node '{link.node}', which is not in the graph"
            self.report_broken_link(instance, name, entry, link, text)
            return
        if producer.id in self.bad:
            self.bad.add(instance.id)
        types = self.output_types.get(link.node)
        if types is None:  # of an unknown type, or in a cycle
            self.bad.add(instance.id)
            return
        if not 0 <= link.slot < len(types):
            text = (
                f"{name}: linked to output {link.slot} of {producer.label}, "
                f"which has {len(types)} output{'' if len(types) == 1 else 's'}"
            )
            self.report_broken_link(instance, name, entry, link, text)
            return
        received = self.received[name] = types[link.slot]
        if received == entry.type and entry.type_variable is None:
            return
        wanted = bindings.wanted(entry.type_variable, entry.type)
        takes_all = entry.type_anything or self.specs[instance.type].own_link_check
        gives_all = self.specs[producer.type].outputs[link.slot].type_anything
        if takes_all or gives_all or is_compatible(received, wanted):
            if entry.type_variable is not None:
                bindings.learn(entry.type_variable, received)
            return
        self.report(
            instance,
            name,
            "return_type_mismatch",
            "Return type mismatch between linked nodes",
            f"{name}, received_type({received}) mismatch input_type({wanted})",
            self.describe(entry, received_type=received, linked_node=list(link)),
        )

    def ask_node(self, instance: Instance, node: Node) -> None:
        """What the node's own `validate` says about its inputs; a refusal concerns all that it was shown."""
        if node.validate is None:
            return
        shown = literals_for(node.validate, instance)
        arguments = dict(shown)
        if node.spec.own_link_check:
            arguments["input_types"] = dict(self.received)
        try:
            verdict = read_verdict(settle(node.validate(**arguments)))
        except Exception as error:  # noqa: BLE001 - it is the node's code
            extra = {
                "exception_type": type(error).__name__,
                "traceback": traceback.format_tb(error.__traceback__),
            }
            self.report(
                instance,
                None,
                "exception_during_validation",
                "Exception when validating node",
                str(error),
                extra,
            )
            return
        if verdict is None:
            return
        for name in shown or ("",):
            self.report(
                instance,
                name or None,
                "custom_validation_failed",
                "Custom validation failed for node",
                " - ".join(part for part in (name, verdict) if part),
                {"input_name": name},
            )

    def report_missing(self, instance: Instance, name: str) -> None:
        details = name.rpartition(".")[2]
        self.report(
            instance,
            name,
            "required_input_missing",
            "Required input is missing",
            details,
            {"input_name": name},
        )

    def report_broken_link(
        self, instance: Instance, name: str, entry: InputSpec, link: Link, text: str
    ) -> None:
        is_output = self.specs[instance.type].output_node
        self.report(
            instance,
            name,
            "exception_during_validation" if is_output else "exception_during_inner_validation",
            "Exception when validating node" if is_output else "Exception when validating inner node",
            text,
            {
                **self.describe(entry, linked_node=list(link)),
                "input_name": name,
                "exception_message": text,
                "exception_type": "WorkflowError",
                "traceback": [],
            },
        )

    def describe(self, entry: InputSpec, **extra: Any) -> dict[str, Any]:
        """What every problem with one input carries along."""
        if self.is_full:
            return {}
        return {"input_config": input_config(entry, self.files.names), **extra}

    def report(
        self,
        instance: Instance,
        name: str | None,
        problem_type: str,
        message: str,
        details: str,
        extra: Mapping[str, Any],
    ) -> None:
        self.count += 1
        if self.is_full:
            return
        info = {"input_name": name, **extra} if name is not None else dict(extra)
        self.problems.append(Problem(problem_type, message, details, instance.id, name, info))

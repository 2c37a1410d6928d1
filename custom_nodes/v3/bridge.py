"""How does a V3 node class become a node of ours? Its schema is copied; calls go to a locked class."""

import inspect
import math
import secrets
from collections.abc import Mapping
from typing import Any

from custom_nodes.host.graph_builder import ExecutionBlocker, GraphBuilder
from custom_nodes.v1.bridge import Adapter as V1Adapter
from custom_nodes.v1.bridge import complete, fallbacks, hidden_value
from custom_nodes.v1.schema import plain, type_name, version_of
from custom_nodes.v1.values import output_reader, to_pack
from custom_nodes.v3.dynamic import MISSING, DynamicInput, MatchType
from custom_nodes.v3.node import ComfyNode, clone, normal_output
from custom_nodes.v3.schema import HiddenHolder, NodeOutput, Schema
from nodes.api.declare import Node
from nodes.api.dynamic import read_input
from nodes.api.errors import NodeError
from nodes.api.results import Blocked, Shown
from nodes.api.spec import NodeSpec, OutputSpec


def is_node(cls: Any) -> bool:
    """Whether a class is a V3 node."""
    return isinstance(cls, type) and issubclass(cls, ComfyNode)


def id_of(cls: Any) -> str:
    """The id that a V3 class gives itself."""
    return str(cls.GET_SCHEMA().node_id)


def nodes_of(entry: Any) -> list[Any]:
    """The classes that a pack's `comfy_entrypoint` leads to."""
    extension = complete(entry())
    on_load = getattr(extension, "on_load", None)
    if on_load is not None:
        complete(on_load())
    return list(complete(extension.get_node_list()))


def adapt(node_id: str, cls: Any, display_name: str | None, module: str) -> Node:
    """The node that a V3 class is; raises what its schema raises."""
    schema = cls.GET_SCHEMA()
    spec = read_spec(cls, schema, node_id, display_name, module)
    adapter = Adapter(cls, spec, schema)
    is_async = inspect.iscoroutinefunction(cls.execute)
    return Node(
        spec=spec,
        function=adapter.run_async if is_async else adapter.run,
        fingerprint=adapter.fingerprint if cls.is_own("fingerprint_inputs") else None,
        validate=adapter.validator() if cls.is_own("validate_inputs") else None,
        wants_context=True,
        is_async=is_async,
        returns_tuple=True,
        lazy_status=adapter.lazy_status if adapter.chooses else None,
        accepts_undeclared_links=True,
        idempotent=not schema.not_idempotent and "UNIQUE_ID" not in spec.hidden.values(),
    )


def read_spec(cls: Any, schema: Schema, node_id: str, display_name: str | None, module: str) -> NodeSpec:
    """The spec that a schema amounts to."""
    info = plain(schema.info(module)) | {"name": node_id}
    if display_name is not None:
        info["display_name"] = display_name
    checked: set[str] | None = set()
    if cls.is_own("validate_inputs"):
        parameters = inspect.signature(cls.validate_inputs).parameters.values()
        takes_all = any(entry.kind is entry.VAR_KEYWORD for entry in parameters)
        checked = None if takes_all else {entry.name for entry in parameters}
    return NodeSpec(
        id=node_id,
        display_name=display_name or schema.display_name or node_id,
        description=schema.description,
        category=schema.category,
        module=module,
        inputs=tuple(
            read_input(name, config, section, own_check=checked is None or name in checked)
            for section, entries in info["input"].items()
            if section != "hidden"
            for name, config in entries.items()
        ),
        outputs=tuple(_output(entry) for entry in schema.outputs),
        output_node=schema.is_output_node,
        hidden={kind.name: kind.value for kind in schema.hidden},
        deprecated=schema.is_deprecated,
        experimental=schema.is_experimental,
        aliases=tuple(schema.search_aliases),
        pure=not cls.is_own("fingerprint_inputs"),
        code_version=version_of(cls, "execute"),
        wants_list=schema.is_input_list,
        own_link_check=checked is not None and "input_types" in checked,
        undeclared_links=True,
        info=info,
    )


def _output(entry: Any) -> OutputSpec:
    kind = entry.get_io_type()
    variable = None
    if isinstance(entry, MatchType.Output):
        template = entry.template.as_dict()
        kind, variable = template["allowed_types"], template["template_id"]
    name = type_name(kind)
    return OutputSpec(entry.display_name or name, name, entry.is_output_list, entry.tooltip, variable)


class Adapter(V1Adapter):
    """One V3 class as the engine calls it."""

    def __init__(self, cls: Any, spec: NodeSpec, schema: Schema) -> None:
        self.cls = cls
        self.spec = spec
        self.schema = schema
        self.method = "execute"
        self.hidden = dict(spec.hidden)
        self.readers = [output_reader(output.type, output.is_list) for output in spec.outputs]
        self.lazy = tuple(entry.id for entry in schema.inputs if entry.lazy)
        self.growing = [entry for entry in schema.inputs if isinstance(entry, DynamicInput)]
        self.defaults = fallbacks(spec, cls.execute)

    @property
    def chooses(self) -> bool:
        """Whether the node is asked which inputs it wants."""
        return bool(self.lazy) or self.cls.is_own("check_lazy_status")

    def prepare(self, context: Any, inputs: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """The class method and its arguments, those that belong together in dictionaries."""
        GraphBuilder.set_default_prefix(context.node_id, getattr(context, "call_index", 0))
        given = self.literal_arguments(self.defaults) | self.arguments(inputs)
        return self.locked(context).execute, given

    def locked(self, context: Any) -> Any:
        """The class for one call."""
        hidden = HiddenHolder(**{name: hidden_value(context, kind) for name, kind in self.hidden.items()})
        return clone(self.cls, hidden)

    def arguments(self, inputs: Mapping[str, Any], named: bool = False) -> dict[str, Any]:
        """Values by full name as the arguments that the class expects."""
        flat = {name: to_pack(value) for name, value in inputs.items()}
        collected = {}
        for entry in self.growing:
            value = entry.collect(entry.id, flat, named)
            if value is not MISSING:
                collected[entry.id] = value
            flat.pop(entry.id, None)
        return flat | collected

    def lazy_status(self, context: Any, inputs: Mapping[str, Any]) -> Any:
        """The names of the lazy inputs that the class wants now, or an awaitable of them."""
        if not self.cls.is_own("check_lazy_status"):
            return [name for name in self.lazy if inputs.get(name) is None]
        wanted = self.locked(context).check_lazy_status(**self.arguments(inputs, named=True))
        return _await_names(wanted) if inspect.isawaitable(wanted) else _names(wanted)

    def fingerprint(self, **literals: Any) -> Any:
        """What fingerprint_inputs says; something new each time if that is not a number."""
        known: dict[str, Any] = {"UNIQUE_ID": None, "PROMPT": {}}
        known |= {kind: literals.pop(name) for name, kind in self.hidden.items() if name in literals}
        hidden = HiddenHolder(**{name: known.get(kind) for name, kind in self.hidden.items()})
        arguments = self.literal_arguments(self.arguments(literals))
        result = complete(clone(self.cls, hidden).fingerprint_inputs(**arguments))
        if isinstance(result, float) and math.isnan(result):
            return secrets.token_hex(16)
        return result

    def validator(self) -> Any:
        """`validate` with the parameters of validate_inputs, so that callers see which inputs it judges."""

        def validate(**literals: Any) -> str | None:
            return self.validate(**literals)

        vars(validate)["__signature__"] = inspect.signature(self.cls.validate_inputs)
        return validate

    def validate(self, **literals: Any) -> str | None:
        """What validate_inputs has against the literal inputs; "" if it gives no reason."""
        arguments = self.literal_arguments(self.arguments(literals))
        parameters = inspect.signature(self.cls.validate_inputs).parameters.values()
        if not any(entry.kind is entry.VAR_KEYWORD for entry in parameters):
            names = {entry.name for entry in parameters}
            arguments = {name: value for name, value in arguments.items() if name in names}
        for entry in parameters:
            if entry.default is entry.empty and entry.kind is not entry.VAR_KEYWORD:
                arguments.setdefault(entry.name, [None] if self.spec.wants_list else None)
        verdict = complete(self.cls.validate_inputs(**arguments))
        if verdict is True or isinstance(verdict, ExecutionBlocker):
            return None
        return "" if verdict is False else str(verdict)

    def read(self, result: Any) -> Any:
        """What `execute` returned, as the engine reads it."""
        output = normal_output(self.cls, result)
        shown = _shown(output)
        if output.expand is not None:
            if not self.schema.enable_expand:
                raise NodeError(f"Node {self.cls.__name__}Clone is not expandable")
            return self.expansion(output.expand, output.args, shown)
        if output.block_execution is not None:
            blocked = tuple(Blocked(output.block_execution) for _ in self.readers)
            return Shown(blocked, shown) if shown else blocked
        values = self.outputs(output.args) if output.args else (None,) * len(self.readers)
        return Shown(values, shown) if shown else values


def _shown(output: NodeOutput) -> dict[str, Any] | None:
    """What is to be shown, from whatever a node gave."""
    if output.ui is None:
        return None
    given = output.ui.as_dict() if hasattr(output.ui, "as_dict") else output.ui
    return dict(given)


def _names(wanted: Any) -> list[str]:
    """The names in an answer; for nested inputs, classes may give back the pairs they were given."""
    if not isinstance(wanted, list | tuple):
        return []
    names = [entry[1] if isinstance(entry, tuple) and len(entry) == 2 else entry for entry in wanted]
    return [name for name in names if isinstance(name, str)]


async def _await_names(wanted: Any) -> list[str]:
    return _names(await wanted)

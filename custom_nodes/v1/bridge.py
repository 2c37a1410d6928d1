"""How does a V1 node class become a node of ours? Its methods are wrapped, its values turned over."""

import asyncio
import inspect
import math
import secrets
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from custom_nodes.host.graph_builder import ExecutionBlocker, GraphBuilder, is_link
from custom_nodes.v1.schema import hidden_kinds, input_sections, own_checks, read_spec, text
from custom_nodes.v1.values import from_pack, output_reader, to_pack
from executor.graph.workflow import Link
from nodes.api.declare import Node
from nodes.api.errors import DeclarationError, NodeError
from nodes.api.results import Blocked, Expansion, Shown
from nodes.api.spec import NodeSpec


def adapt(node_id: str, cls: Any, display_name: str | None, module: str) -> Node:
    """The node that a V1 class is; raises DeclarationError, or what the class raises, if it is none."""
    spec = read_spec(cls, node_id, display_name, module)
    function = getattr(cls, text(getattr(cls, "FUNCTION", "")), None)
    if not callable(function):
        raise DeclarationError(
            f"{cls.__name__}: FUNCTION is {getattr(cls, 'FUNCTION', None)!r}, no method of it"
        )
    adapter = Adapter(cls, spec)
    is_async = inspect.iscoroutinefunction(function)
    return Node(
        spec=spec,
        function=adapter.run_async if is_async else adapter.run,
        fingerprint=adapter.fingerprint if hasattr(cls, "IS_CHANGED") else None,
        validate=adapter.validator() if hasattr(cls, "VALIDATE_INPUTS") else None,
        wants_context=True,
        is_async=is_async,
        returns_tuple=True,
        lazy_status=adapter.lazy_status if adapter.chooses else None,
        accepts_undeclared_links=True,
        idempotent=not getattr(cls, "NOT_IDEMPOTENT", False) and "UNIQUE_ID" not in spec.hidden.values(),
    )


class Adapter:
    """One V1 class as the engine calls it."""

    def __init__(self, cls: Any, spec: NodeSpec) -> None:
        self.cls = cls
        self.spec = spec
        self.method = text(cls.FUNCTION)
        self.hidden = hidden_kinds(input_sections(cls))
        self.readers = [output_reader(output.type, output.is_list) for output in spec.outputs]
        self.lazy = tuple(entry.name for entry in spec.inputs if entry.lazy)
        self.defaults = fallbacks(spec, getattr(cls, self.method))

    @property
    def chooses(self) -> bool:
        """Whether the node is asked which inputs it wants."""
        return bool(self.lazy) or hasattr(self.cls, "check_lazy_status")

    def run(self, context: Any, /, **inputs: Any) -> Any:
        """Call the class's function on the instance that belongs to this node."""
        method, arguments = self.prepare(context, inputs)
        return self.read(method(**arguments))

    async def run_async(self, context: Any, /, **inputs: Any) -> Any:
        """The same for a function that is a coroutine."""
        method, arguments = self.prepare(context, inputs)
        return self.read(await method(**arguments))

    def prepare(self, context: Any, inputs: Mapping[str, Any]) -> tuple[Callable[..., Any], dict[str, Any]]:
        """The bound method and its arguments in the form that packs expect."""
        GraphBuilder.set_default_prefix(context.node_id, getattr(context, "call_index", 0))
        arguments = {name: to_pack(value) for name, value in inputs.items()}
        given = self.literal_arguments(self.defaults) | arguments | self.hidden_values(context)
        return getattr(self.instance(context), self.method), given

    def instance(self, context: Any) -> Any:
        """The object of the class that belongs to this node; it keeps what it keeps between runs.

        A class that was imported anew is another class, though its name is the same.
        """
        return context.instance(f"{self.spec.module}:{self.spec.id}:{id(self.cls)}", self.cls)

    def hidden_values(self, context: Any) -> dict[str, Any]:
        """The hidden inputs that the app fills; lists of one if the class works on lists."""
        return self.literal_arguments(
            {
                name: hidden_value(context, kind)
                for name, kind in self.hidden.items()
                if kind in HIDDEN_READERS
            }
        )

    def lazy_status(self, context: Any, inputs: Mapping[str, Any]) -> Any:
        """The lazy inputs that the class wants now, or an awaitable of them; all of them if it never says."""
        if not hasattr(self.cls, "check_lazy_status"):
            return [name for name in self.lazy if inputs.get(name) is None]
        arguments = {name: to_pack(value) for name, value in inputs.items()} | self.hidden_values(context)
        wanted = self.instance(context).check_lazy_status(**arguments)
        if inspect.isawaitable(wanted):
            return _await_names(wanted)
        return _names(wanted)

    def fingerprint(self, **literals: Any) -> Any:
        """What IS_CHANGED says; something new each time if that is not a number."""
        hidden: dict[str, Any] = {
            name: literals.get(name) if kind == "UNIQUE_ID" else {} if kind == "PROMPT" else None
            for name, kind in self.hidden.items()
            if kind in HIDDEN_READERS
        }
        arguments = self.literal_arguments({**literals, **hidden})
        result = complete(self.cls.IS_CHANGED(**arguments))
        if isinstance(result, float) and math.isnan(result):
            return secrets.token_hex(16)
        return result

    def validator(self) -> Callable[..., str | None]:
        """`validate` with the parameters of VALIDATE_INPUTS, so that callers see which inputs it judges."""

        def validate(**literals: Any) -> str | None:
            return self.validate(**literals)

        vars(validate)["__signature__"] = inspect.signature(self.cls.VALIDATE_INPUTS)
        return validate

    def validate(self, **literals: Any) -> str | None:
        """What VALIDATE_INPUTS has against the literal inputs; "" if it gives no reason."""
        names, judges_types = own_checks(self.cls)
        input_types = literals.pop("input_types", {}) if judges_types else None
        arguments = {
            name: value
            for name, value in self.literal_arguments(literals).items()
            if names is None or name in names
        }
        for name in _without_default(self.cls.VALIDATE_INPUTS) - set(arguments) - {"input_types"}:
            arguments[name] = [None] if self.spec.wants_list else None
        if judges_types:
            arguments["input_types"] = [input_types] if self.spec.wants_list else input_types
        verdict = complete(self.cls.VALIDATE_INPUTS(**arguments))
        if verdict is True or isinstance(verdict, ExecutionBlocker):
            return None
        return "" if verdict is False else str(verdict)

    def literal_arguments(self, literals: Mapping[str, Any]) -> dict[str, Any]:
        """Literals as class methods get them: in lists if the class works on lists."""
        if self.spec.wants_list:
            return {name: [value] for name, value in literals.items()}
        return dict(literals)

    def read(self, result: Any) -> Any:
        """What the function returned, as the engine reads it."""
        if isinstance(result, ExecutionBlocker):
            return Blocked(result.message)
        if isinstance(result, Mapping):
            return self.read_mapping(result)
        if result is None and not self.spec.outputs:
            return ()
        if not isinstance(result, tuple | list):
            raise NodeError(
                f"{self.spec.id}: {self.method} returned {type(result).__name__}, "
                f"but a tuple of {len(self.spec.outputs)} was expected"
            )
        return self.outputs(result)

    def read_mapping(self, result: Mapping[str, Any]) -> Any:
        """A result in dictionary form: what to show, a graph to run instead, outputs."""
        shown = result.get("ui")
        outputs = result.get("result")
        if "expand" in result:
            return self.expansion(result["expand"], outputs or (), shown)
        if isinstance(outputs, ExecutionBlocker):
            values: Any = tuple(Blocked(outputs.message) for _ in self.readers)
        else:
            values = (None,) * len(self.readers) if outputs is None else self.outputs(outputs)
        return Shown(values, dict(shown)) if shown else values

    def outputs(self, values: Any) -> tuple[Any, ...]:
        """One value of ours for each declared output; what is too much is left away."""
        if len(values) < len(self.readers):
            raise NodeError(
                f"{self.spec.id}: {self.method} returned {len(values)} of {len(self.readers)} outputs"
            )
        return tuple(reader(value) for reader, value in zip(self.readers, values, strict=False))

    def expansion(
        self, graph: Mapping[str, Mapping[str, Any]], outputs: Any, shown: Mapping[str, Any] | None
    ) -> Expansion:
        """A graph to run in place of this node, with links as the engine writes them."""
        if isinstance(outputs, ExecutionBlocker):
            outputs = (outputs,) * len(self.readers)
        results = tuple(
            Link(value[0], int(value[1])) if is_link(value) else reader(value)
            for reader, value in zip(self.readers, outputs, strict=False)
        )
        instances = {
            node_id: {
                **instance,
                "inputs": {
                    name: value if is_link(value) else from_pack(value, "*")
                    for name, value in instance.get("inputs", {}).items()
                },
            }
            for node_id, instance in graph.items()
        }
        return Expansion(instances, results, dict(shown) if shown else None)


HIDDEN_READERS: Mapping[str, Callable[[Any], Any]] = {
    "PROMPT": lambda context: context.original_prompt,
    "EXTRA_PNGINFO": lambda context: context.extra_pnginfo,
    "UNIQUE_ID": lambda context: context.node_id,
    "DYNPROMPT": lambda context: context.dynamic_graph,
    "AUTH_TOKEN_COMFY_ORG": lambda context: None,
    "API_KEY_COMFY_ORG": lambda context: None,
}


def fallbacks(spec: NodeSpec, function: Callable[..., Any]) -> dict[str, Any]:
    """The declared defaults of optional inputs that the function itself has no default for.

    A graph that was saved before such an input was added does not name it.
    """
    needed = _without_default(function)
    return {
        entry.name: entry.options["default"]
        for entry in spec.inputs
        if entry.section == "optional" and entry.name in needed and entry.options.get("default") is not None
    }


def hidden_value(context: Any, kind: str) -> Any:
    """What the app puts into a hidden input of this kind."""
    return HIDDEN_READERS[kind](context)


def complete(value: Any) -> Any:
    """The value, or what it gives when awaited; waits on a thread of its own, whatever loop runs here."""
    if not inspect.isawaitable(value):
        return value

    async def wait() -> Any:
        return await value

    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(copy_context().run, asyncio.run, wait()).result()


async def _await_names(wanted: Awaitable[Any]) -> list[str]:
    return _names(await wanted)


def _names(wanted: Any) -> list[str]:
    if not isinstance(wanted, list | tuple):
        return []
    return [name for name in wanted if isinstance(name, str)]


def _without_default(function: Callable[..., Any]) -> set[str]:
    """The parameters of a class method that have no default."""
    return {
        parameter.name
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        and parameter.name not in ("self", "cls")
    }

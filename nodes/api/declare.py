"""Turns a function into a node: the signature is the schema, the docstring the description."""

import inspect
import types
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, TypeVar, cast

from nodes.api.docstrings import Documentation, read_docstring
from nodes.api.errors import DeclarationError
from nodes.api.gather import gathering
from nodes.api.signature import hints_of, read_inputs, read_outputs, returns_tuple, wants_context
from nodes.api.spec import InputSpec, NodeSpec

F = TypeVar("F", bound=Callable[..., Any])

HIDDEN_KINDS = {
    "prompt": "PROMPT",
    "extra_pnginfo": "EXTRA_PNGINFO",
    "unique_id": "UNIQUE_ID",
    "dynprompt": "DYNPROMPT",
}


@dataclass(frozen=True)
class Node:
    """A spec with the function that does the work.

    `fingerprint(**literals)` returns something that changes when the result would though no input did; NaN
    means that the node must run each time. `validate(**literals)` returns a sentence about what is wrong with
    the literal inputs, or None; it may be async. Both get None for what is linked.
    `returns_tuple` tells an output that is a tuple from a tuple of outputs.
    `lazy_status(context, inputs)` names the lazy inputs still wanted; it is asked until it names none that is
    missing. Inputs that were never wanted are None. Without it, an async function gets awaitables for them.
    `accepts_undeclared_links`: what is linked to inputs that nobody declared arrives by name.
    `idempotent` is false where two instances with equal inputs must both run.
    """

    spec: NodeSpec
    function: Callable[..., Any]
    fingerprint: Callable[..., Any] | None = None
    validate: Callable[..., str | None] | None = None
    wants_context: bool = False
    is_async: bool = False
    returns_tuple: bool = False
    lazy_status: Callable[[Any, dict[str, Any]], Any] | None = None
    accepts_undeclared_links: bool = False
    idempotent: bool = True


def node(
    id: str | None = None,  # noqa: A002 - read as a keyword at every declaration
    *,
    display_name: str | None = None,
    category: str | None = None,
    output_node: bool = False,
    outputs: tuple[str, ...] | None = None,
    unlisted: tuple[str, ...] = (),
    hidden: tuple[str, ...] = (),
    aliases: tuple[str, ...] = (),
    deprecated: bool = False,
    experimental: bool = False,
    fingerprint: Callable[..., Any] | None = None,
    validate: Callable[..., str | None] | None = None,
) -> Callable[[F], F]:
    """Declares a function a node and returns it unchanged, with the node at `function.node`.

    `outputs` names the outputs; of those that are `unlisted` not all clients are told.
    Raises DeclarationError where the function is defined, if its signature or docstring cannot be a schema.
    """

    def declare(function: F) -> F:
        hints = hints_of(function)
        documentation = read_docstring(function.__doc__)
        _check_words(function, documentation, hidden)
        with_context = wants_context(function, hints)
        inputs = read_inputs(function, hints, documentation.arguments, skip_first=with_context)
        is_async = inspect.iscoroutinefunction(function)
        _check_laziness(function, inputs, is_async)
        spec = NodeSpec(
            id=id or function.__name__,
            display_name=display_name or id or function.__name__.replace("_", " ").capitalize(),
            description=documentation.description,
            category=category if category is not None else _menu(function.__module__),
            module=function.__module__,
            inputs=inputs,
            outputs=read_outputs(function, hints, outputs, documentation.returns, unlisted),
            output_node=output_node,
            hidden={name: HIDDEN_KINDS[name] for name in hidden},
            deprecated=deprecated,
            experimental=experimental,
            aliases=aliases,
            pure=fingerprint is None,
            code_version=code_version(function.__code__),
            wants_list=bool(inputs) and all(entry.is_list for entry in inputs),
        )
        cast(Any, function).node = Node(
            spec,
            gathering(function, hints),
            fingerprint,
            validate,
            with_context,
            is_async,
            returns_tuple(hints["return"]),
        )
        return function

    return declare


def _check_laziness(function: Callable[..., Any], inputs: tuple[InputSpec, ...], is_async: bool) -> None:
    """What is lazy is awaited."""
    lazy = [entry.name for entry in inputs if entry.lazy]
    if lazy and not is_async:
        raise DeclarationError(
            f"{function.__qualname__}: {', '.join(lazy)} is lazy, so the function must be 'async def'"
        )


def _check_words(function: Callable[..., Any], documentation: Documentation, hidden: tuple[str, ...]) -> None:
    """The docstring must say something, and about nothing that is not there; hidden inputs must be known."""
    if not documentation.description:
        raise DeclarationError(f"{function.__qualname__}: a node needs a docstring that says what it does")
    parameters = inspect.signature(function).parameters
    strangers = [name for name in documentation.arguments if name not in parameters]
    if strangers:
        raise DeclarationError(
            f"{function.__qualname__}: 'Args:' describes {', '.join(strangers)}, "
            f"but the parameters are {', '.join(parameters)}"
        )
    unknown = [name for name in hidden if name not in HIDDEN_KINDS]
    if unknown:
        raise DeclarationError(
            f"{function.__qualname__}: hidden {unknown} is not among {tuple(HIDDEN_KINDS)}"
        )


def node_of(function: Callable[..., Any]) -> Node:
    """The node that `@node` attached to a function."""
    return cast(Node, cast(Any, function).node)


def code_version(code: types.CodeType) -> str:
    """A digest of what a function does: it changes with its instructions, not with where they are written."""
    digest = blake2b(digest_size=8)
    pending = [code]
    while pending:
        current = pending.pop()
        digest.update(current.co_code)
        digest.update(repr((current.co_names, current.co_varnames, current.co_freevars)).encode())
        for constant in current.co_consts:
            if isinstance(constant, types.CodeType):
                pending.append(constant)
            else:
                stable = sorted(map(repr, constant)) if isinstance(constant, frozenset) else constant
                digest.update(repr(stable).encode())
    return digest.hexdigest()


def _menu(module: str) -> str:
    """The folder under `nodes` that a module is in: "nodes.sampling.ksampler" is in "sampling"."""
    parts = module.split(".")
    return "/".join(parts[1:-1]) if parts[0] == "nodes" else parts[0]

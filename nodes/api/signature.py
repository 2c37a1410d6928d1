"""Reads a function's annotations as sockets and widgets, and refuses those that mean nothing to a graph."""

import inspect
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from nodes.api import dynamic
from nodes.api.context import Context
from nodes.api.docstrings import read_docstring
from nodes.api.errors import DeclarationError
from nodes.api.gather import grow_of, has_default, is_variant, row_of, variants_of
from nodes.api.input_pairs import input_config
from nodes.api.sockets import LazyMark, Socket
from nodes.api.spec import MISSING, InputSpec, OutputSpec
from nodes.api.widgets import (
    SEED_MAXIMUM,
    Choice,
    File,
    Grow,
    Hint,
    Range,
    SeedWidget,
    Text,
    Toggle,
    Widget,
)

PLAIN_TYPES: Mapping[Any, str] = {int: "INT", float: "FLOAT", str: "STRING", bool: "BOOLEAN"}
WIDGET_TYPES: Mapping[type, tuple[str, ...]] = {
    Range: ("INT", "FLOAT"),
    SeedWidget: ("INT",),
    Text: ("STRING",),
    Toggle: ("BOOLEAN",),
    File: ("STRING",),
    Choice: ("STRING", "INT", "FLOAT", "BOOLEAN", "*"),
}


@dataclass(frozen=True)
class Reading:
    """What one annotation says; `inner` is what grows, `options` what a drop-down that brings inputs says."""

    type: str = ""
    widget: Widget | None = None
    hint: Hint = field(default_factory=Hint)
    grow: Grow = field(default_factory=Grow)
    lazy: bool = False
    is_list: bool = False
    optional: bool = False
    type_variable: str | None = None
    inner: "Reading | None" = None
    options: Mapping[str, Any] = field(default_factory=dict)


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of a function, with their extras; raises DeclarationError where one cannot be read."""
    try:
        return get_type_hints(function, include_extras=True)
    except (NameError, TypeError, AttributeError) as error:
        raise DeclarationError(f"{function.__qualname__}: an annotation cannot be read: {error}") from error


def read_annotation(annotation: Any, where: str) -> Reading:
    """The socket, widget and marks of one annotation; `where` names it in errors."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _read_marked(annotation, where)
    if origin is Literal:
        return Reading(type="COMBO", widget=Choice(get_args(annotation)))
    if variants_of(annotation):
        return _read_variants(annotation, where)
    if origin in (Union, types.UnionType):
        return _read_union(get_args(annotation), where)
    if origin is dict:
        inner = read_annotation(get_args(annotation)[1], where)
        return Reading(type=dynamic.AUTOGROW, inner=replace(inner, is_list=False), is_list=inner.is_list)
    if origin is list:
        return _read_list(annotation, where)
    if isinstance(annotation, TypeVar):
        return _read_type_variable(annotation, where)
    if annotation in PLAIN_TYPES:
        return Reading(type=PLAIN_TYPES[annotation])
    if annotation is SeedWidget:
        return Reading(type="INT", widget=SeedWidget())
    if annotation is Text:
        return Reading(type="STRING", widget=Text())
    raise DeclarationError(
        f"{where}: {annotation!r} is neither a socket type (Image, Latent, ...), nor int, float, str, bool, "
        "nor a widget"
    )


def _read_list(annotation: Any, where: str) -> Reading:
    if (row := row_of(annotation)) is not None:
        return _read_rows(row, Grow(), where)
    inner = read_annotation(get_args(annotation)[0], where)
    if inner.is_list:
        raise DeclarationError(f"{where}: a list of lists cannot travel on a link")
    return replace(inner, is_list=True)


def _read_marked(annotation: Any, where: str) -> Reading:
    base, *marks = get_args(annotation)
    if (row := row_of(base)) is not None:
        reading = _read_rows(row, grow_of(annotation), where)
        return replace(reading, hint=next((mark for mark in marks if isinstance(mark, Hint)), Hint()))
    socket = next((mark for mark in marks if isinstance(mark, Socket)), None)
    if socket is not None:
        reading = Reading(type=socket.type)
    elif base is Any and any(isinstance(mark, Choice) for mark in marks):
        reading = Reading(type="*")
    else:
        reading = read_annotation(base, where)
    for mark in marks:
        reading = _apply_mark(reading, mark, where)
    return reading


def _apply_mark(reading: Reading, mark: Any, where: str) -> Reading:
    if isinstance(mark, LazyMark):
        return replace(reading, lazy=True)
    if isinstance(mark, Hint):
        return replace(reading, hint=mark)
    if isinstance(mark, Grow):
        return replace(reading, grow=mark)
    allowed = WIDGET_TYPES.get(type(mark))
    if allowed is None:
        return reading
    if reading.type not in allowed:
        raise DeclarationError(
            f"{where}: {type(mark).__name__} goes with {' or '.join(allowed)}, not with {reading.type}"
        )
    combo = isinstance(mark, Choice | File)
    return replace(reading, widget=mark, type="COMBO" if combo else reading.type)


def _read_union(members: tuple[Any, ...], where: str) -> Reading:
    present = [member for member in members if member is not type(None)]
    optional = len(present) < len(members)
    readings = [read_annotation(member, where) for member in present]
    if len(readings) == 1:
        return replace(readings[0], optional=optional)
    return Reading(type=",".join(dict.fromkeys(reading.type for reading in readings)), optional=optional)


def _read_variants(annotation: Any, where: str) -> Reading:
    """A drop-down whose words are dataclasses that bring their fields as inputs."""
    members = get_args(annotation) or (annotation,)
    words = []
    for variant in (member for member in members if is_variant(member)):
        sections: dict[str, dict[str, Any]] = {}
        for place, spec in _fields_of(variant, where):
            if isinstance(spec.widget, File):
                raise DeclarationError(f"{place}: a drop-down cannot bring a list of files")
            sections.setdefault(spec.section, {})[spec.name] = input_config(spec, lambda folder: [])
        words.append({"key": vars(variant)["key"], "inputs": sections or {"required": {}}})
    return Reading(type=dynamic.COMBO, optional=type(None) in members, options={"options": words})


def _read_rows(row: type, grow: Grow, where: str) -> Reading:
    """Rows of the fields of a dataclass, all of which have widgets."""
    template: dict[str, dict[str, Any]] = {}
    for place, spec in _fields_of(row, where):
        if spec.widget is None and spec.type not in PLAIN_TYPES.values():
            raise DeclarationError(f"{place}: rows hold widgets, and {spec.type} is a socket")
        kind, options = input_config(spec, lambda folder: [])
        if isinstance(spec.widget, File):
            kind, options = "COMBO", {**options, dynamic.FILES: spec.widget.folder}
        elif isinstance(kind, list):
            kind, options = "COMBO", {**options, "options": kind}
        template.setdefault(spec.section, {})[spec.name] = [kind, options]
    told = {"template": template, "min": grow.minimum, "max": grow.maximum}
    return Reading(type=dynamic.GROUP, options={**told, "group_name": grow.prefix} if grow.prefix else told)


def _fields_of(declared: type, where: str) -> list[tuple[str, InputSpec]]:
    """The inputs that the fields of a dataclass declare, each with what names it in errors."""
    tooltips = read_docstring(declared.__doc__).arguments
    hints = hints_of(declared)
    found = []
    for entry in fields(declared):
        place = f"{where}, {declared.__name__}.{entry.name}"
        default = entry.default if has_default(entry) else MISSING
        reading = read_annotation(hints[entry.name], place)
        found.append((place, _input_of(entry.name, reading, default, tooltips, place)))
    return found


def _read_type_variable(variable: TypeVar, where: str) -> Reading:
    members = variable.__constraints__ or ((variable.__bound__,) if variable.__bound__ else ())
    if not members or members == (Any,):
        return Reading(type="*", type_variable=variable.__name__)
    return replace(_read_union(tuple(members), where), type_variable=variable.__name__, widget=None)


def wants_context(function: Callable[..., Any], hints: Mapping[str, Any]) -> bool:
    """Whether the first parameter is a context; a context anywhere else is refused."""
    for position, name in enumerate(inspect.signature(function).parameters):
        if hints.get(name) is Context:
            if position > 0:
                raise DeclarationError(f"{function.__qualname__}: the context must be the first parameter")
            return True
    return False


def read_inputs(
    function: Callable[..., Any], hints: Mapping[str, Any], tooltips: Mapping[str, str], skip_first: bool
) -> tuple[InputSpec, ...]:
    """One input for each parameter, in their order."""
    parameters = list(inspect.signature(function).parameters.values())[1 if skip_first else 0 :]
    inputs: list[InputSpec] = []
    for parameter in parameters:
        entry = _read_input(function, parameter, hints, tooltips)
        if parameter.kind is parameter.VAR_KEYWORD:
            # One input for each name, which need not be one that Python could give to a parameter.
            inputs += [replace(entry, name=name) for name in _names_of(parameter, hints)]
        else:
            inputs.append(entry)
    return tuple(inputs)


def _names_of(parameter: inspect.Parameter, hints: Mapping[str, Any]) -> tuple[str, ...]:
    marks = get_args(hints.get(parameter.name))[1:]
    return next((mark.names for mark in marks if isinstance(mark, Grow)), ())


def _read_input(
    function: Callable[..., Any],
    parameter: inspect.Parameter,
    hints: Mapping[str, Any],
    tooltips: Mapping[str, str],
) -> InputSpec:
    where = f"{function.__qualname__}, parameter {parameter.name}"
    unnamed = parameter.kind is parameter.VAR_KEYWORD and not _names_of(parameter, hints)
    if unnamed or parameter.kind is parameter.POSITIONAL_ONLY:
        raise DeclarationError(
            f"{where}: inputs have names, so neither **{parameter.name} nor '/' can be one"
        )
    if parameter.name not in hints:
        raise DeclarationError(f"{where}: has no annotation, so its socket is unknown")
    reading = read_annotation(hints[parameter.name], where)
    variadic = parameter.kind is parameter.VAR_POSITIONAL
    default = MISSING if parameter.default is parameter.empty else parameter.default
    entry = _input_of(parameter.name, reading, default, tooltips, where)
    if not variadic:
        return entry
    grow = reading.grow
    prefix = grow.prefix or parameter.name.removesuffix("s")
    options = {**entry.options, "prefix": prefix, "min": grow.minimum, "max": grow.maximum}
    return replace(entry, variadic=True, options=options)


def _input_of(
    name: str, reading: Reading, default: Any, tooltips: Mapping[str, str], where: str
) -> InputSpec:
    """The input that a parameter or a field declares."""
    _check_default(reading, default, where)
    options = {**reading.hint.extra, **reading.options}
    widget = reading.widget
    if widget is not None:
        options |= widget.extra
    if reading.hint.socket_only:
        options["forceInput"] = True
    if reading.inner is not None:
        options["template"] = _template(name, reading.inner, reading.grow)
    return InputSpec(
        name=name,
        type=reading.type,
        section="optional" if reading.optional or reading.hint.optional else "required",
        widget=widget,
        default=default,
        lazy=reading.lazy,
        is_list=reading.is_list,
        tooltip=reading.hint.tooltip or (widget.tooltip if widget else None) or tooltips.get(name),
        type_variable=reading.type_variable,
        options=options,
        unlisted=reading.hint.unlisted,
    )


def _template(name: str, inner: Reading, grow: Grow) -> dict[str, Any]:
    """What a growing input is made of; widgets become sockets."""
    plain = any(kind in PLAIN_TYPES.values() for kind in inner.type.split(","))
    single = grow.prefix or name.removesuffix("s")
    entry = InputSpec(
        name=single,
        type=inner.type,
        lazy=inner.lazy,
        type_variable=inner.type_variable,
        options={"forceInput": True} if plain else {},
    )
    template: dict[str, Any] = {"input": {"required": {single: input_config(entry, lambda folder: [])}}}
    if grow.names:
        return {**template, "names": list(grow.names), "min": grow.minimum}
    return {**template, "prefix": single, "min": grow.minimum, "max": grow.maximum}


def _check_default(reading: Reading, default: Any, where: str) -> None:
    """A default must be a value that the widget itself could hold."""
    if reading.optional and default is MISSING:
        raise DeclarationError(f"{where}: an optional input needs a default, usually None")
    if default is MISSING or default is None:
        if default is None and not reading.optional:
            raise DeclarationError(f"{where}: None is no value of {reading.type}; write '| None'")
        return
    expected = {"INT": (int,), "FLOAT": (int, float), "STRING": (str,), "BOOLEAN": (bool,)}.get(reading.type)
    if expected and (
        not isinstance(default, expected) or (isinstance(default, bool) and bool not in expected)
    ):
        raise DeclarationError(f"{where}: the default {default!r} is no {reading.type}")
    widget = reading.widget
    if isinstance(widget, Choice) and default not in widget.options:
        raise DeclarationError(f"{where}: the default {default!r} is not among {widget.options}")
    low, high = -float("inf"), float("inf")
    if isinstance(widget, Range):
        low, high = widget.minimum, widget.maximum
    elif isinstance(widget, SeedWidget):
        low, high = 0, SEED_MAXIMUM
    if isinstance(default, int | float) and not low <= default <= high:
        raise DeclarationError(f"{where}: the default {default!r} is not between {low} and {high}")


def read_outputs(
    function: Callable[..., Any],
    hints: Mapping[str, Any],
    names: tuple[str, ...] | None,
    returns: str,
    unlisted: tuple[str, ...] = (),
) -> tuple[OutputSpec, ...]:
    """One output for each value that the return annotation names; `unlisted` ones are not told to all."""
    where = f"{function.__qualname__}, return value"
    if "return" not in hints:
        raise DeclarationError(f"{where}: has no annotation; write '-> None' for a node without outputs")
    annotation = hints["return"]
    own_names: tuple[str, ...] | None = None
    if annotation in (None, type(None)):
        members: tuple[Any, ...] = ()
    elif not returns_tuple(annotation):
        members = (annotation,)
    elif get_origin(annotation) is tuple:
        members = get_args(annotation)
        if Ellipsis in members:
            raise DeclarationError(
                f"{where}: 'tuple[X, ...]' has no number of outputs; 'list[X]' is a list output"
            )
    else:
        fields = get_type_hints(annotation, include_extras=True)
        own_names, members = tuple(fields), tuple(fields.values())
    readings = [read_annotation(member, where) for member in members]
    names = names or own_names or tuple(reading.type for reading in readings)
    if len(names) != len(readings):
        raise DeclarationError(f"{where}: {len(readings)} outputs but {len(names)} names: {names}")
    tooltip = returns if len(readings) == 1 and returns else None
    return tuple(
        OutputSpec(
            name,
            reading.type,
            reading.is_list,
            tooltip,
            reading.type_variable,
            unlisted=name in unlisted,
        )
        for name, reading in zip(names, readings, strict=True)
    )


def returns_tuple(annotation: Any) -> bool:
    """Whether a function returns a tuple of outputs, rather than one output."""
    if get_origin(annotation) is tuple:
        return True
    return isinstance(annotation, type) and issubclass(annotation, tuple) and hasattr(annotation, "_fields")

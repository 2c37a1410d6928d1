"""What does a V1 node class say about itself? Its inputs, outputs and marks, as a NodeSpec."""

import inspect
import json
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, Literal

from nodes.api.declare import code_version
from nodes.api.dynamic import read_input
from nodes.api.errors import DeclarationError
from nodes.api.spec import InputSpec, NodeSpec, OutputSpec

Section = Literal["required", "optional"]
SECTIONS: tuple[Section, ...] = ("required", "optional")
KINDS = (
    "PROMPT",
    "DYNPROMPT",
    "EXTRA_PNGINFO",
    "UNIQUE_ID",
    "AUTH_TOKEN_COMFY_ORG",
    "API_KEY_COMFY_ORG",
)
"""Hidden inputs that the app itself fills."""
COMBO = "COMBO"
NOTHING_IS_CALLED_THIS = "\0"


def read_spec(cls: type, node_id: str, display_name: str | None, module: str) -> NodeSpec:
    """The spec of a V1 class, from what it says now; raises DeclarationError if it is none."""
    sections = input_sections(cls)
    types = output_types(cls)
    validated, judges_types = own_checks(cls)
    info = _info(cls, sections, types, module)
    return NodeSpec(
        id=node_id,
        display_name=display_name or node_id,
        description=text(getattr(cls, "DESCRIPTION", "")),
        category=text(getattr(cls, "CATEGORY", "sd")),
        module=module,
        inputs=tuple(_inputs(sections, validated)),
        outputs=_outputs(cls, types),
        output_node=getattr(cls, "OUTPUT_NODE", False) is True,
        hidden={name: kind for name, kind in hidden_kinds(sections).items() if kind in KINDS},
        deprecated=bool(getattr(cls, "DEPRECATED", False)),
        experimental=bool(getattr(cls, "EXPERIMENTAL", False)),
        aliases=tuple(text(alias) for alias in getattr(cls, "SEARCH_ALIASES", ()) or ()),
        pure=not hasattr(cls, "IS_CHANGED"),
        code_version=version_of(cls, text(getattr(cls, "FUNCTION", ""))),
        wants_list=bool(getattr(cls, "INPUT_IS_LIST", False)),
        own_link_check=judges_types,
        undeclared_links=True,
        undeclared_values=accepts_anything(sections),
        info=info,
    )


def input_sections(cls: Any) -> Mapping[str, Mapping[str, Any]]:
    """What INPUT_TYPES says now."""
    sections = cls.INPUT_TYPES()
    if not isinstance(sections, Mapping):
        raise DeclarationError(
            f"{cls.__name__}: INPUT_TYPES gave {type(sections).__name__}, not a dictionary"
        )
    return sections


def output_types(cls: Any) -> tuple[Any, ...]:
    """RETURN_TYPES; a class without it is no node."""
    types = getattr(cls, "RETURN_TYPES", None)
    if types is None:
        raise DeclarationError(f"{cls.__name__} has no RETURN_TYPES")
    return (types,) if isinstance(types, str) else tuple(types)


def hidden_kinds(sections: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The hidden inputs with what fills them; "*" and unknown kinds are filled by graphs."""
    kinds = {}
    for name, kind in (sections.get("hidden") or {}).items():
        first = kind[0] if isinstance(kind, tuple | list) and kind else kind
        kinds[name] = text(first)
    return kinds


def accepts_anything(sections: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether the optional section claims to hold inputs that it does not list."""
    optional = sections.get("optional")
    return optional is not None and NOTHING_IS_CALLED_THIS in optional


def own_checks(cls: Any) -> tuple[frozenset[str] | None, bool]:
    """The inputs that VALIDATE_INPUTS judges (None for all), and whether it judges the types of links."""
    function = getattr(cls, "VALIDATE_INPUTS", None)
    if function is None:
        return frozenset(), False
    parameters = inspect.signature(function).parameters.values()
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    names = frozenset(parameter.name for parameter in parameters)
    return None if takes_all else names - {"cls", "self"}, "input_types" in names


def type_name(kind: Any) -> str:
    """The name of a socket type; a list of words is a COMBO."""
    if isinstance(kind, list | tuple):
        return COMBO
    return text(kind)


def type_is_anything(kind: Any) -> bool:
    """Whether a type claims to be unequal to nothing."""
    return isinstance(kind, str) and not (kind != NOTHING_IS_CALLED_THIS)  # noqa: SIM202 - it overrides `!=` alone


def text(value: Any) -> str:
    """The plain text in a string of whatever class."""
    if isinstance(value, str):
        return str.__str__(value.value if isinstance(value, Enum) else value)
    return "" if value is None else str(value)


def plain(value: Any) -> Any:
    """A value as JSON can hold it; what JSON has no form for is written out."""
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, str):
        return str.__str__(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {text(key): plain(item) for key, item in value.items()}
    if isinstance(value, Iterable):
        return [plain(item) for item in value]
    return str(value)


def version_of(cls: type, function: str) -> str:
    """A digest of the method that does the work."""
    code = getattr(getattr(cls, function, None), "__code__", None)
    return "" if code is None else code_version(code)


def split_config(config: Any) -> tuple[Any, dict[str, Any]]:
    """Type and options of one declared input, however it is written."""
    if isinstance(config, str) or not isinstance(config, tuple | list) or not config:
        return config, {}
    options = config[1] if len(config) > 1 else {}
    return config[0], dict(options) if isinstance(options, Mapping) else {}


def _inputs(
    sections: Mapping[str, Mapping[str, Any]], validated: frozenset[str] | None
) -> Iterable[InputSpec]:
    declared: set[str] = set()
    for section in SECTIONS:
        for name, config in (sections.get(section) or {}).items():
            if name in declared:
                continue
            declared.add(name)
            kind, options = split_config(config)
            yield read_input(
                text(name),
                [plain(kind) if isinstance(kind, list | tuple) else text(kind), plain(options)],
                section,
                own_check=validated is None or name in validated,
                anything=type_is_anything(kind),
            )
    for name, kind in hidden_kinds(sections).items():
        if kind not in KINDS and name not in declared:
            yield InputSpec(name=text(name), type="*", section="optional", own_check=True)


def _outputs(cls: Any, types: tuple[Any, ...]) -> tuple[OutputSpec, ...]:
    names = output_names(cls, types)
    lists = output_lists(cls, types)
    tooltips = list(getattr(cls, "OUTPUT_TOOLTIPS", None) or ())
    return tuple(
        OutputSpec(
            name=text(names[index])
            if index < len(names) and isinstance(names[index], str)
            else type_name(kind),
            type=type_name(kind),
            is_list=lists[index],
            tooltip=tooltips[index] if index < len(tooltips) else None,
            type_anything=type_is_anything(kind),
        )
        for index, kind in enumerate(types)
    )


def output_names(cls: Any, types: tuple[Any, ...]) -> list[Any]:
    """RETURN_NAMES as they stand, or the types."""
    names = getattr(cls, "RETURN_NAMES", None)
    if names is None:
        return list(types)
    return [names] if isinstance(names, str) else list(names)


def output_lists(cls: Any, types: tuple[Any, ...]) -> list[bool]:
    """Which outputs are lists; what is not said is not."""
    given = [bool(flag) for flag in getattr(cls, "OUTPUT_IS_LIST", None) or ()]
    return [*given, *[False] * len(types)][: max(len(types), len(given))] or []


def _info(
    cls: Any, sections: Mapping[str, Mapping[str, Any]], types: tuple[Any, ...], module: str
) -> dict[str, Any]:
    """What `/object_info` says of the class that the spec itself cannot."""
    inputs = plain(sections)
    info: dict[str, Any] = {
        "input": inputs,
        "input_order": {section: list(entries) for section, entries in inputs.items()},
        "output": plain(types),
        "output_name": plain(output_names(cls, types)),
        "output_is_list": output_lists(cls, types),
        "python_module": module,
        "output_node": getattr(cls, "OUTPUT_NODE", False) is True,
    }
    if hasattr(cls, "OUTPUT_TOOLTIPS"):
        info["output_tooltips"] = plain(cls.OUTPUT_TOOLTIPS)
    if hasattr(cls, "API_NODE"):
        info["api_node"] = bool(cls.API_NODE)
    json.dumps(info)
    return info

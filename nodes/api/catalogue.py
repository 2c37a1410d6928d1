"""The list of all nodes: gathered from modules, and written as the ecosystem's `/object_info`."""

from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from nodes.api.declare import Node
from nodes.api.errors import DeclarationError
from nodes.api.spec import MISSING, InputSpec, NodeSpec
from nodes.api.widgets import SEED_MAXIMUM, Choice, File, Range, SeedWidget, Text, Toggle

ListFiles = Callable[[str], list[str]]


def collect(modules: Iterable[ModuleType]) -> dict[str, Node]:
    """Every node that the modules themselves declare, by id; raises DeclarationError when two share one."""
    found: dict[str, Node] = {}
    for module in modules:
        for value in vars(module).values():
            entry = getattr(value, "node", None)
            if not isinstance(entry, Node) or entry.spec.module != module.__name__:
                continue
            other = found.setdefault(entry.spec.id, entry)
            if other is not entry:
                raise DeclarationError(
                    f"two nodes are called {entry.spec.id}: {other.spec.module} and {entry.spec.module}"
                )
    return found


def object_info(spec: NodeSpec, list_files: ListFiles) -> dict[str, Any]:
    """One entry of `/object_info`; `list_files(folder)` names the files that file widgets offer now."""
    sections: dict[str, dict[str, Any]] = {"required": {}}
    for entry in spec.inputs:
        sections.setdefault(entry.section, {})[entry.name] = input_config(entry, list_files)
    if spec.hidden:
        sections["hidden"] = dict(spec.hidden)
    info: dict[str, Any] = {
        "input": sections,
        "input_order": {section: list(entries) for section, entries in sections.items()},
        "output": [_output_type(entry.type, entry.type_variable) for entry in spec.outputs],
        "output_is_list": [entry.is_list for entry in spec.outputs],
        "output_name": [entry.name for entry in spec.outputs],
        "name": spec.id,
        "display_name": spec.display_name,
        "description": spec.description,
        "python_module": "nodes" if spec.module.startswith("nodes.") else spec.module,
        "category": spec.category,
        "output_node": spec.output_node,
    }
    if any(entry.tooltip for entry in spec.outputs):
        info["output_tooltips"] = [entry.tooltip for entry in spec.outputs]
    if any(entry.type_variable for entry in spec.outputs):
        info["output_matchtypes"] = [entry.type_variable for entry in spec.outputs]
    if spec.deprecated:
        info["deprecated"] = True
    if spec.experimental:
        info["experimental"] = True
    if spec.aliases:
        info["search_aliases"] = list(spec.aliases)
    return {**info, **spec.info}


def input_config(entry: InputSpec, list_files: ListFiles) -> list[Any]:
    """The `[type, options]` pair of an input; the type of a drop-down is the list of its words."""
    options = input_options(entry)
    widget = entry.widget
    if isinstance(widget, Choice):
        return [list(widget.options), options]
    if isinstance(widget, File):
        return [list(list_files(widget.folder)), options]
    if entry.variadic:
        template = {name: options.pop(name) for name in ("prefix", "min", "max") if name in options}
        inner = {"required": {template["prefix"]: [entry.type, options]}}
        return ["COMFY_AUTOGROW_V3", {"template": {"input": inner, **template}}]
    if entry.type_variable:
        match = {"template_id": entry.type_variable, "allowed_types": entry.type}
        return ["COMFY_MATCHTYPE_V3", {**options, "template": match}]
    return [entry.type, options]


def input_options(entry: InputSpec) -> dict[str, Any]:
    """The option keys of an input, as pages of the ecosystem read them."""
    options: dict[str, Any] = {}
    if entry.default is not MISSING and entry.default is not None:
        options["default"] = float(entry.default) if entry.type == "FLOAT" else entry.default
    widget = entry.widget
    match widget:
        case Range():
            number = float if entry.type == "FLOAT" else int
            options |= {"min": number(widget.minimum), "max": number(widget.maximum)}
            options |= _given(step=widget.step, round=widget.round, display=widget.display)
        case SeedWidget():
            options |= {
                "min": 0,
                "max": SEED_MAXIMUM,
                "control_after_generate": widget.control_after_generate,
            }
        case Text():
            options["multiline"] = widget.multiline
            options |= _given(dynamicPrompts=widget.dynamic_prompts or None, placeholder=widget.placeholder)
        case Toggle():
            options |= _given(label_on=widget.label_on, label_off=widget.label_off)
        case File() if widget.upload:
            options[f"{widget.upload}_upload"] = True
    options |= _given(tooltip=entry.tooltip, lazy=entry.lazy or None)
    return {**options, **entry.options}


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _output_type(type_name: str, type_variable: str | None) -> str:
    return "COMFY_MATCHTYPE_V3" if type_variable else type_name

"""An input as the `[type, options]` pair in which pages of the ecosystem read it."""

from collections.abc import Callable
from typing import Any

from nodes.api.spec import MISSING, InputSpec
from nodes.api.widgets import SEED_MAXIMUM, Choice, File, Range, SeedWidget, Text, Toggle

ListFiles = Callable[[str], list[str]]


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

"""An input as the `[type, options]` pair in which pages of the ecosystem read it."""

from collections.abc import Callable, Mapping
from typing import Any

from nodes.api.dynamic import FILES, GROUP
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
    if entry.type == GROUP:
        options["template"] = _with_files(options["template"], list_files)
    return [entry.type, options]


def _with_files(template: Mapping[str, Any], list_files: ListFiles) -> dict[str, Any]:
    """The inputs of a row, with the files that their drop-downs list now."""
    return {
        section: {name: _listed(config, list_files) for name, config in inputs.items()}
        for section, inputs in template.items()
    }


def _listed(config: Any, list_files: ListFiles) -> Any:
    options = config[1] if len(config) > 1 else {}
    if FILES not in options:
        return config
    told = {name: value for name, value in options.items() if name != FILES}
    return ["COMBO", {**told, "options": list(list_files(options[FILES]))}]


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

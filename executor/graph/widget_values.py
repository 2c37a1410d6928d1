"""Names for the widget values that pages save by position."""

from collections.abc import Mapping
from typing import Any

from nodes.api.dynamic import COMBO, GROUP, brought, row_count, rows_present, words
from nodes.api.input_pairs import input_options
from nodes.api.spec import MISSING, InputSpec, NodeSpec
from nodes.api.widgets import Choice

DRAWN_TYPES = ("COLOR", "COLORS", "CURVE", "BOUNDING_BOX", "BOUNDING_BOXES", "RANGE", "PAINTER", "COMPOSITOR")
WIDGET_TYPES = ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", COMBO, GROUP, *DRAWN_TYPES)
CONTROL_WORDS = ("fixed", "increment", "decrement", "randomize", "increment-wrap")
SEED_NAMES = ("seed", "noise_seed")
NOT_INPUTS = ("control_after_generate", "control_filter_list", "upload", "audioUI")
"""Values that pages save beside the inputs, for controls of their own."""
EMPTY: Mapping[str, Any] = {"INT": 0, "FLOAT": 0.0, "STRING": "", "BOOLEAN": False}


def widget_values(node: Mapping[str, Any], spec: NodeSpec | None) -> dict[str, Any]:
    """The widget values of a saved node by input name, with start values for those it did not save.

    Without a spec only values that were saved with their names are found.
    """
    stored = node.get("widgets_values")
    named = node.get("widgets_values_named")
    if isinstance(stored, Mapping):
        values = dict(stored)
    elif isinstance(stored, list) and isinstance(named, Mapping) and len(named) == len(stored):
        values = dict(zip(named, stored, strict=True))
    elif isinstance(stored, list) and spec is not None:
        values = _by_position(stored, spec)
    else:
        values = {}
    if spec is None:
        return {name: value for name, value in values.items() if name not in NOT_INPUTS}
    result: dict[str, Any] = {}
    pending = ordered_inputs(spec)
    while pending:
        entry = pending.pop(0)
        value = values.get(entry.name)
        if entry.type == GROUP:
            pending = brought(entry, _rows(entry, value, values)) + pending
            continue
        if value is None and has_widget(entry):
            value = start_value(entry)
        if value is not None and value is not MISSING:
            result[entry.name] = value
        if entry.type == COMBO:
            pending = brought(entry, value) + pending
    return result


def _rows(entry: InputSpec, told: Any, values: Mapping[str, Any]) -> int:
    """How many rows a saved node has: as many as it says, or as it has values for."""
    present = rows_present(entry.name, values)
    return row_count(entry, told if told is not None else present[-1] + 1 if present else None)


def ordered_inputs(spec: NodeSpec) -> list[InputSpec]:
    """The inputs in the order of their widgets: required ones first."""
    required = [entry for entry in spec.inputs if entry.section == "required"]
    return required + [entry for entry in spec.inputs if entry.section == "optional"]


def has_widget(entry: InputSpec) -> bool:
    """Whether pages draw a widget for an input, and so save a value for it."""
    return _could_have_widget(entry) and not entry.options.get("forceInput")


def _could_have_widget(entry: InputSpec) -> bool:
    return entry.widget is not None or (entry.type in WIDGET_TYPES and not entry.variadic)


def start_value(entry: InputSpec) -> Any:
    """What a new widget holds; MISSING where that depends on the files there are."""
    options = input_options(entry)
    if options.get("default") is not None:
        return options["default"]
    if isinstance(entry.widget, Choice):
        return entry.widget.options[0] if entry.widget.options else MISSING
    if entry.type == COMBO:
        return next(iter(words(entry)), MISSING)
    value, minimum = EMPTY.get(entry.type, MISSING), options.get("min")
    return max(value, minimum) if minimum is not None and value is not MISSING else value


def _by_position(stored: list[Any], spec: NodeSpec) -> dict[str, Any]:
    """Values in widget order; a seed is followed by the word that says how it changes."""
    entries = [entry for entry in ordered_inputs(spec) if has_widget(entry)]
    with_forced = [entry for entry in ordered_inputs(spec) if _could_have_widget(entry)]
    if len(with_forced) > len(entries) and len(stored) == len(with_forced):
        entries = with_forced
    values: dict[str, Any] = {}
    position = 0
    while entries and position < len(stored):
        entry = entries.pop(0)
        values[entry.name] = stored[position]
        position += 1
        if entry.type in (COMBO, GROUP):
            entries = [child for child in brought(entry, values[entry.name]) if has_widget(child)] + entries
        following = entries[0] if entries else None
        if position < len(stored) and _is_control(entry, stored[position], following):
            position += 1
    return values


def _is_control(entry: InputSpec, value: Any, following: InputSpec | None) -> bool:
    """Whether a value is the control of the seed before it; very old files save it as a boolean."""
    controlled = entry.name in SEED_NAMES or bool(input_options(entry).get("control_after_generate"))
    if not controlled:
        return False
    if isinstance(value, bool):
        return following is None or following.type != "BOOLEAN"
    return value in CONTROL_WORDS

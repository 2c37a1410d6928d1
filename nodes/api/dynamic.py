"""Which inputs does an instance have, where its node's inputs depend on what is filled in?

Declared inputs are known from `[type, options]` pairs. Four types stand for more than one input: a growing
one ("ag" stands for "ag.v0", "ag.v1", ...), a drop-down whose choice brings inputs ("dc" and "dc.width"), a
socket that brings inputs once it is linked, and rows of the same inputs ("gr" stands for "gr.0.width",
"gr.1.width", ...).
"""

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from nodes.api.spec import InputSpec, NodeSpec
from nodes.api.widgets import Choice, File

AUTOGROW: Final = "COMFY_AUTOGROW_V3"
COMBO: Final = "COMFY_DYNAMICCOMBO_V3"
SLOT: Final = "COMFY_DYNAMICSLOT_V3"
GROUP: Final = "COMFY_DYNAMICGROUP_V3"
MATCH: Final = "COMFY_MATCHTYPE_V3"
DYNAMIC: Final = frozenset({AUTOGROW, COMBO, SLOT, GROUP})
FILES: Final = "files_of"
"""The option of an input of rows that names the folder whose files its drop-down lists."""
MOST_ROWS: Final = 50

Section = Literal["required", "optional"]


def is_dynamic(spec: NodeSpec) -> bool:
    """Whether instances of a node have inputs that the node itself does not name."""
    return any(is_template(entry) for entry in spec.inputs)


def is_template(entry: InputSpec) -> bool:
    """Whether an input stands for others."""
    return entry.type in DYNAMIC and not entry.variadic


def live_inputs(spec: NodeSpec, values: Mapping[str, Any]) -> tuple[InputSpec, ...]:
    """The inputs of an instance with these values, by their full names, in declared order."""
    found: list[InputSpec] = []
    for entry in spec.inputs:
        found.extend(expand(entry, values))
    return tuple(found)


def expand(entry: InputSpec, values: Mapping[str, Any]) -> Iterator[InputSpec]:
    """An input as it is, or those that it stands for; what is not filled in stands for nothing."""
    if not is_template(entry):
        yield entry
    elif entry.type == AUTOGROW:
        yield from _grown(entry, values)
    elif entry.type == COMBO:
        yield from _chosen(entry, values)
    elif entry.type == GROUP:
        present = rows_present(entry.name, values)
        yield from row_inputs(entry, sorted({*present, *range(entry.options.get("min", 0))}))
    elif entry.name in values:
        yield _replaced(entry, str(entry.options.get("slotType", "*")))
        for child in _children(entry, entry.options.get("inputs", {})):
            yield from expand(child, values)


def _grown(entry: InputSpec, values: Container[str]) -> Iterator[InputSpec]:
    template = entry.options.get("template", {})
    sections: Mapping[str, Mapping[str, Any]] = template.get("input", {})
    config = next((config for inputs in sections.values() for config in inputs.values()), ["*", {}])
    for index, name in enumerate(grown_names(template)):
        full = f"{entry.name}.{name}"
        if full in values:
            section: Section = "required" if index < template.get("min", 1) else "optional"
            yield read_input(full, config, section)


def grown_names(template: Mapping[str, Any]) -> Sequence[str]:
    """The names that a growing input may take."""
    if "names" in template:
        return list(template["names"])
    return [f"{template.get('prefix', '')}{number}" for number in range(template.get("max", 10))]


def rows_present(name: str, values: Iterable[str]) -> list[int]:
    """The numbers of the rows under a name of which something is there, in their order."""
    pattern = re.compile(re.escape(name) + r"\.([0-9]{1,4})\..")
    return sorted({int(found[1]) for full in values if (found := pattern.match(full))})


def row_inputs(entry: InputSpec, numbers: Iterable[int]) -> list[InputSpec]:
    """The inputs of rows, by their full names."""
    sections = entry.options.get("template", {})
    return [child for number in numbers for child in _children(entry, sections, f"{number}.")]


def row_count(entry: InputSpec, told: Any) -> int:
    """How many rows there are where a page told a number; the least where it told none."""
    least: int = entry.options.get("min", 0)
    most: int = entry.options.get("max", MOST_ROWS)
    is_number = isinstance(told, int | float) and not isinstance(told, bool) and told == told
    return max(least, min(int(told), most)) if is_number else least


def _chosen(entry: InputSpec, values: Mapping[str, Any]) -> Iterator[InputSpec]:
    choice = values.get(entry.name)
    keys = words(entry)
    if choice not in keys:
        return
    yield InputSpec(entry.name, "COMBO", entry.section, Choice(keys), own_check=entry.own_check)
    for child in brought(entry, choice):
        yield from expand(child, values)


def words(entry: InputSpec) -> list[Any]:
    """The words of a drop-down whose choice brings inputs."""
    return [option["key"] for option in entry.options.get("options", [])]


def brought(entry: InputSpec, word: Any) -> list[InputSpec]:
    """The inputs that a word of such a drop-down brings; those that stand for others are among them.

    For rows, the word is their number.
    """
    if entry.type == GROUP:
        return row_inputs(entry, range(row_count(entry, word)))
    for option in entry.options.get("options", []):
        if option["key"] == word:
            return list(_children(entry, option["inputs"]))
    return []


def _children(
    entry: InputSpec, sections: Mapping[str, Mapping[str, Any]], prefix: str = ""
) -> Iterator[InputSpec]:
    for section, inputs in sections.items():
        for name, config in inputs.items():
            kind: Section = "optional" if section == "optional" else "required"
            yield read_input(f"{entry.name}.{prefix}{name}", config, kind)


def _replaced(entry: InputSpec, kind: str) -> InputSpec:
    return InputSpec(entry.name, kind, entry.section, own_check=entry.own_check, options=entry.options)


def read_input(
    name: str, config: Any, section: Section, *, own_check: bool = False, anything: bool = False
) -> InputSpec:
    """The input that a `[type, options]` pair of plain data declares."""
    kind = config[0] if config else "*"
    given = config[1] if len(config) > 1 else {}
    options: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    choices: Sequence[Any] | None = kind if isinstance(kind, list) else None
    variable = None
    if FILES in options:
        return InputSpec(name, "COMBO", section, File(options[FILES]), options=options)
    if kind == "COMBO" and options.get("options") and not options.get("multiselect"):
        choices = options["options"]
    if kind == MATCH:
        template = options.get("template", {})
        kind, variable = template.get("allowed_types", "*"), template.get("template_id")
    return InputSpec(
        name=name,
        type="COMBO" if isinstance(kind, list) else kind,
        section=section,
        widget=None if choices is None or options.get("multi_select") else Choice(choices),
        lazy=bool(options.get("lazy", False)),
        type_variable=variable,
        options=options,
        own_check=own_check,
        type_anything=anything,
    )

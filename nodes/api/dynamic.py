"""Which inputs does an instance have, where its node's inputs depend on what is filled in?

Declared inputs are known from `[type, options]` pairs. Three types stand for more than one input: a growing
one ("ag" stands for "ag.v0", "ag.v1", ...), a drop-down whose choice brings inputs ("dc" and "dc.width"), and
a socket that brings inputs once it is linked.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from nodes.api.spec import InputSpec, NodeSpec
from nodes.api.widgets import Choice

AUTOGROW: Final = "COMFY_AUTOGROW_V3"
COMBO: Final = "COMFY_DYNAMICCOMBO_V3"
SLOT: Final = "COMFY_DYNAMICSLOT_V3"
MATCH: Final = "COMFY_MATCHTYPE_V3"
DYNAMIC: Final = frozenset({AUTOGROW, COMBO, SLOT})

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
    """The inputs that a word of such a drop-down brings; those that stand for others are among them."""
    for option in entry.options.get("options", []):
        if option["key"] == word:
            return list(_children(entry, option["inputs"]))
    return []


def _children(entry: InputSpec, sections: Mapping[str, Mapping[str, Any]]) -> Iterator[InputSpec]:
    for section, inputs in sections.items():
        for name, config in inputs.items():
            kind: Section = "optional" if section == "optional" else "required"
            yield read_input(f"{entry.name}.{name}", config, kind)


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

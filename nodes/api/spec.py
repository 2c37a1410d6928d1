"""What a node is, as pure data: it crosses processes as JSON, and nothing in it can be called."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any, Final, Literal

from nodes.api.widgets import Widget, widget_from_json, widget_to_json


class Missing(Enum):
    """The type of `MISSING`."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING
"""Stands for "no default"; `None` is a default like any other."""


@dataclass(frozen=True)
class InputSpec:
    """One input of a node: its socket, its widget if it has one, and what the page should know.

    own_check: the node judges literals itself, so neither bounds nor choices are checked for it.
    type_anything: every output fits, whatever its type is called.
    unlisted: clients that do not know of it are not told.
    """

    name: str
    type: str
    section: Literal["required", "optional"] = "required"
    widget: Widget | None = None
    default: Any = MISSING
    lazy: bool = False
    is_list: bool = False
    tooltip: str | None = None
    variadic: bool = False
    type_variable: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    own_check: bool = False
    type_anything: bool = False
    unlisted: bool = False


@dataclass(frozen=True)
class OutputSpec:
    """One output of a node; with `type_anything` it fits every input.

    unlisted: clients that do not know of it are not told.
    """

    name: str
    type: str
    is_list: bool = False
    tooltip: str | None = None
    type_variable: str | None = None
    type_anything: bool = False
    unlisted: bool = False


@dataclass(frozen=True)
class NodeSpec:
    """Everything about a node but its function.

    wants_list: it is called once, and every input arrives as a list.
    own_link_check: the node judges the types of its links itself.
    undeclared_links: links into inputs that it does not declare are computed and passed on.
    undeclared_values: so are literals.
    info: entries of its `/object_info` that are written as they stand here.
    """

    id: str
    display_name: str
    description: str = ""
    category: str = ""
    module: str = ""
    inputs: tuple[InputSpec, ...] = ()
    outputs: tuple[OutputSpec, ...] = ()
    output_node: bool = False
    hidden: Mapping[str, str] = field(default_factory=dict)
    deprecated: bool = False
    experimental: bool = False
    aliases: tuple[str, ...] = ()
    pure: bool = True
    code_version: str = ""
    wants_list: bool = False
    own_link_check: bool = False
    undeclared_links: bool = False
    undeclared_values: bool = False
    info: Mapping[str, Any] = field(default_factory=dict)

    @property
    def offered(self) -> tuple[OutputSpec, ...]:
        """The outputs that all clients are told of."""
        return tuple(entry for entry in self.outputs if not entry.unlisted)

    def input(self, name: str) -> InputSpec | None:
        """The input of that name; `images.image3` is found under the growing input `images`."""
        stem = name.partition(".")[0]
        for candidate in self.inputs:
            if candidate.name == name or (candidate.variadic and candidate.name == stem):
                return candidate
        return None

    def to_json(self) -> dict[str, Any]:
        """The spec as JSON that `from_json` reads back to an equal one."""
        data = _plain(self, NodeSpec(id="", display_name=""))
        data["inputs"] = [_input_to_json(entry) for entry in self.inputs]
        data["outputs"] = [_plain(entry, OutputSpec(name="", type="")) for entry in self.outputs]
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "NodeSpec":
        """The spec that `to_json` wrote."""
        values = dict(data)
        values["inputs"] = tuple(_input_from_json(entry) for entry in values.get("inputs", ()))
        values["outputs"] = tuple(OutputSpec(**entry) for entry in values.get("outputs", ()))
        values["aliases"] = tuple(values.get("aliases", ()))
        return cls(**values)


def _plain(entry: Any, reference: Any) -> dict[str, Any]:
    """The fields of a dataclass that differ from those of `reference`, one level deep."""
    data: dict[str, Any] = {}
    for item in fields(entry):
        value = getattr(entry, item.name)
        if value != getattr(reference, item.name) or item.name in ("id", "display_name", "name", "type"):
            data[item.name] = list(value) if isinstance(value, tuple) else value
    return data


def _input_to_json(entry: InputSpec) -> dict[str, Any]:
    data = _plain(entry, InputSpec(name="", type=""))
    if entry.widget is not None:
        data["widget"] = widget_to_json(entry.widget)
    return data


def _input_from_json(data: Mapping[str, Any]) -> InputSpec:
    values = dict(data)
    if "widget" in values:
        values["widget"] = widget_from_json(values["widget"])
    return InputSpec(**values)

"""V3 inputs that stand for others: growing ones, drop-downs that bring inputs, types tied together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from custom_nodes.v3.inputs import Input, Output, WidgetInput
from custom_nodes.v3.types import AnyType
from nodes.api import dynamic as api

MOST_NAMES = 100


def sections_of(inputs: Iterable[Input]) -> dict[str, dict[str, Any]]:
    """Inputs as the page reads them, by section."""
    sections: dict[str, dict[str, Any]] = {"required": {}}
    for entry in inputs:
        section = "optional" if entry.optional else "required"
        sections.setdefault(section, {})[entry.id] = (entry.get_io_type(), entry.as_dict())
    return sections


class DynamicInput(Input):
    """An input that stands for others; `collect` makes one argument of them."""

    is_dynamic: ClassVar[bool] = True

    def collect(self, key: str, flat: dict[str, Any], named: bool) -> Any:
        """The argument for this input from values by full name, taken out of `flat`; MISSING if none.

        With `named`, each value comes as a pair with its full name.
        """
        return MISSING


MISSING = object()


def take(key: str, flat: dict[str, Any], named: bool) -> Any:
    """A value by its full name."""
    value = flat.pop(key)
    return (value, key) if named else value


def collect_all(
    inputs: Iterable[Input], key: str, flat: dict[str, Any], named: bool, into: dict[str, Any]
) -> None:
    """The values of inputs below a name, by their own names."""
    for entry in inputs:
        full = f"{key}.{entry.id}"
        if isinstance(entry, DynamicInput):
            value = entry.collect(full, flat, named)
            if value is not MISSING:
                into[entry.id] = value
        elif full in flat:
            into[entry.id] = take(full, flat, named)


class Template:
    """What a growing input is made of."""

    def __init__(self, input: Input, names: Sequence[str], minimum: int, told: dict[str, Any]) -> None:
        if input.is_dynamic:
            raise ValueError("what grows cannot itself stand for others")
        if len(names) > MOST_NAMES:
            raise ValueError(f"at most {MOST_NAMES} names are possible, not {len(names)}")
        if isinstance(input, WidgetInput):
            input.force_input = True
        self.input = input
        self.cached_inputs = dict.fromkeys(names, input)
        self.names = list(names)
        self.min = minimum
        self.told = told

    def as_dict(self) -> dict[str, Any]:
        """The template as the page reads it."""
        sections = {name: entries for name, entries in sections_of([self.input]).items() if entries}
        return {"input": sections, **self.told}


class TemplatePrefix(Template):
    """Names are a word with numbers from 0."""

    def __init__(self, input: Input, prefix: str, min: int = 1, max: int = 10) -> None:
        names = [f"{prefix}{number}" for number in range(max)]
        super().__init__(input, names, min, {"prefix": prefix, "min": min, "max": max})
        self.prefix = prefix
        self.max = max


class TemplateNames(Template):
    """Names are given."""

    def __init__(self, input: Input, names: list[str], min: int = 1) -> None:
        super().__init__(input, names, min, {"names": list(names), "min": min})


class Autogrow:
    """An input that grows with what is linked to it."""

    io_type = api.AUTOGROW
    Type = dict[str, Any]
    TemplatePrefix = TemplatePrefix
    TemplateNames = TemplateNames

    class Input(DynamicInput):
        """The argument is a dictionary by name."""

        io_type: ClassVar[str] = api.AUTOGROW

        def __init__(self, id: str, template: Template, *values: Any, **named: Any) -> None:
            super().__init__(id, *values, **named)
            self.template = template

        def own_options(self) -> dict[str, Any]:
            """The template."""
            return {"template": self.template.as_dict()}

        def collect(self, key: str, flat: dict[str, Any], named: bool) -> Any:
            """What is there, by name."""
            there = [name for name in self.template.names if f"{key}.{name}" in flat]
            return {name: take(f"{key}.{name}", flat, named) for name in there} or MISSING


@dataclass
class Option:
    """One word of a drop-down, with the inputs it brings."""

    key: str
    inputs: list[Input]

    def as_dict(self) -> dict[str, Any]:
        """The option as the page reads it."""
        return {"key": self.key, "inputs": sections_of(self.inputs)}


class DynamicCombo:
    """A drop-down whose choice brings inputs."""

    io_type = api.COMBO
    Type = dict[str, Any]
    Option = Option

    class Input(DynamicInput):
        """The argument is a dictionary: the choice under the input's own name, and what it brought."""

        io_type: ClassVar[str] = api.COMBO

        def __init__(self, id: str, options: list[Option], *values: Any, **named: Any) -> None:
            super().__init__(id, *values, **named)
            self.options = options

        def own_options(self) -> dict[str, Any]:
            """The words with their inputs."""
            return {"options": [option.as_dict() for option in self.options]}

        def collect(self, key: str, flat: dict[str, Any], named: bool) -> Any:
            """The choice and its inputs."""
            choice = flat.get(key)
            option = next((option for option in self.options if option.key == choice), None)
            if option is None:
                return MISSING
            found: dict[str, Any] = {self.id: take(key, flat, named)}
            collect_all(option.inputs, key, flat, named, found)
            return found


class DynamicGroup:
    """Rows of the same inputs."""

    io_type = api.GROUP
    Type = list[dict[str, Any]]

    class Input(DynamicInput):
        """The argument is a list with a dictionary for each row; what rows in between lack is None."""

        io_type: ClassVar[str] = api.GROUP

        def __init__(
            self,
            id: str,
            template: list[Input],
            *values: Any,
            min: int = 0,
            max: int = api.MOST_ROWS,
            group_name: str | None = None,
            **named: Any,
        ) -> None:
            super().__init__(id, *values, **named)
            if any(entry.is_dynamic or not isinstance(entry, WidgetInput) for entry in template):
                raise ValueError(f"the rows of {id} can only hold widgets")
            if not 0 <= min <= max:
                raise ValueError(f"{id} cannot have from {min} to {max} rows")
            self.template = template
            self.told = {"min": min, "max": max, "group_name": group_name}

        def own_options(self) -> dict[str, Any]:
            """The inputs of a row, and how many there may be."""
            return {"template": sections_of(self.template), **self.told}

        def collect(self, key: str, flat: dict[str, Any], named: bool) -> Any:
            """The rows from the first to the last of which something is there."""
            numbers = api.rows_present(key, flat)
            if not numbers:
                return [] if self.told["min"] == 0 else MISSING
            rows = []
            for number in range(numbers[-1] + 1):
                row: dict[str, Any] = {entry.id: None for entry in self.template if not entry.optional}
                collect_all(self.template, f"{key}.{number}", flat, named, row)
                rows.append(row)
            return rows


class DynamicSlot:
    """A socket that brings inputs once it is filled."""

    io_type = api.SLOT
    Type = dict[str, Any]

    class Input(DynamicInput):
        """The argument is a dictionary: the value under the input's own name, and what it brought."""

        io_type: ClassVar[str] = api.SLOT

        def __init__(
            self,
            slot: Input,
            inputs: list[Input],
            display_name: str | None = None,
            tooltip: str | None = None,
            lazy: bool | None = None,
            extra_dict: Mapping[str, Any] | None = None,
        ) -> None:
            super().__init__(slot.id, display_name, True, tooltip, lazy, extra_dict)
            self.slot = slot
            self.inputs = inputs
            self.force_input = True if isinstance(slot, WidgetInput) else None

        def own_options(self) -> dict[str, Any]:
            """The socket's type and what it brings."""
            options = {"slotType": self.slot.get_io_type(), "inputs": sections_of(self.inputs)}
            return {**options, "forceInput": self.force_input}

        def collect(self, key: str, flat: dict[str, Any], named: bool) -> Any:
            """The value and what it brought."""
            if key not in flat:
                return MISSING
            found: dict[str, Any] = {self.id: take(key, flat, named)}
            collect_all(self.inputs, key, flat, named, found)
            return found


class MatchTemplate:
    """A type that several sockets share, known once one of them is linked."""

    def __init__(self, template_id: str, allowed_types: Any = AnyType) -> None:
        self.template_id = template_id
        self.allowed_types = allowed_types if isinstance(allowed_types, list) else [allowed_types]

    def as_dict(self) -> dict[str, Any]:
        """The template as the page reads it."""
        names = ",".join(kind.io_type for kind in self.allowed_types)
        return {"template_id": self.template_id, "allowed_types": names}


class MatchType:
    """Sockets whose types are tied together."""

    io_type = api.MATCH
    Type = Any
    Template = MatchTemplate

    class Input(Input):
        """An input of that type."""

        io_type: ClassVar[str] = api.MATCH

        def __init__(self, id: str, template: MatchTemplate, *values: Any, **named: Any) -> None:
            super().__init__(id, *values, **named)
            self.template = template

        def own_options(self) -> dict[str, Any]:
            """The template."""
            return {"template": self.template.as_dict()}

    class Output(Output):
        """An output of that type."""

        io_type: ClassVar[str] = api.MATCH

        def __init__(
            self,
            template: MatchTemplate,
            id: str | None = None,
            display_name: str | None = None,
            tooltip: str | None = None,
            is_output_list: bool = False,
        ) -> None:
            if not id and not display_name:
                display_name = "MATCHTYPE"
            super().__init__(id, display_name, tooltip, is_output_list)
            self.template = template

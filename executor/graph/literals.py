"""Whether a literal is a value that its widget could hold, and the value as the node gets it."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from executor.graph.types import members
from nodes.api.input_pairs import ListFiles, input_options
from nodes.api.sockets import LINKED_TYPES
from nodes.api.spec import MISSING, InputSpec
from nodes.api.widgets import Choice, File, Range, Widget

HasFile: TypeAlias = Callable[[str, str], bool]
CONVERSIONS: Mapping[str, Callable[[Any], Any]] = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}
EXACT: Mapping[str, type] = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}
SHOWN_OPTIONS = 20
LONGEST_SHOWN = 100


class Refusal(Exception):  # noqa: N818 - a verdict that validation turns into a problem
    """Why a literal cannot be an input."""

    def __init__(
        self,
        problem_type: str,
        message: str,
        details: str,
        extra: Mapping[str, Any] | None = None,
        hide_config: bool = False,
    ) -> None:
        super().__init__(message)
        self.type = problem_type
        self.message = message
        self.details = details
        self.extra = extra or {}
        self.hide_config = hide_config


class FileLists:
    """The files that drop-downs offer, each folder listed at most once."""

    def __init__(self, list_files: ListFiles, has_file: HasFile | None) -> None:
        self.list_files = list_files
        self.has_file = has_file
        self.lists: dict[str, list[str]] = {}
        self.sets: dict[str, frozenset[str]] = {}

    def names(self, folder: str) -> list[str]:
        """The files of a folder, in the order of the drop-down."""
        if folder not in self.lists:
            self.lists[folder] = list(self.list_files(folder))
            self.sets[folder] = frozenset(self.lists[folder])
        return self.lists[folder]

    def find(self, folder: str, name: Any) -> str | None:
        """The name under which a file is offered (slashes of both kinds are understood), or None."""
        if not isinstance(name, str):
            return None
        self.names(folder)
        for candidate in (name, name.replace("\\", "/")):
            if candidate in self.sets[folder] or (self.has_file and self.has_file(folder, candidate)):
                return candidate
        return None


def coerce(name: str, entry: InputSpec, value: Any, files: FileLists) -> Any:
    """The literal as the node gets it, converted to the input's type; raises Refusal if it cannot be.

    Bounds and choices are not looked at where the node checks for itself.
    """
    exact = EXACT.get(entry.type)
    if exact is not None and type(value) is not exact:
        try:
            value = CONVERSIONS[entry.type](value)
        except (ValueError, TypeError, OverflowError) as error:
            raise Refusal(
                "invalid_input_type",
                f"Failed to convert an input value to a {entry.type} value",
                f"{name}, {value}, {error}",
                {"exception_message": str(error)},
            ) from error
    if entry.own_check:
        return value
    widget = entry.widget
    if exact is None and widget is None:
        _check_may_be_written(name, entry, value)
    if isinstance(widget, File):
        return _check_file(name, widget, value, files)
    if isinstance(widget, Choice):
        _check_choice(name, widget.options, value)
    elif isinstance(value, int | float) and not _is_between(widget, entry, value):
        _check_bounds(name, entry, value)
    return value


def _is_between(widget: Widget | None, entry: InputSpec, value: float) -> bool:
    """Whether a number is within the bounds of its widget, where that is all there is to say."""
    return isinstance(widget, Range) and not entry.options and widget.minimum <= value <= widget.maximum


def _check_may_be_written(name: str, entry: InputSpec, value: Any) -> None:
    """Refuse a value where only a link makes sense: a network or a picture is no JSON.

    Packs have types of their own and bring widgets for them, so of those nothing is known.
    """
    has_widget = entry.default not in (MISSING, None) or "widgetType" in entry.options
    is_left_away = value is None and entry.section == "optional"
    if has_widget or is_left_away or not members(entry.type) <= LINKED_TYPES:
        return
    text = str(value)
    shown = text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."
    reason = f"a {entry.type} comes from the output of another node, by a link, but here is a value"
    raise Refusal(
        "invalid_input_type",
        f"Failed to convert an input value to a {entry.type} value",
        f"{name}, {shown}, {reason}",
        {"exception_message": reason},
    )


def _check_bounds(name: str, entry: InputSpec, value: float) -> None:
    options = input_options(entry)
    minimum, maximum = options.get("min"), options.get("max")
    if minimum is not None and not value >= minimum:
        raise Refusal("value_smaller_than_min", f"Value {value} smaller than min of {minimum}", name)
    if maximum is not None and not value <= maximum:
        raise Refusal("value_bigger_than_max", f"Value {value} bigger than max of {maximum}", name)


def _check_choice(name: str, options: tuple[Any, ...], value: Any) -> None:
    if value not in options:
        raise _not_in_list(name, value, list(options))


def _check_file(name: str, widget: File, value: Any, files: FileLists) -> str:
    found = files.find(widget.folder, value)
    if found is not None:
        return found
    if widget.upload:
        raise Refusal(
            "custom_validation_failed",
            "Custom validation failed for node",
            f"{name} - Invalid {widget.upload} file: {value}",
        )
    raise _not_in_list(name, value, files.names(widget.folder))


def _not_in_list(name: str, value: Any, options: list[Any]) -> Refusal:
    too_long = len(options) > SHOWN_OPTIONS
    listed = f"(list of length {len(options)})" if too_long else f"{options}"
    return Refusal(
        "value_not_in_list",
        "Value not in list",
        f"{name}: '{value}' not in {listed}",
        hide_config=too_long,
    )

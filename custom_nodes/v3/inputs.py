"""What are inputs, outputs and types in V3 schemas? Classes with the options that pages read."""

from collections.abc import Callable, Mapping
from enum import Enum, StrEnum
from typing import Any, ClassVar


class FolderType(StrEnum):
    """Folders that files are in."""

    input = "input"
    output = "output"
    temp = "temp"


class UploadType(StrEnum):
    """Kinds of files that a drop-down takes up."""

    image = "image_upload"
    audio = "audio_upload"
    video = "video_upload"
    model = "file_upload"


class NumberDisplay(StrEnum):
    """How a number is edited."""

    number = "number"
    slider = "slider"


class RemoteOptions:
    """Where a drop-down gets its words from."""

    def __init__(
        self,
        route: str,
        refresh_button: bool,
        control_after_refresh: str = "first",
        timeout: int | None = None,
        max_retries: int | None = None,
        refresh: int | None = None,
    ) -> None:
        self.options = without_none(
            route=route,
            refresh_button=refresh_button,
            control_after_refresh=control_after_refresh,
            timeout=timeout,
            max_retries=max_retries,
            refresh=refresh,
        )

    def as_dict(self) -> dict[str, Any]:
        """The options as pages read them."""
        return dict(self.options)


class Input:
    """One input of a schema."""

    io_type: ClassVar[str] = "*"
    Parent: ClassVar[Any] = None
    is_dynamic: ClassVar[bool] = False

    def __init__(
        self,
        id: str,
        display_name: str | None = None,
        optional: bool = False,
        tooltip: str | None = None,
        lazy: bool | None = None,
        extra_dict: Mapping[str, Any] | None = None,
        raw_link: bool | None = None,
    ) -> None:
        self.id = id
        self.display_name = display_name
        self.optional = optional
        self.tooltip = tooltip
        self.lazy = lazy
        self.extra_dict = dict(extra_dict or {})
        self.rawLink = raw_link

    def get_io_type(self) -> str:
        """The name of its socket type."""
        return self.io_type

    def own_options(self) -> dict[str, Any]:
        """Options that only this kind of input has; None is left out."""
        return {}

    def as_dict(self) -> dict[str, Any]:
        """The options as pages read them."""
        general = {
            "display_name": self.display_name,
            "tooltip": self.tooltip,
            "lazy": self.lazy,
            "rawLink": self.rawLink,
        }
        return without_none(**general) | self.extra_dict | without_none(**self.own_options())

    def validate(self) -> None:
        """Raise ValueError if it is not declared as it should be."""


class WidgetInput(Input):
    """An input that can be typed in; `options` of a kind are keyword arguments of its class."""

    options_of_kind: ClassVar[Mapping[str, str]] = {}
    always: ClassVar[Mapping[str, Any]] = {}

    def __init__(
        self,
        id: str,
        display_name: str | None = None,
        optional: bool = False,
        tooltip: str | None = None,
        lazy: bool | None = None,
        default: Any = None,
        socketless: bool | None = None,
        widget_type: str | None = None,
        force_input: bool | None = None,
        extra_dict: Mapping[str, Any] | None = None,
        raw_link: bool | None = None,
        **kind: Any,
    ) -> None:
        super().__init__(id, display_name, optional, tooltip, lazy, extra_dict, raw_link)
        unknown = [name for name in kind if name not in self.options_of_kind]
        if unknown:
            raise TypeError(f"{self.io_type} inputs have no option {', '.join(unknown)}")
        self.default = default
        self.socketless = socketless
        self.widget_type = widget_type
        self.force_input = force_input
        self.kind = kind

    def __getattr__(self, name: str) -> Any:
        if name in type(self).options_of_kind:
            return vars(self).get("kind", {}).get(name)
        raise AttributeError(name)

    def get_io_type(self) -> str:
        """The widget's type, where another one was asked for."""
        return self.widget_type or self.io_type

    def own_options(self) -> dict[str, Any]:
        """Start value and what the kind of widget has."""
        options: dict[str, Any] = {
            "default": as_value(self.default),
            "socketless": self.socketless,
            "widgetType": self.widget_type,
            "forceInput": self.force_input,
        }
        options |= {key: as_value(self.kind.get(name)) for name, key in self.options_of_kind.items()}
        return {**self.always, **without_none(**options)}


class Output:
    """One output of a schema."""

    io_type: ClassVar[str] = "*"
    Parent: ClassVar[Any] = None

    def __init__(
        self,
        id: str | None = None,
        display_name: str | None = None,
        tooltip: str | None = None,
        is_output_list: bool = False,
    ) -> None:
        self.id = id
        self.display_name = display_name if display_name else id
        self.tooltip = tooltip
        self.is_output_list = is_output_list

    def get_io_type(self) -> Any:
        """The name of its socket type."""
        return self.io_type


class ComfyType:
    """A socket type with its classes for inputs and outputs."""

    io_type: ClassVar[str] = "*"
    Type: ClassVar[Any] = Any
    Input: ClassVar[Any] = Input
    Output: ClassVar[Any] = Output


class ComfyTypeIO(ComfyType):
    """The same; packs use both names."""


def comfytype(io_type: str, **attributes: Any) -> Callable[[type], Any]:
    """Makes a class a socket type; it gets classes for inputs and outputs unless it has its own."""

    def decorate(cls: type) -> Any:
        own: Any = cls
        own.io_type = io_type
        for name, base in (("Input", Input), ("Output", Output)):
            declared: Any = vars(cls).get(name) or getattr(cls, name, base)
            made = type(name, (declared,), {"io_type": io_type, "Parent": cls, "__module__": cls.__module__})
            setattr(cls, name, made)
        for name, value in attributes.items():
            setattr(cls, name, value)
        if not hasattr(cls, "Type"):
            own.Type = Any
        return cls

    return decorate


def make_type(
    name: str, io_type: str, python_type: Any = Any, base: type[Input] = Input, output: type[Output] = Output
) -> Any:
    """A socket type from its names."""
    cls = type(name, (ComfyTypeIO,), {"Type": python_type, "Input": base, "Output": output})
    return comfytype(io_type)(cls)


def Custom(io_type: str) -> Any:
    """A socket type of a pack's own."""
    return make_type("Custom", io_type)


def without_none(**values: Any) -> dict[str, Any]:
    """The values that are not None."""
    return {name: value for name, value in values.items() if value is not None}


def as_value(value: Any) -> Any:
    """An option as data: members of an enum are their values."""
    if isinstance(value, RemoteOptions):
        return value.as_dict()
    return value.value if isinstance(value, Enum) else value

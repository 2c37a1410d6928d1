"""The controls that a node's inputs can have, as plain data that goes into annotations and over the wire."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

SEED_MAXIMUM = 2**64 - 1


@dataclass(frozen=True)
class Range:
    """A number between two bounds, both allowed; `step` for the arrows, `round` for typed numbers."""

    minimum: float
    maximum: float
    step: float | None = None
    round: float | None = None
    display: str | None = None
    tooltip: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Choice:
    """One of several words."""

    options: tuple[Any, ...]
    tooltip: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __init__(
        self, options: Iterable[Any], tooltip: str | None = None, extra: Mapping[str, Any] | None = None
    ) -> None:
        object.__setattr__(self, "options", tuple(options))
        object.__setattr__(self, "tooltip", tooltip)
        object.__setattr__(self, "extra", dict(extra or {}))


@dataclass(frozen=True)
class SeedWidget:
    """A 64-bit seed with a control that may change it after each run."""

    control_after_generate: bool = True
    tooltip: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Text:
    """A text field, by default of several lines, in which `{a|b}` is resolved by the page before a run.

    With `embeddings`, the files that `embedding:name` stands for are part of what the text means.
    """

    multiline: bool = True
    dynamic_prompts: bool = True
    placeholder: str | None = None
    tooltip: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    embeddings: bool = False


@dataclass(frozen=True)
class Toggle:
    """A switch with words for its two positions."""

    label_on: str | None = None
    label_off: str | None = None
    tooltip: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class File:
    """A file of a folder, listed live: a models folder ("checkpoints", "loras", ...) or "input".

    `upload` ("image", "audio", "video", "file") puts a button beside it.
    """

    folder: str
    upload: str | None = None
    tooltip: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Hint:
    """Says about any input what its type does not: that it may be left out, or is only ever a socket.

    unlisted: only clients that look for more than all clients expect are told of it: newer workflows have it.
    """

    optional: bool = False
    socket_only: bool = False
    unlisted: bool = False
    tooltip: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Grow:
    """How many `*images: Image` sockets there may be, and the word before their numbers.

    For `dict[str, Image]`, sockets may have `names` instead; `**ratios` has one input for each of the names.
    """

    prefix: str | None = None
    minimum: int = 1
    maximum: int = 50
    names: tuple[str, ...] = ()


if TYPE_CHECKING:
    Seed: TypeAlias = int
else:
    Seed = SeedWidget

Widget: TypeAlias = Range | Choice | SeedWidget | Text | Toggle | File

KINDS: Mapping[str, type[Widget]] = {
    "range": Range,
    "choice": Choice,
    "seed": SeedWidget,
    "text": Text,
    "toggle": Toggle,
    "file": File,
}
KIND_NAMES: Mapping[type[Widget], str] = {kind: name for name, kind in KINDS.items()}


def widget_to_json(widget: Widget) -> dict[str, Any]:
    """The widget as JSON; fields that have their default are left out."""
    values = {key: value for key, value in asdict(widget).items() if value is not None and value != {}}
    if isinstance(widget, Choice):
        values["options"] = list(widget.options)
    return {"kind": KIND_NAMES[type(widget)], **values}


def widget_from_json(data: Mapping[str, Any]) -> Widget:
    """The widget that `widget_to_json` wrote."""
    values = dict(data)
    return KINDS[values.pop("kind")](**values)

"""What became of a pack: how long it took, which nodes it brought, and what went wrong."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class PackReport:
    """One pack after an attempt to load it.

    error: why nothing of it is there, or None; `traceback` belongs to it.
    problems: what is missing though the pack loaded: a node with a bad declaration, a name already taken.
    """

    name: str
    path: str
    seconds: float
    node_ids: tuple[str, ...] = ()
    error: str | None = None
    traceback: str | None = None
    problems: tuple[str, ...] = ()
    web_directory: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The report as plain data."""
        data = asdict(self)
        return {key: list(value) if isinstance(value, tuple) else value for key, value in data.items()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "PackReport":
        """The report that `to_json` wrote."""
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in data.items()
        }
        return cls(**values)

"""What can go wrong with a graph, a node or a run, as types that carry what a person needs to act."""

from typing import Any


class WorkflowError(Exception):
    """A graph that cannot be read or run; names the node and the input concerned, where there is one."""

    def __init__(
        self,
        message: str,
        *,
        node_id: str | None = None,
        input_name: str | None = None,
        type: str = "invalid_prompt",  # noqa: A002 - the name the wire uses
        details: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.node_id = node_id
        self.input_name = input_name
        self.type = type
        self.details = details


class NodeError(Exception):
    """A node refuses what it was given; the text says what was expected and what came."""


class DeclarationError(TypeError):
    """A function that cannot become a node as it is written; raised where it is declared."""


class Cancelled(Exception):  # noqa: N818 - not an error: somebody asked for it
    """The job was asked to stop; raised by the context inside a running node."""


class OutOfMemory(NodeError):  # noqa: N818 - named as the thing it reports
    """A device could not give the memory a node asked for."""

    def __init__(self, requested_bytes: int, free_bytes: int, message: str = "") -> None:
        text = message or f"{requested_bytes:,} bytes were asked for but only {free_bytes:,} are free"
        super().__init__(text)
        self.requested_bytes = requested_bytes
        self.free_bytes = free_bytes

    def __reduce__(self) -> tuple[Any, ...]:
        return OutOfMemory, (self.requested_bytes, self.free_bytes, str(self))

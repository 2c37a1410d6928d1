"""What a running node may ask of the app: progress, previews, files, resident networks, whether to stop."""

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from nodes.api.precision import Precision


@dataclass(frozen=True)
class SavedFile:
    """A file that was reserved for a node to write; `type` is "output" or "temp"."""

    path: Path
    filename: str
    subfolder: str
    type: str

    def record(self) -> dict[str, str]:
        """The file as results name it."""
        return {"filename": self.filename, "subfolder": self.subfolder, "type": self.type}


class Files(Protocol):
    """Finds files by the names that workflows use, and reserves names for new ones."""

    def find(self, folder: str, name: str) -> Path:
        """The path of a model file; raises NodeError that names folder, name and where it looked."""
        ...

    def input(self, name: str) -> Path:
        """The path of an input file; "x.png [output]" names another root; never outside its root."""
        ...

    def reserve(
        self, prefix: str, extension: str, *, width: int = 0, height: int = 0, temporary: bool = False
    ) -> SavedFile:
        """A new, empty file with the next free counter, created so that no other saver gets the same."""
        ...

    def names(self, folder: str) -> list[str]:
        """The files of a models folder, or of "input"."""
        ...


class DynamicGraph(Protocol):
    """The graph of a job while it runs, as API JSON."""

    def get_node(self, node_id: str) -> Mapping[str, Any]:
        """One instance; raises NodeError if there is none."""
        ...

    def has_node(self, node_id: str) -> bool:
        """Whether there is an instance of that id."""
        ...

    def get_parent_node_id(self, node_id: str) -> str | None:
        """The instance that added this one, or None for one that was submitted."""
        ...

    def get_real_node_id(self, node_id: str) -> str:
        """The submitted instance that this one comes from."""
        ...

    def get_display_node_id(self, node_id: str) -> str:
        """The instance that the page highlights for this one."""
        ...

    def all_node_ids(self) -> set[str]:
        """All ids, those of added instances too."""
        ...

    def get_original_prompt(self) -> Mapping[str, Any]:
        """The graph as it was submitted."""
        ...


class Context(Protocol):
    """Given to a node whose first parameter is annotated with it."""

    @property
    def node_id(self) -> str:
        """The instance that runs."""
        ...

    @property
    def job_id(self) -> str:
        """The job it runs in."""
        ...

    @property
    def client_id(self) -> str | None:
        """The page that asked for the job, or None."""
        ...

    @property
    def call_index(self) -> int:
        """Which of its calls this is: nodes run once for each element of a list."""
        ...

    @property
    def dynamic_graph(self) -> "DynamicGraph":
        """The graph with what nodes have added to it so far."""
        ...

    @property
    def prompt(self) -> Mapping[str, Any] | None:
        """The graph of this job as API JSON, for saving with a result."""
        ...

    @property
    def extra_pnginfo(self) -> Mapping[str, Any] | None:
        """What the page sent along for saving, usually the workflow as it was drawn."""
        ...

    @property
    def files(self) -> Files:
        """Models, inputs, outputs."""
        ...

    @property
    def log(self) -> logging.Logger:
        """A logger named after the node's type."""
        ...

    @property
    def precision(self) -> Precision:
        """In which number types networks are kept and computed."""
        ...

    @property
    def preview_method(self) -> str:
        """How previews are wanted: "auto", "none", ..."""
        ...

    def progress(self, value: float, total: float, text: str = "") -> None:
        """Say how far it is; raises Cancelled when the job was asked to stop."""
        ...

    def preview(self, image: Any) -> None:
        """Show a PIL image on the node while it runs."""
        ...

    def send(self, image: Any) -> None:
        """Send a PIL image whole, as PNG, to the page or program that submitted the job."""
        ...

    def check_cancelled(self) -> None:
        """Raise Cancelled when the job was asked to stop."""
        ...

    def resident(self, value: Any, shape: Sequence[int] | None = None) -> AbstractContextManager[Any]:
        """Borrow the network of a patched model, on the compute device with its patches installed.

        `shape` is that of the largest input it will get; what it needs beside its weights is kept free.
        """
        ...

    def fits(self, value: Any, shape: Sequence[int]) -> bool:
        """Whether there is memory to run the network of a patched model on an input of a shape."""
        ...

    def show(self, key: str, items: Sequence[Any]) -> None:
        """Add to what the page shows on the node: `show("images", [file.record()])`."""
        ...

    def instance(self, key: str, factory: Callable[[], Any]) -> Any:
        """An object, made when first asked for, that lives as long as graphs have this id with this type."""
        ...

    def sub(self, offset: float, length: float) -> "Context":
        """The same context with its whole progress squeezed into [offset, offset + length] of this one."""
        ...


current: ContextVar["Context | None"] = ContextVar("current", default=None)
"""The context of the node that runs now, for code that is not handed one."""

call_index: ContextVar[int] = ContextVar("call_index", default=0)
"""Which of its calls the running node is in."""


@dataclass(frozen=True)
class Latest:
    """Which page's job was at which node: the page, the job, the node as the page knows it."""

    client_id: str | None = None
    job_id: str | None = None
    display_id: str | None = None


latest: deque[Latest] = deque([Latest()], maxlen=1)
"""The node that was entered last, in whatever thread, for code that runs beside the nodes."""

"""The context a running node gets: events go to the job, files and networks come from who runs the engine."""

import io
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from executor.run.allowance import Allowance
from executor.run.events import Emit, NodePreview, NodeProgress
from executor.run.growth import Growth
from executor.run.instances import InstanceStore
from nodes.api.context import Files, Latest, call_index, current, latest
from nodes.api.errors import Cancelled
from nodes.api.precision import Precision

if TYPE_CHECKING:
    from executor.run.engine import RunRequest

PREVIEW_SIZE = 512
SENT_COMPRESSION = 1
PREVIEW_QUALITY = 95
PROGRESS_PER_SECOND = 50.0
PROGRESS_AT_ONCE = 100.0

running: ContextVar[tuple[str, str] | None] = ContextVar("running", default=None)
"""The (job, node) that the current code runs for; log records can carry it."""

Resident: TypeAlias = Callable[[Any, Sequence[int] | None], AbstractContextManager[Any]]
Fits: TypeAlias = Callable[[Any, Sequence[int]], bool]


def enter_context(context: "RunContext | None") -> None:
    """Have the code that follows run for this context's node, or for none."""
    running.set(None if context is None else (context.job_id, context.node_id))
    current.set(context)
    if context is not None:
        latest.append(
            Latest(context.client_id, context.job_id, context.ids[0] if context.ids else context.node_id)
        )


@dataclass(frozen=True, slots=True)
class House:
    """What the nodes of one job share: the graph as it grows, and the objects that outlive the job."""

    growth: Growth
    instances: InstanceStore


class RunContext:
    """What one instance sees of the app while it runs in one job."""

    def __init__(
        self,
        job: "RunRequest",
        node_id: str,
        emit: Emit,
        is_cancelled: Callable[[], bool],
        files: Files,
        resident: Resident,
        house: House | None = None,
        preview_size: int = PREVIEW_SIZE,
        precision: Precision | None = None,
        fits: Fits | None = None,
    ) -> None:
        self.job_id = job.job_id
        self.node_id = node_id
        self.client_id = job.client_id
        self.prompt = job.prompt
        self.extra_pnginfo = job.extra_pnginfo
        self.preview_method = job.preview_method
        self.files = files
        self.precision = precision or Precision()
        self.shown: dict[str, list[Any]] = {}
        self.saw_graph = False
        self.house = house or House(Growth(job.graph, job.prompt), InstanceStore())
        self.ids = self.house.growth.ids(node_id)
        self._emit = emit
        self._preview_size = preview_size
        self._allowance = Allowance(PROGRESS_PER_SECOND, PROGRESS_AT_ONCE)
        self._is_cancelled = is_cancelled
        self._resident = resident
        self._fits = fits

    @property
    def log(self) -> logging.Logger:
        """A logger named after the node's type."""
        return logging.getLogger(f"nodes.{self.house.growth.instances[self.node_id].type}")

    @property
    def call_index(self) -> int:
        """Which of its calls this is."""
        return call_index.get()

    @property
    def dynamic_graph(self) -> Growth:
        """The graph with what nodes have added to it so far; what asks for it may depend on all of it."""
        self.saw_graph = True
        return self.house.growth

    @property
    def display_id(self) -> str:
        """The instance that the page highlights for this one."""
        return self.house.growth.get_display_node_id(self.node_id)

    @property
    def original_prompt(self) -> Mapping[str, Any]:
        """The graph as it was submitted."""
        return self.house.growth.get_original_prompt()

    def instance(self, key: str, factory: Callable[[], Any]) -> Any:
        """An object that lives as long as graphs have an instance of this id and type."""
        growth = self.house.growth
        origin = growth.submitted.instances[growth.get_real_node_id(self.node_id)]
        return self.house.instances.get(self.node_id, key, origin, factory)

    def check_cancelled(self) -> None:
        """Raise Cancelled when the job was asked to stop."""
        if self._is_cancelled():
            raise Cancelled(f"job {self.job_id} was cancelled")

    def progress(self, value: float, total: float, text: str = "") -> None:
        """Say how far it is; raises Cancelled when the job was asked to stop.

        What comes too fast for anybody to see is passed over, but never that it is done.
        """
        self.check_cancelled()
        if value < total and not self._allowance.take(time.monotonic()):
            return
        self._emit(NodeProgress(self.job_id, self.node_id, value, total, text, *self.ids))

    def preview(self, image: Any) -> None:
        """Show a PIL image on the node, made smaller if it is large; nothing if previews are off."""
        self.check_cancelled()
        if self.preview_method == "none":
            return
        small = image.convert("RGB")
        small.thumbnail((self._preview_size, self._preview_size))
        buffer = io.BytesIO()
        small.save(buffer, "JPEG", quality=PREVIEW_QUALITY)
        data, width, height = buffer.getvalue(), small.width, small.height
        self._emit(NodePreview(self.job_id, self.node_id, "jpeg", data, width, height, *self.ids))

    def send(self, image: Any) -> None:
        """Send a PIL image whole, as PNG, whatever is said about previews."""
        self.check_cancelled()
        buffer = io.BytesIO()
        image.save(buffer, "PNG", compress_level=SENT_COMPRESSION)
        data, width, height = buffer.getvalue(), image.width, image.height
        self._emit(NodePreview(self.job_id, self.node_id, "png", data, width, height, *self.ids))

    def resident(self, value: Any, shape: Sequence[int] | None = None) -> AbstractContextManager[Any]:
        """Borrow the network of a patched model, on the compute device with its patches installed."""
        return self._resident(value, shape)

    def fits(self, value: Any, shape: Sequence[int]) -> bool:
        """Whether there is memory to run a network on a shape; yes, if nobody can tell."""
        return self._fits is None or self._fits(value, shape)

    def show(self, key: str, items: Sequence[Any]) -> None:
        """Add to what the page shows on the node."""
        self.shown.setdefault(key, []).extend(items)

    def sub(self, offset: float, length: float) -> "RunContext":
        """The same context with its whole progress squeezed into [offset, offset + length] of this one."""
        return _Part(self, offset, length)


class _Part(RunContext):
    """A share of another context's progress."""

    def __init__(self, whole: RunContext, offset: float, length: float) -> None:
        self.__dict__.update(whole.__dict__)
        self._whole = whole
        self._offset = offset
        self._length = length

    def progress(self, value: float, total: float, text: str = "") -> None:
        share = value / total if total else 1.0
        self._whole.progress(self._offset + self._length * share, 1.0, text)


MakeContext: TypeAlias = Callable[["RunRequest", str, Emit, Callable[[], bool], House | None], RunContext]


def context_maker(
    files: Files,
    resident: Resident,
    preview_size: int = PREVIEW_SIZE,
    precision: Precision | None = None,
    fits: Fits | None = None,
) -> MakeContext:
    """Makes contexts that all use the same files, resident networks and number types."""

    def make(
        job: "RunRequest",
        node_id: str,
        emit: Emit,
        is_cancelled: Callable[[], bool],
        house: House | None = None,
    ) -> RunContext:
        return RunContext(
            job, node_id, emit, is_cancelled, files, resident, house, preview_size, precision, fits
        )

    return make

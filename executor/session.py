"""How do I run workflows from my own Python program? Open a session, run graphs, get pictures and tensors.

    from executor.session import Session

    with Session() as session:
        graph = session.load("portrait.json")
        result = session.run(graph, overrides=["KSampler.seed=7"])
        result.images[0].show()

Results and networks stay in memory between runs: running the same graph again computes nothing.
"""

import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from executor.graph.editor import is_editor_form
from executor.graph.parse import parse
from executor.graph.validate import Problem, Validation
from executor.graph.workflow import Graph, Link
from executor.graph_file import read_graph
from executor.overrides import override
from executor.run.cache import Many, ResultCache
from executor.run.context import PREVIEW_SIZE
from executor.run.engine import RunRequest
from executor.run.events import Event, JobFinished, NodeFailed
from executor.session_output import saved_records
from executor.worker.workbench import Memory, Workbench, open_memory
from loaders.folders import Folders
from nodes.api.declare import Node
from nodes.api.errors import Cancelled, WorkflowError
from nodes.api.spec import NodeSpec
from nodes.builtin import load_builtin

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from torch import Tensor

    from executor.forecast.forecast import Forecast

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_BASE = ROOT / "user"
BUNDLED = ROOT / "assets" / "models"


class InvalidGraphError(WorkflowError):
    """A graph with problems, all of which it lists; nothing was run."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        lines = [
            f"{f'node {problem.node_id}: ' if problem.node_id is not None else ''}{problem.message}"
            f"{f' ({problem.details})' if problem.details else ''}"
            for problem in problems
        ]
        super().__init__("; ".join(lines), node_id=problems[0].node_id, input_name=problems[0].input_name)
        self.problems = problems


class JobFailedError(Exception):
    """A node failed while the graph ran; `failure` tells which, why and with what."""

    def __init__(self, failure: NodeFailed | None) -> None:
        where = f"{failure.node_type} (node {failure.node_id})" if failure else "the job"
        super().__init__(f"{where} failed: {failure.message if failure else 'no node said why'}")
        self.failure = failure


@dataclass(frozen=True)
class Result:
    """What a run left: the files that output nodes saved, and the tensors that went into them.

    `tensors` are float32, (B, H, W, C), in [0, 1], one for each picture input of an output node; `outputs` is
    what each output node shows.
    """

    job_id: str
    outputs: Mapping[str, Mapping[str, Any]]
    files: tuple[Path, ...]
    executed: tuple[str, ...]
    cached: tuple[str, ...]
    seconds: float
    tensors: tuple["Tensor", ...] = field(default=(), repr=False)

    @property
    def images(self) -> list["Picture"]:
        """The saved pictures, read anew at each call."""
        from PIL import Image

        images: list[Image.Image] = []
        for path in self.files:
            with Image.open(path) as picture:
                picture.load()
                images.append(picture)
        return images


class Session:
    """Nodes, results and networks in this process, for one run at a time; use it with `with` or `close` it.

    Args:
        folders: where models, inputs and outputs are; a directory stands for the usual ones inside it.
        nodes: by id; the built-in ones if not given.
        memory: where networks are; made for the computer's best device if not given.
        cpu: compute on the CPU even if there is a GPU.
        cache: keeps results between runs; a usual one if not given.
        preview_method: "none", or "auto" for pictures while sampling.
        preview_size: their longer side, in pixels, at most.
        metadata: whether saved pictures carry the workflow that made them.
    """

    def __init__(
        self,
        folders: Folders | Path | str = DEFAULT_BASE,
        *,
        nodes: Mapping[str, Node] | None = None,
        memory: Memory | None = None,
        cpu: bool = False,
        cache: ResultCache | None = None,
        preview_method: str = "none",
        preview_size: int = PREVIEW_SIZE,
        metadata: bool = True,
    ) -> None:
        if not isinstance(folders, Folders):
            folders = Folders(Path(folders), bundled=BUNDLED)
            folders.create()
        self.folders = folders
        self._workbench = Workbench(
            load_builtin() if nodes is None else nodes,
            folders,
            open_memory(cpu) if memory is None else memory,
            cache=cache,
            preview_method=preview_method,
            preview_size=preview_size,
            metadata=metadata,
        )
        self._busy = threading.Lock()
        self._job_id: str | None = None
        self._thread: threading.Thread | None = None

    @property
    def specs(self) -> Mapping[str, NodeSpec]:
        """Every node there is, by id."""
        return self._workbench.specs

    @property
    def device_info(self) -> Mapping[str, Any]:
        """The device that computes."""
        return self._workbench.device()

    def load(self, path: Path | str) -> dict[str, Any]:
        """The workflow in a JSON file (API or editor form) or in a PNG that a node saved."""
        return read_graph(Path(path))

    def check(
        self,
        workflow: Mapping[str, Any],
        *,
        overrides: Iterable[str] = (),
        targets: Iterable[str] | None = None,
    ) -> Validation:
        """Everything that is wrong with a workflow; nothing is run. Raises `WorkflowError` if it is none."""
        graph = override(parse(workflow, self.specs), self.specs, overrides)
        return self._workbench.validate(graph, targets)

    def plan(
        self,
        workflow: Mapping[str, Any],
        *,
        overrides: Iterable[str] = (),
        targets: Iterable[str] | None = None,
    ) -> "Forecast":
        """How much memory a workflow takes and what sits where; loads nothing. Raises as `run` does."""
        validation = self._valid(workflow, overrides, targets)
        return self._workbench.forecast(validation.graph, validation.outputs)

    def run(
        self,
        workflow: Mapping[str, Any],
        *,
        overrides: Iterable[str] = (),
        targets: Iterable[str] | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> Result:
        """Run a workflow to its end.

        Args:
            workflow: API JSON or editor JSON.
            overrides: "NODE.INPUT=VALUE" changes, NODE being an id, a title or a type.
            targets: ids of the output nodes to compute; all of them if not given.
            on_event: called with each event, in the caller's thread.

        Raises:
            WorkflowError: before anything ran; an `InvalidGraphError` lists all problems.
            JobFailedError: a node failed.
            Cancelled: `cancel` was called.
        """
        validation = self._valid(workflow, overrides, targets)
        sources = _picture_sources(validation, self.specs)
        targets = dict.fromkeys([*(link.node for link in sources), *validation.outputs])
        request = _request(workflow, validation.graph, targets)
        failure: NodeFailed | None = None
        end: JobFinished | None = None
        outputs: dict[str, tuple[Any, ...]] = {}
        for event in self._events(request, outputs):
            if isinstance(event, NodeFailed):
                failure = event
            elif isinstance(event, JobFinished):
                end = event
            if on_event is not None:
                on_event(event)
        assert end is not None
        if end.status == "cancelled":
            raise Cancelled(f"job {end.job_id} was cancelled")
        if end.status == "failed":
            raise JobFailedError(failure)
        return Result(
            job_id=end.job_id,
            outputs=end.outputs,
            files=tuple(self.locate(record) for record in saved_records(end.outputs)),
            executed=end.executed,
            cached=end.cached,
            seconds=end.seconds,
            tensors=tuple(tensor for link in sources for tensor in _values(outputs[link.node][link.slot])),
        )

    def events(
        self,
        workflow: Mapping[str, Any],
        *,
        overrides: Iterable[str] = (),
        targets: Iterable[str] | None = None,
    ) -> Iterator[Event]:
        """The events of a run as they happen, up to `JobFinished`; leaving the loop early cancels the run.

        Raises `WorkflowError` before anything ran, as `run` does.
        """
        validation = self._valid(workflow, overrides, targets)
        return self._events(_request(workflow, validation.graph, validation.outputs), {})

    def cancel(self) -> None:
        """Stop the run at its next step; may be called from any thread."""
        if (job_id := self._job_id) is not None:
            self._workbench.cancel(job_id)

    def free(self) -> None:
        """Forget results and let go of networks."""
        self._workbench.free(unload_models=True, free_memory=True)

    def locate(self, record: Mapping[str, str]) -> Path:
        """The path of a file that an output node shows."""
        return self.folders.place(record["type"]) / record["subfolder"] / record["filename"]

    def close(self) -> None:
        """Stop what runs and let go of everything."""
        self.cancel()
        if self._thread is not None:
            self._thread.join()
        self._workbench.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _valid(
        self, workflow: Mapping[str, Any], overrides: Iterable[str], targets: Iterable[str] | None
    ) -> Validation:
        validation = self.check(workflow, overrides=overrides, targets=targets)
        if validation.problems:
            raise InvalidGraphError(validation.problems)
        return validation

    def _events(self, request: RunRequest, outputs: dict[str, tuple[Any, ...]]) -> Iterator[Event]:
        if not self._busy.acquire(blocking=False):
            raise RuntimeError("this session is running a graph; open a second session to run two at a time")
        arrived: SimpleQueue[Event | None] = SimpleQueue()

        def run() -> None:
            try:
                self._workbench.run(request, arrived.put, outputs.__setitem__)
            finally:
                arrived.put(None)

        self._workbench.expect(request.job_id)
        self._job_id = request.job_id
        self._thread = thread = threading.Thread(target=run, name="session-run")
        thread.start()
        try:
            while (event := arrived.get()) is not None:
                yield event
        finally:
            self.cancel()
            thread.join()
            self._job_id = None
            self._busy.release()


def _request(workflow: Mapping[str, Any], graph: Graph, targets: Iterable[str]) -> RunRequest:
    return RunRequest(
        job_id=uuid.uuid4().hex,
        graph=graph,
        targets=tuple(targets),
        prompt=graph.to_api(),
        extra_pnginfo={"workflow": workflow} if is_editor_form(workflow) else None,
        preview_method="default",
    )


def _picture_sources(validation: Validation, specs: Mapping[str, NodeSpec]) -> list[Link]:
    """Where the pictures come from that the output nodes take, in order, each once."""
    sources: dict[Link, None] = {}
    for target in validation.outputs:
        instance = validation.graph.instances[target]
        for name, link in instance.links():
            entry = specs[instance.type].input(name)
            if entry is not None and entry.type == "IMAGE":
                sources[link] = None
    return list(sources)


def _values(output: Any) -> tuple[Any, ...]:
    """The values of an output, which is one value or a list of them."""
    return output.values if isinstance(output, Many) else (output,)

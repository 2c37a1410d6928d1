"""What does a process need to run jobs? Nodes, files, results of earlier runs, and networks in memory."""

import gc
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from executor.graph.validate import Validation, validate
from executor.graph.workflow import Graph
from executor.queue.affinity import model_files
from executor.run.cache import ResultCache
from executor.run.context import PREVIEW_SIZE, context_maker
from executor.run.engine import Engine, RunRequest
from executor.run.events import Emit, Event, JobFinished, JobStarted
from executor.worker.result_memory import roomy_cache
from loaders.folders import Folders
from nodes.api.declare import Node
from nodes.api.errors import NodeError
from nodes.api.precision import Precision, Wanted
from nodes.api.spec import NodeSpec

if TYPE_CHECKING:
    from executor.forecast.forecast import Forecast
    from executor.forecast.shadow import Step
    from executor.memory.limits import Limits

Deliver = Callable[[str, tuple[Any, ...]], None]
Reports = tuple[Mapping[str, Any], ...]

# So many models of recent jobs are taken to be in memory still.
RECENT_MODELS = 8


class PackSide(Protocol):
    """The packs of this process: their nodes, and what they bring beside nodes."""

    def look(self) -> tuple[Mapping[str, Node], Reports]:
        """All nodes, and a report for each pack; packs whose files changed are imported again."""
        ...

    def brought(self) -> Mapping[str, Any]:
        """What packs bring beside nodes, as plain data (see `executor/worker/doors.py`)."""
        ...

    def edit(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """What packs make of the body of a submission; called from any thread."""
        ...


class Memory(Protocol):
    """Where networks are while nodes use them, which device computes, and in which number types."""

    @property
    def precision(self) -> Precision:
        """The number types that networks are kept and computed in."""
        ...

    def borrow(self, value: Any, shape: Sequence[int] | None = None) -> AbstractContextManager[Any]:
        """The network of a patched model on the compute device, patches installed, to be run on a shape."""
        ...

    def fits(self, value: Any, shape: Sequence[int]) -> bool:
        """Whether there is memory to run the network of a patched model on an input of a shape."""
        ...

    def release(self) -> None:
        """Let go of every network that nobody borrows."""
        ...

    def describe(self) -> Mapping[str, Any]:
        """The device as the ecosystem describes one."""
        ...

    def surroundings(self) -> AbstractContextManager[Any]:
        """Entered around all that computes."""
        ...

    def shortage(self, error: BaseException) -> NodeError | None:
        """An error that means that memory ran out, as one that people understand; None for all others."""
        ...

    def relieve(self) -> None:
        """Make room after memory ran out, and plan more carefully what it ran out for."""
        ...

    def forecast(self, steps: "Iterable[Step]") -> "Forecast":
        """What the steps of a graph would take, and where its networks would be."""
        ...

    def held_bytes(self) -> int:
        """What networks take of the computer's memory that were run here and are still there."""
        ...

    def unaccounted_limit(self) -> int:
        """How many bytes this process may hold that nothing accounts for."""
        ...


class Workbench:
    """Runs one job at a time; what it computed and loaded stays for the next.

    Args:
        nodes: by id.
        folders: the files that nodes read and write.
        memory: where networks are.
        preview_method: for jobs that do not ask for one.
        preview_size: the longer side of previews, in pixels, at most.
        metadata: whether results carry the workflow that made them.
        cache: keeps results; a usual one if not given.
        packs: how the packs of third parties loaded.
        pack_side: gives all nodes and reports anew, for `reload`.
    """

    def __init__(
        self,
        nodes: Mapping[str, Node],
        folders: Folders,
        memory: Memory,
        *,
        preview_method: str = "auto",
        preview_size: int = PREVIEW_SIZE,
        metadata: bool = True,
        cache: ResultCache | None = None,
        packs: Reports = (),
        pack_side: PackSide | None = None,
    ) -> None:
        self.folders = folders
        self.packs = packs
        self.brought: Mapping[str, Any] = {} if pack_side is None else pack_side.brought()
        self._pack_side = pack_side
        self._recent: OrderedDict[str, None] = OrderedDict()
        self._memory = memory
        self._preview_method = preview_method
        self._metadata = metadata
        self._cancelled: set[str] = set()
        self._expected: set[str] = set()
        self._cache = roomy_cache() if cache is None else cache
        self._engine = Engine(
            nodes,
            self._cache,
            context_maker(self.folders, memory.borrow, preview_size, memory.precision, memory.fits),
            stat=self.folders.stamp,
            surroundings=self._memory.surroundings,
            shortage=self._memory.shortage,
            relieve=self._memory.relieve,
        )
        self._equip(nodes)

    def _equip(self, nodes: Mapping[str, Node]) -> None:
        self.nodes = nodes
        self.specs: Mapping[str, NodeSpec] = {node_id: node.spec for node_id, node in nodes.items()}

    def reload(self) -> bool:
        """Look for packs again; whether anything is new. Results and objects of unchanged classes stay."""
        if self._pack_side is None:
            return False
        before = self.packs, self.brought, self.nodes
        nodes, self.packs = self._pack_side.look()
        self.brought = self._pack_side.brought()
        if (self.packs, self.brought, nodes) == before:
            return False
        self._equip(nodes)
        self._engine.use(nodes)
        return True

    def edit(self, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What packs make of the body of a submission; None if it stays as it was."""
        edited = None if self._pack_side is None else self._pack_side.edit(body)
        return None if edited == body else edited

    def note_models(self, prompt: Mapping[str, Any]) -> None:
        """Remember which models a job (API JSON) names."""
        for name in sorted(model_files(prompt, self.specs)):
            self._recent.pop(name, None)
            self._recent[name] = None
        while len(self._recent) > RECENT_MODELS:
            self._recent.popitem(last=False)

    def resident(self) -> tuple[str, ...]:
        """The models of recent jobs, as folder/name, the latest last: they are in memory, most likely."""
        return tuple(self._recent)

    def validate(self, graph: Graph, targets: Iterable[str] | None = None) -> Validation:
        """All problems of a graph with these nodes and files."""
        return validate(
            graph, self.specs, self.folders.names, targets, has_file=self._has_file, nodes=self.nodes
        )

    def forecast(self, graph: Graph, targets: Iterable[str]) -> "Forecast":
        """How much memory a valid graph takes, and what is where; nothing is loaded. Safe on any thread."""
        from executor.forecast.shadow import Shadow

        shadow = Shadow(self.nodes, self.folders, self._memory.precision)
        return self._memory.forecast(shadow.steps(graph, tuple(targets)))

    def held_bytes(self) -> int:
        """Bytes of results and networks that are kept for the next job."""
        return self._cache.bytes + self._memory.held_bytes()

    def unaccounted_limit(self) -> int:
        """How many bytes this process may hold that nothing accounts for."""
        return self._memory.unaccounted_limit()

    def expect(self, job_id: str) -> None:
        """Remember cancels of a job from now on, before it runs; may be called from any thread."""
        self._expected.add(job_id)

    def is_expected(self, job_id: str) -> bool:
        """Whether a job is to run, or runs."""
        return job_id in self._expected

    def run(self, request: RunRequest, emit: Emit, deliver: Deliver | None = None) -> JobFinished:
        """Run a job to its end; its events go to `emit`, the outputs of its targets to `deliver`."""
        if request.preview_method == "default":
            request = replace(request, preview_method=self._preview_method)
        if not self._metadata:
            request = replace(request, prompt=None, extra_pnginfo=None)

        def watch(event: Event) -> None:
            if isinstance(event, JobStarted) and event.job_id in self._cancelled:
                self._engine.cancel(event.job_id)
            emit(event)

        try:
            return self._engine.complete(request, watch, deliver)
        finally:
            self._expected.discard(request.job_id)
            self._cancelled.discard(request.job_id)

    def cancel(self, job_id: str) -> None:
        """Stop a job at its next step, now or once it starts; may be called from any thread."""
        if job_id in self._expected:
            self._cancelled.add(job_id)
        self._engine.cancel(job_id)

    def free(self, unload_models: bool, free_memory: bool) -> None:
        """Let go of networks, and with `free_memory` forget results too."""
        if free_memory:
            self._engine.forget()
        if unload_models or free_memory:
            self._memory.release()
            self._recent.clear()
            gc.collect()

    def device(self) -> Mapping[str, Any]:
        """The device as the ecosystem describes one, plus versions."""
        return self._memory.describe()

    def close(self) -> None:
        """End the threads and let go of everything."""
        self._engine.close()
        self.free(unload_models=True, free_memory=True)

    def _has_file(self, folder: str, name: str) -> bool:
        try:
            self.folders.find(folder, name)
        except NodeError:
            return False
        return True


def open_memory(
    cpu: bool = False,
    device: str | None = None,
    *,
    deterministic: bool = False,
    number_type: str | Wanted | None = None,
    limits: "Limits | None" = None,
    compiler: str | None = None,
) -> Memory:
    """The memory of this computer's best device, of its processor, or of the device of that name.

    If `deterministic`, torch prefers algorithms that give equal bits each time, and warns where it has none.
    `number_type` names the torch type that networks draw in, in place of the best one, or says more; `limits`
    say how much memory may be used, `compiler` what diffusion networks are compiled by.
    """
    from executor.worker.device_memory import DeviceMemory, be_deterministic

    if deterministic:
        be_deterministic()
    return DeviceMemory("cpu" if cpu else device or "auto", number_type, limits, compiler)

"""Real contexts over a temporary folder, for calling nodes directly."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from executor.graph.workflow import Graph, Instance
from executor.run.context import RunContext
from executor.run.engine import RunRequest
from executor.run.events import Event
from loaders.checkpoint import Checkpoint, open_checkpoint
from loaders.folders import Folders
from models.adapters.patch import Patched, applied
from tests.fixtures.checkpoints import tiny_checkpoint


class Recorded(RunContext):
    """A running node's context that keeps the events it sends."""

    events: list[Event]


@contextmanager
def borrowed(value: Patched[Any], shape: Any) -> Iterator[Any]:
    with applied(value) as base:
        yield base


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    made = Folders(tmp_path)
    made.create()
    return made


MakeContext = Callable[..., Recorded]


@pytest.fixture
def make_context(folders: Folders) -> MakeContext:
    def make(
        prompt: dict[str, Any] | None = None,
        extra_pnginfo: dict[str, Any] | None = None,
        preview_method: str = "auto",
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> Recorded:
        graph = Graph({"7": Instance("7", "Tested", {})})
        job = RunRequest("job", graph, ("7",), extra_pnginfo, prompt, preview_method)
        events: list[Event] = []
        context = Recorded(job, "7", events.append, is_cancelled, folders, borrowed)
        context.events = events
        return context

    return make


@pytest.fixture
def ctx(make_context: MakeContext) -> Recorded:
    return make_context()


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return open_checkpoint(tiny_checkpoint(tmp_path_factory.mktemp("models") / "tiny.safetensors"))

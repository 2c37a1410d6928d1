import torch

from executor.graph.parse import parse
from executor.memory import plan
from executor.memory.limits import Limits
from executor.run.engine import RunRequest
from executor.run.events import NodeFailed
from executor.session import Session
from executor.worker.device_memory import DeviceMemory
from executor.worker.workbench import Workbench, open_memory
from loaders.checkpoint import open_vae
from loaders.folders import Folders
from nodes.api.context import Context
from nodes.api.declare import node, node_of
from nodes.api.sockets import Image, Model
from nodes.builtin import load_builtin
from tests.fixtures.checkpoints import tiny_checkpoint
from tests.fixtures.graphs import text_to_image

MIB = 2**20


@node(output_node=True)
def greedy(size: int) -> Image:
    """Make a picture, of any size."""
    return torch.empty(size, dtype=torch.uint8)


def test_a_node_that_wants_more_than_there_is_fails_with_a_sentence_and_the_next_job_runs(tmp_path):
    bench = Workbench({"greedy": node_of(greedy)}, Folders(tmp_path), open_memory(cpu=True))
    try:
        statuses, failures = [], []
        for index, size in enumerate((2**60, 3)):
            graph = parse({"1": {"class_type": "greedy", "inputs": {"size": size}}})
            events = []
            finished = bench.run(RunRequest(f"job{index}", graph, ("1",)), events.append)
            statuses.append(finished.status)
            failures += [event for event in events if isinstance(event, NodeFailed)]
        assert statuses == ["failed", "succeeded"]
        assert failures[0].exception_type == "nodes.api.errors.OutOfMemory"
        assert "1,073,741,824.0 GiB at once was asked for" in failures[0].message
    finally:
        bench.close()


def tiny_base(tmp_path):
    folders = Folders(tmp_path)
    folders.create()
    tiny_checkpoint(tmp_path / "models" / "checkpoints" / "tiny.safetensors")
    return folders


SHAPE = (1, 4, 16, 16)


class Allocator:
    """A device on which what computes takes more than anybody expects."""

    def __init__(self):
        self.memory = None
        self.free = 0
        self.tries = []

    def take(self, size):
        held = self.memory.residency.resident_bytes()
        self.tries.append(held)
        if held + size > self.free:
            raise torch.OutOfMemoryError(f"CUDA out of memory. Tried to allocate {size} bytes")


ALLOCATOR = Allocator()


@node(output_node=True)
def draw(ctx: Context, model: Model, size: int, turn: int = 0) -> Image:
    """Borrow a network and take memory beside it."""
    with ctx.resident(model, SHAPE) as base:
        base.network.float()
        ALLOCATOR.take(size)
    return torch.zeros(1)


def drawing(bench, size, turn):
    loader = {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "tiny.safetensors"}}
    inputs = {"model": ["1", 0], "size": size, "turn": turn}
    graph = parse({"1": loader, "2": {"class_type": "draw", "inputs": inputs}}, bench.specs)
    events = []
    finished = bench.run(RunRequest(f"job{turn}", graph, ("2",)), events.append)
    failures = [event for event in events if isinstance(event, NodeFailed)]
    return finished.status, failures


def test_after_a_shortage_more_is_streamed_and_the_next_job_knows(tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "SMALLEST_STREAMED_BYTES", 2**11)
    memory = DeviceMemory(f"bounded:{8 * MIB}", "float32", Limits(reserve_bytes=0))
    bench = Workbench(load_builtin() | {"draw": node_of(draw)}, tiny_base(tmp_path), memory)
    ALLOCATOR.memory, ALLOCATOR.tries = memory, []
    try:
        ALLOCATOR.free = 2**40
        assert drawing(bench, 1, 0)[0] == "succeeded"
        whole = ALLOCATOR.tries.pop()
        ALLOCATOR.free = 8 * MIB
        # Beside the whole network there is no room, and beside the least of it there is.
        assert drawing(bench, 8 * MIB - whole // 2, 1)[0] == "succeeded"
        first, second = ALLOCATOR.tries
        assert first == whole
        assert second < whole / 2
        ALLOCATOR.tries.clear()
        assert drawing(bench, 8 * MIB - whole // 2, 2)[0] == "succeeded"
        assert len(ALLOCATOR.tries) == 1
        ALLOCATOR.tries.clear()
        status, failures = drawing(bench, 2**40, 3)
        assert status == "failed"
        assert failures[0].exception_type == "nodes.api.errors.OutOfMemory"
        assert "1,024.0 GiB at once was asked for" in failures[0].message
        assert len(ALLOCATOR.tries) == 2
        assert memory.residency.resident_bytes() == 0
        assert drawing(bench, 8 * MIB - whole // 2, 4)[0] == "succeeded"
    finally:
        bench.close()


def test_a_picture_is_made_in_tiles_where_the_whole_does_not_fit(tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "SMALLEST_STREAMED_BYTES", 2**11)
    folders = tiny_base(tmp_path)
    vae = open_vae(folders.find("checkpoints", "tiny.safetensors"))
    shape = (1, 4, 96, 96)
    free = DeviceMemory("bounded:1000000000", "float32", Limits(reserve_bytes=0))
    needed = free.estimates.activation_bytes(vae.base.network, shape)
    assert free.fits(vae, shape)
    small = DeviceMemory(f"bounded:{needed // 2 + 4 * MIB}", "float32", Limits(reserve_bytes=0))
    assert not small.fits(vae, shape)
    assert small.fits(vae, (1, 4, 64, 64))


def test_without_a_gpu_the_computers_memory_decides_what_fits(tmp_path):
    vae = open_vae(tiny_base(tmp_path).find("checkpoints", "tiny.safetensors"))
    memory = DeviceMemory("cpu")
    assert memory.fits(vae, (1, 4, 64, 64))
    assert not memory.fits(vae, (1, 4, 2**15, 2**15))


def test_a_whole_job_under_a_cap_gives_the_same_picture_and_stays_below_it(tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "SMALLEST_STREAMED_BYTES", 2**11)
    folders = tiny_base(tmp_path)
    with Session(folders, memory=DeviceMemory("cpu", "float32")) as session:
        rows = session.plan(text_to_image(seed=1)).rows
        expected = session.run(text_to_image(seed=1)).tensors[0]
    activations = max(row.activation_bytes for row in rows)
    weights = min(row.seats[0].weight_bytes for row in rows)
    limits = Limits(reserve_bytes=0)
    memory = DeviceMemory(f"bounded:{activations + weights // 3}", "float32", limits)
    with Session(folders, memory=memory) as session:
        for _ in range(2):
            assert torch.equal(session.run(text_to_image(seed=1)).tensors[0], expected)
            session.free()
        session.run(text_to_image(seed=2))
        streamed = {report.name: report.streamed for report in memory.residency.report()}
        assert memory.residency.tier.peak_bytes <= activations + weights // 3
    assert any(streamed.values())

"""Do models compute where they were told, and move between two places without a trace?"""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from torch import nn

from executor.forecast.forecast import Forecast
from executor.memory.devices import Devices
from executor.memory.limits import Limits
from executor.memory.residency import Residency
from executor.session import Session
from executor.worker.device_memory import DeviceMemory
from loaders.folders import Folders
from models.adapters.deltas import Difference
from models.adapters.patch import Patched
from models.adapters.weights import DeltaSet, WeightPatch
from nodes.api.errors import NodeError
from tests.fixtures.checkpoints import tiny_checkpoint
from tests.fixtures.graphs import text_to_image

BYTES = 256 + 64  # parts lie at multiples of 64
HALF = WeightPatch(DeltaSet({"weight": Difference(torch.full((8, 8), 0.5))}), 1.0)


@dataclass(frozen=True, eq=False)
class Holder:
    network: nn.Module = field(default_factory=lambda: nn.Linear(8, 8))


@pytest.fixture
def residency() -> Residency:
    return Residency(Devices(torch.device("meta"), limits=Limits(vram_bytes=BYTES)))


def place(residency: Residency, patched: Patched[Holder]) -> str:
    with residency.borrow(patched) as base:
        return base.network.weight.device.type


def test_the_same_network_computes_where_each_value_says(residency: Residency) -> None:
    usual = Patched(Holder())
    before = usual.base.network.weight.detach().clone()
    there = usual.on_device("cpu")
    for patched, expected in (
        (usual, "meta"),
        (there, "cpu"),
        (there, "cpu"),
        (usual, "meta"),
        (there, "cpu"),
    ):
        assert place(residency, patched) == expected
        assert residency.resident_bytes() == (BYTES if expected == "meta" else 0)
    with residency.borrow(there.with_patch(HALF)) as base:
        torch.testing.assert_close(base.network.weight, before + 0.5)
    residency.free()
    assert torch.equal(usual.base.network.weight, before)
    assert len(residency.report()) == 0


def test_the_choice_is_kept_by_what_else_is_said_of_a_model() -> None:
    there = Patched(Holder()).on_device("cpu").with_patch(HALF)
    assert there.with_base(Holder()).stays_on_cpu
    assert there.on_device("default").patches == there.patches
    there.base.network.stays_on_cpu = True
    assert there.on_device("default").stays_on_cpu
    assert not there.on_device("gpu:0").stays_on_cpu


def test_a_network_is_not_on_two_devices_at_once(residency: Residency) -> None:
    usual = Patched(Holder())
    with (
        residency.borrow(usual),
        pytest.raises(NodeError, match="Linear is to compute on two devices at once"),
    ):
        place(residency, usual.on_device("cpu"))
    assert place(residency, usual.on_device("cpu")) == "cpu"


def test_a_device_that_is_not_there_is_refused_with_what_is() -> None:
    with pytest.raises(
        NodeError, match="Linear is to compute on gpu:3, but this worker has no GPU; choose def"
    ):
        place(Residency(Devices()), Patched(Holder()).on_device("gpu:3"))
    assert Devices(torch.device("cuda", 1)).gpu == "gpu:1"
    assert Devices(torch.device("cuda")).gpu == "gpu:0"
    assert place(Residency(Devices()), Patched(Holder()).on_device("cpu")) == "cpu"


NODES = {"model": "SelectModelDevice", "clip": "SelectCLIPDevice", "vae": "SelectVAEDevice"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    base: Path = tmp_path_factory.mktemp("base")
    made = Folders(base)
    made.create()
    tiny_checkpoint(base / "models" / "checkpoints" / "tiny.safetensors")
    return made


def test_a_graph_computes_and_is_planned_where_its_nodes_say(folders: Folders) -> None:
    graph = text_to_image()
    loader = next(key for key, node in graph.items() if node["class_type"] == "CheckpointLoaderSimple")
    for slot, (kind, node_type) in enumerate(NODES.items()):
        for node in graph.values():
            node["inputs"] = {
                name: [kind, 0] if value == [loader, slot] else value
                for name, value in node["inputs"].items()
            }
        graph[kind] = {"class_type": node_type, "inputs": {kind: [loader, slot], "device": "cpu"}}
    memory = DeviceMemory("bounded:200000000", "float32", Limits(reserve_bytes=0))
    with Session(folders, memory=memory) as session:
        forecast: Forecast = session.plan(graph)
        assert {row.seats[0].reason for row in forecast.rows} == {
            "it is computed with in the computer's memory"
        }
        session.run(graph)
        assert {one.name for one in memory.residency.report()} == {"TextEncoders", "UNet", "AutoencoderKL"}
        assert memory.residency.resident_bytes() == 0
        graph["vae"]["inputs"]["device"] = "default"
        session.run(graph)
        assert [one.name for one in memory.residency.report() if one.held_bytes] == ["AutoencoderKL"]

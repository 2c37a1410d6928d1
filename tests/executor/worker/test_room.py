"""Room for weights: asked for before they are read, refused with numbers, or left in their file."""

from pathlib import Path

import pytest
import torch

from executor.worker import device_memory
from executor.worker.device_memory import DeviceMemory
from loaders import room
from loaders.assemble import Storage
from loaders.checkpoint import open_checkpoint, open_diffusion
from loaders.room import stays_in_file
from models.host_memory import Room
from nodes.api.errors import OutOfMemory
from tests.fixtures.checkpoints import tiny_checkpoint

GIB = 2**30


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("models") / "tiny.safetensors")


def free(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(device_memory, "host_room", lambda limit: Room(GIB, size, "this container"))
    monkeypatch.setattr(device_memory, "swap_free_bytes", lambda: 0)


def test_weights_that_must_be_converted_are_refused_with_numbers(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free(monkeypatch, 5000)
    memory = DeviceMemory("cpu")
    with (
        memory.surroundings(),
        pytest.raises(OutOfMemory, match=r"the UNet takes \d+\.\d MiB, but 5 KiB") as one,
    ):
        open_diffusion(file, Storage(torch.bfloat16))
    assert "of 1.0 GiB are free (this container)" in str(one.value)
    assert one.value.free_bytes == 5000


def test_weights_that_lie_in_the_file_as_they_are_wanted_stay_there(
    file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    whole = open_diffusion(file, Storage(torch.float16)).base.network.state_dict()
    free(monkeypatch, 5000)
    with DeviceMemory("cpu").surroundings():
        network = open_diffusion(file, Storage(torch.float16)).base.network
    assert "it stays in its file" in caplog.text
    blocks = {tensor.untyped_storage().data_ptr() for tensor in network.state_dict().values()}
    assert len(blocks) == 1
    assert next(network.parameters()).untyped_storage().nbytes() >= file.stat().st_size
    assert all(torch.equal(tensor, whole[name]) for name, tensor in network.state_dict().items())
    assert not stays_in_file()


def test_where_there_is_room_nothing_is_counted(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free(monkeypatch, GIB)
    monkeypatch.setattr("loaders.assemble._sizes", lambda *arguments: pytest.fail("it was counted"))
    with DeviceMemory("cpu").surroundings():
        assert open_checkpoint(file).vae is not None


def test_idle_networks_give_way_first(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = iter([5000, GIB])
    monkeypatch.setattr(device_memory, "host_room", lambda limit: Room(GIB, next(sizes, GIB), "x"))
    memory = DeviceMemory("cpu")
    released = []
    monkeypatch.setattr(memory, "release", lambda: released.append(True))
    assert memory.make_room("UNet", 10**6, lambda: (10**6, 10**6))
    assert released == [True]


def test_nobody_is_asked_outside_of_a_process_that_runs_jobs(file: Path) -> None:
    assert room._ask.get() is None
    assert open_diffusion(file).base.network is not None

from typing import Any

import pytest
import torch

from executor.memory.devices import Devices
from executor.memory.limits import Limits
from executor.memory.residency import Residency
from executor.memory.shortage import shortage
from models import host_memory
from models.adapters.patch import Patched
from models.diffusion import VaeModel
from models.host_memory import Room
from nodes.api.errors import NodeError, OutOfMemory


def test_what_the_processor_cannot_allocate_is_said_with_both_sizes() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    lack = shortage(caught.value, Devices())
    assert lack is not None
    assert lack.requested_bytes == 2**60
    assert 0 < lack.free_bytes < 2**60
    assert "1,073,741,824.0 GiB at once was asked for" in str(lack)
    assert "are free (this " in str(lack)


def test_what_is_free_is_what_the_container_and_the_limit_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_memory, "container_rooms", lambda: (Room(2**31, 3 * 2**20, "this container"),))
    lack = shortage(MemoryError("Unable to allocate 12.0 MiB for an array"), Devices())
    assert lack is not None
    assert (lack.requested_bytes, lack.free_bytes) == (12 * 2**20, 3 * 2**20)
    assert "12.0 MiB at once was asked for, but 3.0 MiB are free (this container)" in str(lack)
    assert Devices().info()["vram_total"] == 2**31
    limited = shortage(MemoryError(), Devices(limits=Limits(ram_bytes=1)))
    assert limited is not None
    assert limited.free_bytes == 0


def test_what_a_device_cannot_allocate_is_said_with_its_size() -> None:
    lack = shortage(
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0"), Devices()
    )
    assert lack is not None
    assert lack.requested_bytes == int(2.5 * 2**30)


@pytest.mark.parametrize(
    ("error", "asked"),
    [
        (RuntimeError("CUDA error: out of memory"), 0),
        (MemoryError(), 0),
        (MemoryError("Unable to allocate 2.00 EiB for an array with shape (1,)"), 2**61),
    ],
)
def test_others_than_torch_run_out_of_memory_too(error: Exception, asked: int) -> None:
    lack = shortage(error, Devices())
    assert lack is not None
    assert lack.requested_bytes == asked
    assert "are free (this " in str(lack)
    assert ("more was asked for" in str(lack)) == (asked == 0)


@pytest.mark.parametrize(
    "error", [RuntimeError("sizes do not match"), ValueError("allocate memory"), OSError("out of memory")]
)
def test_other_errors_are_not_about_memory(error: Exception) -> None:
    assert shortage(error, Devices()) is None


def test_a_node_that_runs_a_network_hears_of_it_so() -> None:
    patched = Patched(VaeModel(torch.nn.Linear(2, 2)))
    residency = Residency(Devices())
    with pytest.raises(OutOfMemory, match="smaller picture or batch"), residency.borrow(patched):
        torch.empty(2**60, dtype=torch.uint8)
    with pytest.raises(RuntimeError, match="mat1"), residency.borrow(patched) as base:
        base.network(torch.zeros(1, 3))
    with residency.borrow(patched) as base:
        assert base.network(torch.zeros(1, 2)).shape == (1, 2)


@pytest.mark.parametrize(("value", "shown"), [(None, "None"), ("sd15", "'sd15'")])
def test_what_is_no_model_is_refused_with_what_came(value: Any, shown: str) -> None:
    message = f"is needed here, but what came is {shown}"
    with pytest.raises(NodeError, match=message), Residency(Devices()).borrow(value):
        pass

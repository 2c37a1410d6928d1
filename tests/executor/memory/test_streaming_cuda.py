"""Streaming on a CUDA device: what the bounded device proves, with copies that really run beside kernels."""

import gc

import pytest
import torch
from torch import Tensor, nn

from executor.memory.devices import choose_devices
from executor.memory.limits import Limits
from executor.memory.residency import Residency
from models.adapters.deltas import Difference
from models.adapters.patch import Patched
from models.adapters.weights import DeltaSet, WeightPatch
from models.packed.float8 import Float8
from models.packed.tensor import pack
from tests.fixtures.streaming import (
    Holder,
    drawn,
    settled,
    unet,
    vae,
    weight_bytes,
)

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.usefixtures("tiny_leaves"),
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

WIDTH, LAYERS = 512, 24


def chain() -> nn.Module:
    return settled(nn.Sequential(*(nn.Linear(WIDTH, WIDTH) for _ in range(LAYERS))))


def capped(share: float, network: nn.Module) -> Residency:
    limits = Limits(vram_bytes=int(share * weight_bytes(network)), reserve_bytes=0)
    return Residency(choose_devices("cuda", limits))


def everywhere(network: nn.Module, *inputs: Tensor) -> Tensor:
    """What a network makes when all of it is on the device."""
    whole = Residency(choose_devices("cuda"))
    with whole.borrow(Patched(Holder(network)), 0):
        made: Tensor = network(*inputs)
    whole.free()
    return made


@pytest.mark.parametrize("share", [0.15, 0.3, 0.6])
def test_many_passes_without_waiting_give_the_same_bits(share: float) -> None:
    network, x = chain(), drawn(64, WIDTH).cuda()
    expected = everywhere(network, x)
    residency = capped(share, network)
    with residency.borrow(Patched(Holder(network)), 0):
        assert residency.report()[0].streamed
        made = [network(x) for _ in range(50)]
        assert all(torch.equal(one, expected) for one in made)
    before = torch.cuda.memory_allocated()
    residency.free()
    del made
    gc.collect()
    assert torch.cuda.memory_allocated() < before
    assert all(tensor.device.type == "cpu" for tensor in network.parameters())


def test_the_peak_of_weights_stays_below_the_cap() -> None:
    network, x = chain(), drawn(1, WIDTH).cuda()
    residency = capped(0.3, network)
    gc.collect()
    torch.cuda.reset_peak_memory_stats()
    base = torch.cuda.memory_allocated()
    with residency.borrow(Patched(Holder(network)), 0):
        network(x)
    activations = 2**20 + 2**25  # what small tensors are rounded up to, and what cuBLAS works in
    assert torch.cuda.max_memory_allocated() - base <= 0.3 * weight_bytes(network) + activations
    residency.free()


def test_changed_and_packed_weights_are_streamed() -> None:
    network, x = chain(), drawn(8, WIDTH).cuda()
    for layer in list(network)[::2]:
        packed = pack(layer.weight.detach(), Float8(is_scaled=True))
        layer.weight = nn.Parameter(packed, requires_grad=False)
    deltas = {"1.weight": Difference(0.1 * drawn(WIDTH, WIDTH)), "3.weight": Difference(drawn(WIDTH, WIDTH))}
    patch = WeightPatch(DeltaSet(deltas), 1.0)
    made = []
    for share in (4.0, 0.25):
        residency = capped(share, network)
        with residency.borrow(Patched(Holder(network), (patch,)), 0):
            made.append(network(x))
        residency.free()
    assert torch.equal(*made)


def test_networks_of_this_app_run_streamed_on_the_device() -> None:
    network = unet()
    inputs = (drawn(1, 4, 8, 8).cuda(), torch.tensor([3.0]).cuda(), drawn(1, 7, 64).cuda())
    expected = everywhere(network, *inputs)
    residency = capped(0.8, network)
    with residency.borrow(Patched(Holder(network)), 0):
        assert next(network.parameters()).device.type == "cuda"
        torch.testing.assert_close(network(*inputs), expected)
        second = vae()
        with residency.borrow(Patched(Holder(second)), 0):
            latent = drawn(1, 4, 8, 8).cuda()
            assert second.decode_raw(latent).device.type == "cuda"
            torch.testing.assert_close(network(*inputs), expected)


def test_what_is_streamed_comes_from_pinned_memory() -> None:
    network = chain()
    residency = capped(0.3, network)
    tier = residency.tier
    assert tier is not None
    with residency.borrow(Patched(Holder(network)), 0):
        network(drawn(1, WIDTH).cuda())
        assert tier.pins.pinned_bytes > 0
    residency.free()
    assert tier.pins.pinned_bytes == 0
    assert not any(tensor.is_pinned() for tensor in network.parameters())

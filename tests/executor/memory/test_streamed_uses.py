"""What else is done with streamed networks: changes in the middle of a run, sharing, copying, saving."""

import copy
import weakref
from contextlib import ExitStack

import pytest
import torch
from torch import nn

from executor.run.cache import Outcome
from executor.run.policies import HeadroomCache
from models.adapters import weight_change
from models.adapters.deltas import Added
from models.adapters.kept import KeptChanges
from models.adapters.patch import Patched
from models.adapters.products import LowRank
from models.adapters.ways import Way
from models.adapters.weight_change import PatchedWeights
from models.adapters.weights import DeltaSet, WeightPatch
from models.packed.away import Away
from models.packed.float8 import Float8
from models.packed.tensor import pack, stored
from tests.fixtures.streaming import Holder, bounded, drawn, lora, run_unet, unet, weight_bytes

pytestmark = pytest.mark.usefixtures("tiny_leaves")


def test_what_runs_beside_packed_layers_is_in_the_books_and_in_the_plan(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(weight_change, "choose", lambda *_, **__: Way.BESIDE)
    network = nn.Sequential(*(nn.Linear(64, 64) for _ in range(8))).requires_grad_(False)
    for layer in network:
        packed = pack(layer.get_parameter("weight"), Float8())
        layer.register_parameter("weight", nn.Parameter(packed, requires_grad=False))
    products = {f"{index}.weight": Added(LowRank(drawn(64, 4), drawn(4, 64))) for index in range(8)}
    patched = Patched(Holder(network), (WeightPatch(DeltaSet(products), 1.0),))
    factors = 8 * 2 * 4 * 64 * 4
    roomy, _ = bounded(2**20)
    with roomy.borrow(Patched(Holder(network)), 0):
        plain, fewest = roomy.resident_bytes(), roomy.least_bytes(Patched(Holder(network)))
    with roomy.borrow(patched, 0):
        assert roomy.resident_bytes() == plain + factors
        assert roomy.least_bytes(patched) == fewest + factors
    roomy.free()
    assert roomy.resident_bytes() == 0
    tight, _ = bounded(plain + factors // 2)
    with tight.borrow(Patched(Holder(network)), 0):
        assert tight.report()[0].streamed == 0
    with tight.borrow(patched, 0):
        assert tight.report()[0].streamed > 0
        assert tight.resident_bytes() <= plain + factors // 2


@pytest.mark.parametrize("share", [0.5, 1.05])
def test_patches_that_come_and_go_in_the_middle_of_a_run(share: float) -> None:
    network, plain = unet(), unet()
    stacks = [(lora(network, 3, 0.01),), (), (lora(network, 4, 0.02),)]
    residency, tier = bounded(share * weight_bytes(network) + weight_bytes(network) // 4)
    kept, beside = KeptChanges(network), KeptChanges(plain)
    with residency.borrow(Patched(Holder(network)), weight_bytes(network) // 4):
        held = residency.resident_bytes()
        for stack in stacks * 2:
            with ExitStack() as undo:
                kept.install(stack, undo)
                beside.install(stack, undo)
                assert torch.equal(run_unet(network), run_unet(plain))
        assert residency.resident_bytes() == held
        assert tier.peak_bytes <= tier.cap_bytes
    assert torch.equal(run_unet(network), run_unet(plain))


def test_another_network_may_share_weights_that_are_streamed() -> None:
    network, plain, other = unet(), unet(), unet(seed=5)
    residency, _ = bounded(0.7 * weight_bytes(network))
    with residency.borrow(Patched(Holder(network)), weight_bytes(network) // 5):
        shared = dict(network.named_parameters())
        for name, _ in list(other.named_parameters()):
            path, _, last = name.rpartition(".")
            other.get_submodule(path).register_parameter(last, shared[name])
        assert torch.equal(run_unet(other), run_unet(plain))


def test_a_copy_of_a_streamed_network_is_a_plain_network() -> None:
    network, plain = unet(), unet()
    residency, _ = bounded(0.5 * weight_bytes(network))
    with residency.borrow(Patched(Holder(network))):
        weights = [module.weight for module in network.modules() if isinstance(module, nn.Linear)]
        copies = copy.deepcopy(weights)
    assert any(isinstance(weight, Away) for weight in weights)
    assert not any(isinstance(weight, Away) for weight in copies)
    expected = [module.weight for module in plain.modules() if isinstance(module, nn.Linear)]
    assert all(map(torch.equal, copies, expected))


def test_weights_are_read_for_saving_while_a_network_is_streamed() -> None:
    network, plain = unet(), unet()
    patched = Patched(Holder(network), (lora(network, 3, 0.01),))
    expected = PatchedWeights(Patched(Holder(plain), (lora(network, 3, 0.01),)))
    residency, _ = bounded(0.7 * weight_bytes(network))
    with residency.borrow(patched, weight_bytes(network) // 5):
        found = PatchedWeights(patched)
        for name in expected.shapes:
            assert torch.equal(found.read(name) * 1, expected.read(name))
            assert torch.equal(found.precise(name) * 1, expected.precise(name))


def test_a_result_that_is_dropped_gives_its_network_back_at_once() -> None:
    residency, tier = bounded(2 * weight_bytes(unet()))
    cache = HeadroomCache(1, lambda: int(tier.held_bytes == 0))
    networks = [unet()]
    with residency.borrow(Patched(Holder(networks[0]))):
        run_unet(networks[0])
    cache.put("model", Outcome((Patched(Holder(networks.pop())),)))
    assert tier.held_bytes > 0
    cache.begin([])
    assert tier.held_bytes == residency.resident_bytes() == 0


def test_no_second_copy_waits_where_memory_is_short() -> None:
    network, plain = unet(), unet()
    for module in network.modules():
        if isinstance(module, nn.Linear):
            module.weight = nn.Parameter(pack(module.weight.detach(), Float8()), requires_grad=False)
    expected, identities = run_unet(network), [id(tensor) for tensor in network.parameters()]
    parts = [part for tensor in network.parameters() for part in stored(tensor)]
    waiting = [weakref.ref(part.untyped_storage()) for part in parts]
    del parts
    residency, tier = bounded(1.1 * weight_bytes(network))
    tier.home_is_short = True
    with residency.borrow(Patched(Holder(network))):
        assert torch.equal(run_unet(network), expected)
        assert [one() for one in waiting if one() is not None] == []
        assert tier.held_bytes == residency.resident_bytes()
    with residency.borrow(Patched(Holder(network), (lora(plain, 3, 0.01),)), weight_bytes(network) // 2):
        run_unet(network)
    residency.free()
    assert tier.held_bytes == 0
    assert [id(tensor) for tensor in network.parameters()] == identities
    assert torch.equal(run_unet(network), expected)

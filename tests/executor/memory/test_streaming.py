"""Streaming on the bounded device: the same numbers in 30 % of the memory, and nothing left behind."""

import gc
import weakref
from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from executor.memory.devices import choose_devices
from executor.memory.network import NetworkState
from executor.memory.residency import Residency
from models.adapters.deltas import Added
from models.adapters.number_type import NumberType
from models.adapters.patch import Patched
from models.adapters.products import LowRank
from models.adapters.weights import DeltaSet, WeightPatch
from models.packed.away import Away
from models.packed.float8 import Float8
from models.packed.tensor import pack, stored_bytes
from nodes.api.errors import OutOfMemory
from tests.fixtures.streaming import (
    KINDS,
    Holder,
    bounded,
    drawn,
    lora,
    run_unet,
    run_vae,
    unet,
    vae,
    weight_bytes,
)

SHARE = 0.3


pytestmark = pytest.mark.usefixtures("tiny_leaves")


def state_of(network: nn.Module) -> NetworkState:
    state = network.__dict__["_resident"]
    assert isinstance(state, NetworkState)
    return state


class Cancelled(Exception):  # noqa: N818 - what a person asked for
    pass


def stop(*_: Any) -> None:
    raise Cancelled


def streamed_tensors(network: nn.Module) -> list[Tensor]:
    return [
        home
        for leaf in state_of(network).leaves
        if leaf.is_streamed and not leaf.is_gathered
        for home in leaf.homes.values()
    ]


def identities(network: nn.Module) -> list[tuple[int, Tensor]]:
    return [(id(tensor), tensor.clone()) for tensor in (*network.parameters(), *network.buffers())]


def assert_restored(network: nn.Module, before: list[tuple[int, Tensor]]) -> None:
    after = [*network.parameters(), *network.buffers()]
    assert [id(tensor) for tensor in after] == [identity for identity, _ in before]
    assert all(torch.equal(tensor, value) for tensor, (_, value) in zip(after, before, strict=True))
    assert not any("forward" in module.__dict__ for module in network.modules())


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_in_30_percent_of_its_memory_gives_the_same_bits(kind: str) -> None:
    build, run = KINDS[kind]
    network = build()
    expected, before = run(network), identities(network)
    cap = int(SHARE * weight_bytes(network))
    residency, tier = bounded(cap)
    # A table of positions is read from outside its leaf: it is brought for that one use.
    with residency.borrow(Patched(Holder(network)), 2**15 if kind == "vision" else 0):
        assert all(torch.equal(run(network), expected) for _ in range(3))
        (report,) = residency.report()
        assert report.streamed > report.resident / 2
        assert "streamed" in report.reason
    assert tier.peak_bytes <= cap
    assert tier.held_bytes == residency.resident_bytes() == report.held_bytes
    residency.free()
    assert tier.held_bytes == residency.resident_bytes() == 0
    assert_restored(network, before)


@pytest.mark.parametrize("kind", ["unet", "vae"])
def test_each_weight_crosses_the_border_as_often_as_planned(kind: str) -> None:
    build, run = KINDS[kind]
    network = build()
    residency, tier = bounded(SHARE * weight_bytes(network))
    passes = 4
    with residency.borrow(Patched(Holder(network))):
        for _ in range(passes):
            run(network)
        streamed = {tensor.data_ptr() for tensor in streamed_tensors(network)}
        counts = Counter(tier.crossings[pointer] for pointer in streamed)
        staying = {
            tier.crossings[tensor.data_ptr()]
            for leaf in state_of(network).leaves
            if not leaf.is_streamed
            for tensor in leaf.homes.values()
        }
    assert staying == {1}
    # The first leaves of the next pass are on their way already: two at most, of two tensors each.
    assert set(counts) <= {passes, passes + 1}
    assert counts[passes + 1] <= 4


def test_everything_stays_where_it_fits() -> None:
    network = unet()
    expected = run_unet(network)
    residency, tier = bounded(2 * weight_bytes(network))
    for _ in range(2):
        with residency.borrow(Patched(Holder(network))):
            assert torch.equal(run_unet(network), expected)
            assert not any("forward" in module.__dict__ for module in network.modules())
            assert not any(isinstance(tensor, Away) for tensor in network.parameters())
    assert set(tier.crossings.values()) == {1}


def test_every_part_of_a_network_runs_streamed() -> None:
    network, plain = unet(), unet()
    residency, _ = bounded(0.6 * weight_bytes(network))
    x, features = drawn(1, 32, 8, 8), drawn(1, 32)
    with residency.borrow(Patched(Holder(network)), weight_bytes(network) // 5):
        for inside, outside in zip(network.modules(), plain.modules(), strict=True):
            weight = getattr(inside, "weight", None)
            if weight is not None:
                assert weight.device.type == "cpu"
                assert weight.shape == outside.weight.shape
                assert torch.equal(weight * 2, outside.weight * 2)
        name = "output_blocks.3.0.out_layers"
        assert torch.equal(network.get_submodule(name)(x), plain.get_submodule(name)(x))
        assert torch.equal(network.time_embed(features), plain.time_embed(features))
        assert next(network.parameters()).dtype is torch.float32
        assert {k: tuple(v.shape) for k, v in network.state_dict().items()} == {
            k: tuple(v.shape) for k, v in plain.state_dict().items()
        }


def test_a_run_that_breaks_off_leaves_nothing_behind() -> None:
    network = unet()
    expected, before = run_unet(network), identities(network)
    residency, tier = bounded(SHARE * weight_bytes(network))
    held = None
    for place in ("input_blocks.1.1.transformer_blocks.0.ff.net.0.proj", "out.2", "time_embed.2"):
        with residency.borrow(Patched(Holder(network))):
            run_unet(network)
        handle = network.get_submodule(place).register_forward_pre_hook(stop)
        with pytest.raises(Cancelled), residency.borrow(Patched(Holder(network))):
            run_unet(network)
        handle.remove()
        with residency.borrow(Patched(Holder(network))):
            assert torch.equal(run_unet(network), expected)
        assert held in (None, tier.held_bytes)
        held = tier.held_bytes
        streamed = [leaf.module for leaf in state_of(network).leaves if leaf.is_streamed]
        assert all(isinstance(tensor, Away) for module in streamed for tensor in module.parameters())
    residency.free()
    assert tier.held_bytes == 0
    assert_restored(network, before)


def expected_under(*patches: Any) -> Tensor:
    plain = unet()
    with Residency(choose_devices("cpu")).borrow(Patched(Holder(plain), patches)):
        return run_unet(plain)


def test_patches_work_on_leaves_that_stay_and_on_streamed_ones() -> None:
    network = unet()
    before = identities(network)
    stacks = ((lora(network),), (lora(network, 2, 0.02),), ())
    whole = weight_bytes(network)
    largest = max(tensor.numel() * 4 for tensor in network.parameters())
    for share in (SHARE, 0.7, 1.2, 3.0):
        residency, tier = bounded(share * whole + 2 * largest)
        for stack in stacks:
            patched = Patched(Holder(network), stack)
            with residency.borrow(patched, activation_bytes=2 * largest):
                assert torch.equal(run_unet(network), expected_under(*stack))
            assert tier.peak_bytes <= tier.cap_bytes
            gc.collect()
            assert tier.held_bytes == residency.resident_bytes()
        residency.free()
        assert tier.held_bytes == 0
        assert_restored(network, before)


def test_a_number_type_on_a_streamed_network() -> None:
    network = unet()
    before = identities(network)
    residency, tier = bounded(0.7 * weight_bytes(network))
    patch = NumberType(torch.bfloat16)
    plain = unet().to(torch.bfloat16)
    inputs = (drawn(1, 4, 8, 8).bfloat16(), torch.tensor([3.0]), drawn(1, 7, 64).bfloat16())
    with residency.borrow(Patched(Holder(network), (patch,)), weight_bytes(network) // 4):
        assert torch.equal(network(*inputs), plain(*inputs))
        assert tier.held_bytes == residency.resident_bytes()
    residency.free()
    assert tier.held_bytes == 0
    assert_restored(network, before)


def test_packed_weights_cross_packed() -> None:
    network, plain = unet(), unet()
    for one in (network, plain):
        for module in one.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                packed = pack(module.weight.detach(), Float8(is_scaled=True))
                module.weight = nn.Parameter(packed, requires_grad=False)
    expected = run_unet(plain)
    residency, tier = bounded(0.5 * weight_bytes(network) / 4)
    with residency.borrow(Patched(Holder(network))):
        assert torch.equal(run_unet(network), expected)
        assert tier.crossed_bytes < weight_bytes(network) / 3
        assert residency.report()[0].streamed > 10
    before = residency.resident_bytes()
    assert tier.held_bytes == before


def test_packed_weights_under_a_lora_stay_packed_and_in_the_plan() -> None:
    network = unet()
    products = {}
    for name, module in network.named_modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            wide = module.weight
            packed = pack(wide.detach(), Float8())
            module.weight = nn.Parameter(packed, requires_grad=False)
            up, down = drawn(wide.shape[0], 2), drawn(2, *wide.shape[1:])
            flat = down if wide.ndim == 2 else down.reshape(2, *wide.shape[1:])
            products[f"{name}.weight"] = Added(LowRank(0.01 * up, 0.01 * flat))
    before = identities(network)
    patched = Patched(Holder(network), (WeightPatch(DeltaSet(products), 1.0),))
    whole = Residency(choose_devices("cpu"))
    with whole.borrow(patched):
        expected = run_unet(network)
    whole.free()
    packed_size = sum(map(stored_bytes, network.parameters()))
    residency, tier = bounded(0.7 * packed_size)
    with residency.borrow(patched, packed_size // 10):
        assert torch.equal(run_unet(network), expected)
        assert torch.equal(run_unet(network), expected)
        assert residency.report()[0].streamed > 5
    assert tier.peak_bytes <= tier.cap_bytes
    residency.free()
    assert_restored(network, before)


def test_only_the_rows_of_a_large_table_that_are_wanted_cross() -> None:
    build, run = KINDS["text"]
    network = build()
    table = network.text_model.embeddings.token_embedding.weight
    residency, tier = bounded(SHARE * weight_bytes(network))
    with residency.borrow(Patched(Holder(network))):
        run(network)
    assert tier.crossings[table.data_ptr()] == 0


def test_where_all_but_a_large_table_fits_the_table_alone_waits() -> None:
    build, run = KINDS["text"]
    network = build()
    expected = run(network)
    table = network.text_model.embeddings.token_embedding.weight
    residency, tier = bounded(weight_bytes(network) - table.nbytes // 2)
    with residency.borrow(Patched(Holder(network))):
        assert torch.equal(run(network), expected)
        assert residency.report()[0].streamed == 1
        assert "tables" in residency.report()[0].reason
    assert residency.moves == 1
    assert tier.crossings[table.data_ptr()] == 0


def test_gradients_pass_through_streamed_leaves() -> None:
    network, plain = vae(), vae()
    residency, _ = bounded(0.6 * weight_bytes(network))
    gradients = []
    with torch.enable_grad(), residency.borrow(Patched(Holder(network)), weight_bytes(network) // 4):
        for one in (network, plain):
            x = drawn(1, 4, 8, 8).requires_grad_()
            one.decode_raw(x).square().sum().backward()
            gradients.append(x.grad)
    assert torch.equal(*gradients)


def test_networks_are_freed_without_the_collector_when_nobody_holds_them() -> None:
    residency, tier = bounded(0.5 * weight_bytes(unet()))
    gc.collect()
    gc.disable()
    try:
        network: Any = unet()
        gone = weakref.ref(network)
        with residency.borrow(Patched(Holder(network), (lora(network),)), 2**20):
            run_unet(network)
        del network
        assert gone() is None
        assert tier.held_bytes == residency.resident_bytes() == 0
    finally:
        gc.enable()


def test_an_inner_network_has_the_outer_one_streamed_more() -> None:
    outer, inner = unet(), vae()
    expected = run_unet(outer), run_vae(inner)
    residency, tier = bounded(1.02 * weight_bytes(outer))
    with residency.borrow(Patched(Holder(outer), (lora(outer),))):
        assert residency.report()[0].streamed == 0
        with residency.borrow(Patched(Holder(inner))):
            assert torch.equal(run_vae(inner), expected[1])
            assert torch.equal(run_unet(outer), expected_under(lora(outer)))
            assert all(report.streamed for report in residency.report())
        assert tier.peak_bytes <= tier.cap_bytes
    with residency.borrow(Patched(Holder(outer))):
        assert torch.equal(run_unet(outer), expected[0])


def test_an_idle_network_gives_back_only_what_is_wanted() -> None:
    first, second = unet(), vae()
    residency, tier = bounded(weight_bytes(first) + 0.5 * weight_bytes(second))
    with residency.borrow(Patched(Holder(first))):
        pass
    with residency.borrow(Patched(Holder(second))):
        assert residency.report()[0].streamed == 0
    held = {report.name: report.held_bytes for report in residency.report()}
    assert 0 < held["UNet"] < weight_bytes(first)
    crossed = tier.crossed_bytes
    with residency.borrow(Patched(Holder(first))):
        pass
    assert tier.crossed_bytes - crossed < 0.8 * weight_bytes(first)


def test_what_cannot_even_be_streamed_is_refused_with_numbers() -> None:
    network = unet()
    before = identities(network)
    residency, tier = bounded(0.05 * weight_bytes(network))
    with (
        pytest.raises(OutOfMemory, match=r"UNet needs .* at least") as caught,
        residency.borrow(Patched(Holder(network))),
    ):
        pytest.fail("never reached")
    assert caught.value.requested_bytes > caught.value.free_bytes
    residency.free()
    assert tier.held_bytes == 0
    assert_restored(network, before)

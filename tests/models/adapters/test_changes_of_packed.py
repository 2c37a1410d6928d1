"""Changes of packed weights agree with those of dense ones, and leave them packed."""

from collections.abc import Callable
from contextlib import ExitStack
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from models import host_memory
from models.adapters import beside, ways
from models.adapters.at_use import Changed, changed_at_use
from models.adapters.beside import Beside
from models.adapters.deltas import Added, Delta, Difference, Magnitude, Parts, Step
from models.adapters.kept import KeptChanges
from models.adapters.merged import Mix, merge
from models.adapters.patch import Patch, Patched, applied, install
from models.adapters.products import Hadamard, Kronecker, LowRank
from models.adapters.relative import Multiplied, WithItself
from models.adapters.scaled_weights import ScaledWeights
from models.adapters.ways import Rates, Way, choose
from models.adapters.weight_change import PatchedWeights
from models.adapters.weights import DeltaSet, WeightPatch
from models.host_memory import Room
from models.packed.float8 import Float8
from models.packed.gguf import Gguf
from models.packed.tensor import Packed, dense, pack, stored_bytes

FORMATS = (Float8(is_scaled=True), Gguf("Q8_0"), Gguf("Q4_K"), None)
QUICK_BESIDE = Rates(0.0, 0.0, 1.0)
QUICK_AT_USE = Rates(1.0, 0.0, 0.0)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed + sum(shape)))


class Network(nn.Module):
    """A linear layer and a convolution; its own weights are such as the format can say."""

    def __init__(self, packing: Float8 | Gguf | None) -> None:
        super().__init__()
        self.linear = nn.Linear(256, 64)
        self.conv = nn.Conv2d(64, 32, 3, stride=2, padding=1)
        for layer in (self.linear, self.conv):
            numbers = 0.1 * drawn(*layer.weight.shape)
            fits = packing is not None and not (layer is self.conv and isinstance(packing, Gguf))
            stored = pack(numbers, packing) if packing is not None and fits else numbers
            layer.register_parameter("weight", nn.Parameter(stored, requires_grad=False))
        self.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """Transform (B, 8, 8, 256)."""
        made: Tensor = self.conv(self.linear(x).movedim(-1, 1))
        return made


def plain_twin(network: Network) -> Network:
    twin = Network(None)
    for (name, ours), (_, theirs) in zip(network.named_parameters(), twin.named_parameters(), strict=True):
        twin.get_submodule(name.rpartition(".")[0]).register_parameter(
            name.rpartition(".")[2], nn.Parameter(dense(ours.detach()).clone(), requires_grad=False)
        )
        assert theirs.shape == ours.shape
    return twin


def patched(network: nn.Module, *patches: Patch) -> Patched[SimpleNamespace]:
    return Patched(SimpleNamespace(network=network), patches)


LORA = LowRank(drawn(64, 4), drawn(4, 256), alpha=2.0)
OTHER = LowRank(drawn(64, 8, seed=1), drawn(8, 256, seed=1))
KERNEL = LowRank(drawn(32, 4, 1, 1), drawn(4, 64, 3, 3))
CORE = LowRank(drawn(32, 4, 1, 1), drawn(4, 64, 1, 1), drawn(4, 4, 3, 3))
FACTORS = drawn(64, 2), drawn(2, 256)


def lora(strength: float = 0.3, **deltas: Delta) -> WeightPatch:
    return WeightPatch(DeltaSet({f"{name}.weight": delta for name, delta in deltas.items()}), strength)


STACKS: dict[str, Callable[[], tuple[Patch, ...]]] = {
    "LoRA": lambda: (lora(linear=Added(LORA), conv=Added(KERNEL)),),
    "two LoRAs": lambda: (lora(linear=Added(LORA), conv=Added(CORE)), lora(-0.2, linear=Added(OTHER))),
    "LoHa": lambda: (lora(linear=Added(Hadamard(FACTORS, FACTORS))),),
    "LoKr": lambda: (lora(linear=Added(Kronecker((drawn(8, 16),), (drawn(8, 16),)))),),
    "DoRA": lambda: (lora(linear=Added(LORA, Magnitude(1 + drawn(64, 1).abs()))),),
    "rows": lambda: (lora(linear=Parts([(8, 8, Added(LowRank(drawn(8, 2), drawn(2, 256))))])),),
    "difference, then LoRA": lambda: (
        lora(linear=Difference(drawn(64, 256))),
        lora(linear=Added(LORA), conv=Added(KERNEL)),
    ),
    "GLoRA": lambda: (lora(linear=WithItself(drawn(256, 4), drawn(4, 256), LORA)),),
    "IA3": lambda: (lora(conv=Multiplied(drawn(32)), linear=Multiplied(drawn(64))),),
    "factor": lambda: (ScaledWeights((("linear", 1.5),)), lora(linear=Added(LORA))),
}


@pytest.mark.parametrize("rates", [QUICK_BESIDE, QUICK_AT_USE], ids=["beside", "at use"])
@pytest.mark.parametrize("packing", FORMATS, ids=lambda packing: packing.name if packing else "plain")
@pytest.mark.parametrize("stack", STACKS)
def test_packed_weights_are_changed_as_dense_ones_are(
    stack: str, packing: Float8 | Gguf | None, rates: Rates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ways, "measured_rates", lambda device: rates)
    network, x = Network(packing), drawn(2, 8, 8, 256)
    twin = plain_twin(network)
    before, own = network(x), dict(network.named_parameters())
    assert torch.equal(before, twin(x))
    with applied(patched(twin, *STACKS[stack]())):
        expected = twin(x)
    with applied(patched(network, *STACKS[stack]())):
        made = network(x)
        present = dict(network.named_parameters())
    assert (expected - before).abs().max() > 0.1
    torch.testing.assert_close(made, expected, rtol=1e-4, atol=2e-5 * float(expected.abs().max()))
    for name, tensor in own.items():
        assert isinstance(tensor, Packed) == isinstance(present[name], Packed)
        assert dict(network.named_parameters())[name] is tensor
    assert torch.equal(network(x), before)
    assert not network.linear._forward_hooks


def test_factors_run_beside_or_change_the_weight_at_use_as_is_cheaper(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = Network(Float8())
    steps = [Step(Added(LORA), 1.0)]
    for rates, way in ((QUICK_BESIDE, Way.BESIDE), (QUICK_AT_USE, Way.AT_USE)):
        monkeypatch.setattr(ways, "measured_rates", lambda device, rates=rates: rates)
        assert choose(network.linear, "weight", network.linear.weight, steps) is way
    assert choose(network.linear, "weight", network.linear.weight, None) is Way.ONCE
    assert choose(network.linear, "weight", torch.ones(64, 256), steps) is Way.ONCE
    assert choose(network.linear, "bias", network.linear.bias, steps, stays=True) is Way.AT_USE
    grown = [Step(Added(LORA, grown=(80, 256)), 1.0)]
    assert choose(network.linear, "weight", network.linear.weight, grown) is Way.ONCE


def test_high_ranks_are_cheaper_in_the_weight_and_low_ones_beside_it() -> None:
    shape, rates = torch.Size((3072, 3072)), Rates(1e-13, 1e-12, 1e-6)
    sides = [
        ways.seconds_beside(shape, rank, rates) < ways.seconds_at_use(shape, rank, rates)
        for rank in (8, 1024)
    ]
    assert sides == [True, False]
    found = ways.measured_rates(torch.device("cpu"))
    assert 0 < found.product < found.byte * 1000
    assert ways.measured_rates(torch.device("cpu")) is found


def test_several_plain_factors_run_as_one_pair() -> None:
    network = Network(None)
    beside = Beside(network.linear, [Step(Added(LORA), 0.5), Step(Added(OTHER), -1.0)])
    assert [tuple(factor.shape) for factor in beside.chains[0]] == [(12, 256), (64, 12)]
    assert beside.size_bytes == 4 * 12 * (256 + 64)
    mixed = Beside(network.conv, [Step(Added(CORE), 1.0), Step(Added(KERNEL), 1.0), Step(Added(KERNEL), 1.0)])
    assert sorted(len(chain) for chain in mixed.chains) == [2, 3]
    assert mixed.chains[0][0].shape == (8, 64, 3, 3)


def test_what_is_changed_at_use_carries_its_factors_as_parts() -> None:
    weight = pack(drawn(64, 256), Float8())
    changed = changed_at_use(weight, [Step(Added(LORA), 1.0)])
    again = changed_at_use(changed, [Step(Difference(torch.ones(64, 256)), 2.0)])
    assert isinstance(again, Packed)
    assert isinstance(again.format, Changed)
    assert stored_bytes(changed) == stored_bytes(weight) + 4 * 4 * (64 + 256)
    assert {part.device.type for part in again.to("meta").parts.values()} == {"meta"}
    expected = weight.unpacked() + 0.5 * LORA.up @ LORA.down + 2.0
    torch.testing.assert_close(again.unpacked(), expected)
    with pytest.raises(ValueError, match="cannot be packed as float8_e4m3fn changed changed"):
        again.format.pack(torch.ones(2, 2))


def test_what_comes_later_finds_what_runs_beside_a_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways, "measured_rates", lambda device: QUICK_BESIDE)
    network, x = Network(Float8()), drawn(1, 8, 8, 256)
    twin = plain_twin(network)
    later: tuple[WeightPatch | ScaledWeights, ...] = (
        lora(linear=Added(LORA, Magnitude(1 + drawn(64, 1).abs()))),
        lora(linear=Added(OTHER)),
        ScaledWeights((("linear", -2.0),)),
    )
    for patch in later:
        made = []
        for each in (network, twin):
            with ExitStack() as undo:
                install(each, (lora(linear=Added(LORA)),), undo)
                install(each, (patch,), undo)
                made.append(each(x))
        torch.testing.assert_close(*made, rtol=1e-4, atol=1e-4)
    assert not beside.beside_layer(network.linear)


def test_mixtures_of_packed_models_are_dense_and_right() -> None:
    one, two = Network(Float8()), Network(Gguf("Q8_0"))
    mixed = merge(patched(one, lora(linear=Added(LORA))), patched(two), Mix(0.25, 0.75))
    both = [dense(network.linear.weight.detach(), torch.float32) for network in (one, two)]
    expected = 0.25 * (both[0] + 0.15 * LORA.up @ LORA.down) + 0.75 * both[1]
    with applied(mixed) as base:
        assert not isinstance(base.network.linear.weight, Packed)
        torch.testing.assert_close(base.network.linear.weight.detach(), expected)
    torch.testing.assert_close(PatchedWeights(mixed).read("linear.weight"), expected)


def test_kept_stacks_of_packed_networks_come_and_go() -> None:
    network, x = Network(Gguf("Q4_K")), drawn(1, 8, 8, 256)
    kept, made = KeptChanges(network), []
    stacks = (lora(linear=Added(LORA)),), (lora(linear=Added(OTHER)),), ()
    for _ in range(2):
        for stack in stacks:
            with ExitStack() as undo:
                kept.install(stack, undo)
                made.append(network(x))
    assert all(torch.equal(first, second) for first, second in zip(made[:3], made[3:], strict=True))
    assert not torch.equal(made[0], made[1])
    assert isinstance(network.linear.weight, Packed)


def test_weights_that_wait_are_not_doubled_where_memory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    from models.packed.away import Away, Carrier

    network, x = Network(None), drawn(1, 8, 8, 256)
    with applied(patched(network, lora(linear=Added(LORA)))):
        expected = network(x)
    carrier = Carrier(torch.device("cpu"), lambda home: home.detach().clone(), lambda made: made)
    waiting = Away(network.linear.weight.detach(), carrier)
    network.linear.register_parameter("weight", nn.Parameter(waiting, requires_grad=False))
    for free, stays in ((10**9, False), (1000, True)):
        room = Room(10**10, free, "this container")
        monkeypatch.setattr(host_memory, "container_rooms", lambda room=room: (room,))
        with applied(patched(network, lora(linear=Added(LORA)))):
            assert isinstance(network.linear.weight, Away) == stays
            torch.testing.assert_close(network(x), expected, rtol=1e-4, atol=1e-4)

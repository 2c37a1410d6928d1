"""Does a network come back from every kind of change of weights as it was, memory and all?"""

import gc
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from weakref import ref

import pytest
import torch
from torch import Tensor, nn

from models.adapters.bypass import Bypass
from models.adapters.deltas import Added, Delta, Difference, Magnitude, Parts, Replacement
from models.adapters.merged import Mix, merge
from models.adapters.patch import Patch, Patched, applied
from models.adapters.products import Hadamard, Kronecker, LowRank
from models.adapters.relative import Multiplied, WithItself
from models.adapters.rotations import Butterfly, Rotated
from models.adapters.scaled_weights import ScaledWeights
from models.adapters.weights import DeltaSet, WeightPatch
from models.diffusion import DiffusionModel
from models.unet.config import UNetConfig
from models.unet.unet import UNet
from tests.fixtures.checkpoints import redrawn

LINEAR = "input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight"
CONVOLUTION = "input_blocks.1.0.in_layers.2.weight"
STRIDED = "input_blocks.2.0.op.weight"
BIAS = "out.2.bias"
SIZES = UNetConfig(
    channels=32,
    multipliers=(1, 1),
    input_depths=((1,), (0,)),
    output_depths=((0, 0), (0, 0)),
    context_width=64,
    middle_depth=None,
)


def random(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(len(shape) + sum(shape)))


def patch(deltas: dict[str, Delta], kind: type[WeightPatch | Bypass] = WeightPatch) -> Patch:
    return kind(DeltaSet(deltas, "tested"), 0.7)


LORA = LowRank(random(32, 4), random(4, 32), alpha=2.0)
KERNEL = LowRank(random(32, 4, 1, 1), random(4, 32, 3, 3))
CORE = LowRank(random(32, 4, 1, 1), random(4, 32, 1, 1), random(4, 4, 3, 3))
FACTORS = random(32, 2), random(2, 32)
PATCHES: dict[str, Callable[[], Patch]] = {
    "LoRA": lambda: patch({LINEAR: Added(LORA), CONVOLUTION: Added(KERNEL), STRIDED: Added(CORE)}),
    "LoHa": lambda: patch({LINEAR: Added(Hadamard(FACTORS, FACTORS))}),
    "LoKr": lambda: patch({LINEAR: Added(Kronecker((random(4, 4),), (random(8, 8),)))}),
    "DoRA": lambda: patch({LINEAR: Added(LORA, Magnitude(1 + random(32, 1).abs()))}),
    "GLoRA": lambda: patch({LINEAR: WithItself(FACTORS[0], FACTORS[1], LORA)}),
    "OFT": lambda: patch({LINEAR: Rotated(random(4, 8, 8))}),
    "BOFT": lambda: patch({CONVOLUTION: Butterfly(random(2, 8, 4, 4))}),
    "IA3": lambda: patch({LINEAR: Multiplied(random(32))}),
    "difference": lambda: patch({BIAS: Difference(random(4))}),
    "whole": lambda: patch({BIAS: Replacement(random(4))}),
    "rows": lambda: patch({LINEAR: Parts([(8, 8, Difference(random(8, 32)))])}),
    "factors": lambda: ScaledWeights((("attn1.to_q", 1.5),)),
    "bypass": lambda: patch({LINEAR: Added(LORA), STRIDED: Added(CORE), BIAS: Difference(random(4))}, Bypass),
}


@dataclass(frozen=True, eq=False)
class Failing:
    key: str = "failing"

    def install(self, root: nn.Module, undo: ExitStack) -> None:
        raise RuntimeError("this patch fails")


@pytest.fixture(scope="module")
def model() -> Patched[DiffusionModel]:
    return Patched(DiffusionModel(network=redrawn(UNet(SIZES), 1).requires_grad_(False), family="sd15"))


def output(network: Callable[..., Tensor]) -> Tensor:
    with torch.no_grad():
        return network(random(1, 4, 8, 8), torch.tensor([300.0]), random(1, 7, 64))


def snapshot(network: nn.Module) -> dict[str, tuple[int, int, int, int, tuple[int, ...]]]:
    """Identity, storage, version and layout of every tensor by name, and how many hooks there are."""
    tensors = network.state_dict(keep_vars=True)
    hooks = sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in network.modules())
    found = {n: (id(t), t.data_ptr(), t._version, hooks, t.stride()) for n, t in tensors.items()}
    return found | {"storage": tuple(sorted(t.untyped_storage().data_ptr() for t in tensors.values()))}


@pytest.mark.parametrize("kind", PATCHES)
def test_every_kind_changes_the_output_and_leaves_no_trace(model: Patched[DiffusionModel], kind: str) -> None:
    network = model.base.network
    before, tensors, values = output(network), snapshot(network), network.state_dict()
    values = {name: tensor.clone() for name, tensor in values.items()}
    with applied(model.with_patch(PATCHES[kind]())) as base:
        assert not torch.allclose(output(base.network), before, atol=1e-5)
    assert snapshot(network) == tensors
    assert all(torch.equal(tensor, values[name]) for name, tensor in network.state_dict().items())
    assert torch.equal(output(network), before)


def test_all_kinds_together_leave_no_trace_even_when_the_network_fails(
    model: Patched[DiffusionModel],
) -> None:
    network = model.base.network
    tensors, before = snapshot(network), output(network)
    stack = model.with_patch(*(make() for make in PATCHES.values()))
    mixed = merge(stack, model.with_patch(PATCHES["LoRA"]()), Mix(0.5, 0.5))
    for patched in (stack, mixed):
        with pytest.raises(RuntimeError, match="cannot be multiplied"), applied(patched) as base:
            base.network(random(1, 4, 8, 8), torch.tensor([300.0]), random(1, 7, 63))
        assert snapshot(network) == tensors
        with pytest.raises(RuntimeError, match="this patch fails"), applied(patched.with_patch(Failing())):
            pytest.fail("never reached")
        assert snapshot(network) == tensors
    assert torch.equal(output(network), before)


def test_the_changed_weights_are_gone_from_memory_too(model: Patched[DiffusionModel]) -> None:
    with applied(model.with_patch(PATCHES["LoRA"](), PATCHES["factors"]())) as base:
        changed = ref(base.network.get_parameter(LINEAR))
        assert changed() is not None
    gc.collect()
    assert changed() is None


def test_a_bypass_gives_what_changed_weights_give(model: Patched[DiffusionModel]) -> None:
    deltas: dict[str, Delta] = {
        LINEAR: Added(LORA),
        CONVOLUTION: Added(KERNEL),
        STRIDED: Added(CORE),
        BIAS: Difference(random(4)),
    }
    with applied(model.with_patch(patch(deltas))) as base:
        expected = output(base.network)
    with applied(model.with_patch(patch(deltas, Bypass))) as base:
        assert base.network.get_parameter(LINEAR) is model.base.network.get_parameter(LINEAR)
        torch.testing.assert_close(output(base.network), expected, rtol=1e-4, atol=1e-5)


def test_patches_come_and_go_under_a_compiled_network(model: Patched[DiffusionModel]) -> None:
    network = model.base.network
    tensors, before = snapshot(network), output(network)
    torch._dynamo.reset()
    compiled = torch.compile(network, backend="aot_eager")
    torch.testing.assert_close(output(compiled), before)
    patched = model.with_patch(PATCHES["LoRA"](), PATCHES["DoRA"](), PATCHES["difference"]())
    for _ in range(2):
        with applied(patched):
            expected = output(network)
            torch.testing.assert_close(output(compiled), expected)
            assert not torch.allclose(expected, before, atol=1e-3)
        torch.testing.assert_close(output(compiled), before)
        assert snapshot(network) == tensors
    with pytest.raises(RuntimeError, match="this patch fails"), applied(patched.with_patch(Failing())):
        pytest.fail("never reached")
    with pytest.raises(ZeroDivisionError), applied(patched):
        raise ZeroDivisionError(output(compiled))
    torch.testing.assert_close(output(compiled), before)
    torch._dynamo.reset()

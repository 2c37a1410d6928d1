from contextlib import ExitStack
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from models.adapters.deltas import Added, Difference
from models.adapters.patch import Patched, Substitution, applied
from models.adapters.products import LowRank
from models.adapters.weights import DeltaSet, WeightPatch
from models.diffusion import DiffusionModel
from models.unet.unet import UNet
from tests.fixtures.checkpoints import TINY_UNET, redrawn

LINEAR = "input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight"
CONVOLUTION = "input_blocks.1.0.in_layers.2.weight"
BIAS = "out.2.bias"


@pytest.fixture(scope="module")
def model() -> Patched[DiffusionModel]:
    return Patched(DiffusionModel(network=redrawn(UNet(TINY_UNET), 1), family="sd15"))


def lora(network: nn.Module, strength: float = 1.0, rank: int = 2) -> WeightPatch:
    def low_rank(name: str) -> Added:
        shape = network.get_parameter(name).shape
        up, down = torch.randn(shape[0], rank, *[1] * (len(shape) - 2)), torch.randn(rank, *shape[1:])
        return Added(LowRank(up, down))

    deltas = {name: low_rank(name) for name in (LINEAR, CONVOLUTION)}
    return WeightPatch(DeltaSet({**deltas, BIAS: Difference(torch.randn(4))}), strength)


def output(network: nn.Module) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 4, 8, 8, generator=generator)
    context = torch.randn(1, 7, 64, generator=generator)
    with torch.no_grad():
        result: torch.Tensor = network(x, torch.tensor([300.0]), context)
    return result


def snapshot(network: nn.Module) -> list[tuple[str, int, int, int]]:
    """Name, identity, storage and version of every tensor."""
    tensors = network.state_dict(keep_vars=True)
    return [(name, id(t), t.data_ptr(), t._version) for name, t in tensors.items()]


@dataclass(frozen=True, eq=False)
class Failing:
    key: str = "failing"

    def install(self, root: nn.Module, undo: ExitStack) -> None:
        raise RuntimeError("no")


class Zero(nn.Module):
    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, torch.zeros_like(skip)], dim=1)


def test_patches_change_the_output_and_leave_no_trace(model: Patched[DiffusionModel]) -> None:
    network = model.base.network
    before, tensors, tree = output(network), snapshot(network), repr(network)
    patched = model.with_patch(lora(network), Substitution("joins.1", Zero()), lora(network, -0.5))
    for _ in range(2):
        with applied(patched) as base:
            assert not torch.allclose(output(base.network), before)
            assert repr(base.network) != tree
        assert snapshot(network) == tensors
        assert repr(network) == tree
        assert torch.equal(output(network), before)


def test_an_exception_inside_leaves_no_trace(model: Patched[DiffusionModel]) -> None:
    network = model.base.network
    tensors, tree = snapshot(network), repr(network)
    with pytest.raises(ZeroDivisionError), applied(model.with_patch(lora(network))):
        raise ZeroDivisionError
    assert snapshot(network) == tensors
    with pytest.raises(RuntimeError, match="no"), applied(model.with_patch(lora(network), Failing())):
        pytest.fail("never reached")
    assert snapshot(network) == tensors
    assert repr(network) == tree


def test_a_delta_that_does_not_fit_leaves_no_trace(model: Patched[DiffusionModel]) -> None:
    network = model.base.network
    tensors = snapshot(network)
    wrong = WeightPatch(DeltaSet({BIAS: Difference(torch.zeros(4)), LINEAR: Difference(torch.zeros(7))}), 1.0)
    with pytest.raises(ValueError, match="does not fit"), applied(model.with_patch(wrong)):
        pytest.fail("never reached")
    assert snapshot(network) == tensors


def test_a_patched_model_is_a_value(model: Patched[DiffusionModel]) -> None:
    patch = lora(model.base.network)
    patched = model.with_patch(patch)
    assert model.patches == ()
    assert patched.base is model.base
    assert patched.stack == (("weights", patch.source, 1.0, ()),)
    assert patched.stack == model.with_patch(WeightPatch(patch.source, 1.0)).stack
    assert patched.stack != model.with_patch(WeightPatch(patch.source, 0.9)).stack
    other = DiffusionModel(network=nn.Identity(), family="x")
    assert patched.with_base(other).patches == patched.patches


def test_patches_add_up_in_order(model: Patched[DiffusionModel]) -> None:
    network = model.base.network
    one, two = lora(network), lora(network, 0.5)
    before = network.get_parameter(LINEAR).clone()
    with applied(model.with_patch(one, two)) as base:
        added = [
            patch.strength * patch.source.deltas[LINEAR].product.matrix(torch.device("cpu"))
            for patch in (one, two)
        ]
        torch.testing.assert_close(base.network.get_parameter(LINEAR), before + added[0] + added[1])

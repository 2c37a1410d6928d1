"""Packed weights stand in networks like any parameter and are unpacked where they are used."""

import copy
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import torch
from torch import nn

from models.packed.float8 import Float8
from models.packed.gguf import Gguf
from models.packed.tensor import Packed, pack, stored_bytes

LAYERS: tuple[tuple[Callable[[], nn.Module], Callable[[], torch.Tensor]], ...] = (
    (lambda: nn.Linear(64, 32), lambda: torch.randn(3, 64)),
    (lambda: nn.Conv2d(8, 8, 3), lambda: torch.randn(1, 8, 5, 5)),
    (lambda: nn.Embedding(16, 8), lambda: torch.tensor([3, 1])),
)
FORMATS = (Float8(), Float8(is_scaled=True), Float8(torch.float8_e5m2))


def _packed(layer: nn.Module, packing: Float8) -> Packed:
    """Pack the weight of a layer."""
    packed = pack(layer.get_parameter("weight").data, packing)
    layer.register_parameter("weight", nn.Parameter(packed, requires_grad=False))
    return packed


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("packing", FORMATS, ids=lambda packing: packing.name)
@pytest.mark.parametrize("kind", range(len(LAYERS)))
def test_layers_compute_with_what_is_unpacked(
    kind: int, packing: Float8, mode: Callable[[], AbstractContextManager[object]]
) -> None:
    build, draw = LAYERS[kind]
    with mode():
        layer, given = build(), draw()
        packed = _packed(layer, packing)
        made = layer(given)
        layer.register_parameter("weight", nn.Parameter(packed.unpacked(), requires_grad=False))
        assert torch.equal(made, layer(given))
        assert stored_bytes(packed) in (packed.numel(), packed.numel() + 4)


def test_copies_stay_packed_and_another_type_is_plain() -> None:
    layer = nn.Linear(64, 32)
    _packed(layer, Float8(is_scaled=True))
    assert isinstance(copy.deepcopy(layer).weight, Packed)
    assert isinstance(layer.state_dict()["weight"], Packed)
    assert not isinstance(layer.weight.to(torch.bfloat16), Packed)
    assert layer.weight.to(torch.bfloat16).dtype is torch.bfloat16
    assert isinstance(layer.to("meta").weight, Packed)
    assert stored_bytes(layer.weight) == 64 * 32 + 4


@pytest.mark.parametrize("packing", FORMATS, ids=lambda packing: packing.name)
def test_numbers_are_those_that_eight_bits_can_say(packing: Float8) -> None:
    dense = torch.randn(32, 64) * 3
    packed = pack(dense, packing)
    step = 2.0**-4 if packing.dtype is torch.float8_e4m3fn else 2.0**-3
    assert ((packed.unpacked() - dense).abs() <= dense.abs() * step + 2e-3).all()
    assert torch.equal(pack(packed.unpacked(), packing).unpacked(), packed.unpacked())


def test_numbers_cannot_be_changed_in_place_and_so_be_lost() -> None:
    packed = pack(torch.ones(4, 8), Float8())
    with pytest.raises(RuntimeError, match=r"Packed\(float8_e4m3fn, shape=\(4, 8\).*changed in place"):
        packed.mul_(2)
    plain = torch.zeros(4, 8)
    assert torch.equal(plain.copy_(packed), torch.ones(4, 8))


def test_layers_may_be_called_with_the_names_of_their_inputs() -> None:
    weight, given = pack(torch.randn(32, 64), Gguf("Q8_0")), torch.randn(3, 64)
    made = nn.functional.linear(input=given, weight=weight, bias=None)
    torch.testing.assert_close(made, given @ weight.unpacked().T)


ALONE = """
import sys
import torch
from torch import nn
from models.packed.float8 import Float8
from models.packed.tensor import pack

layer = nn.Sequential(nn.Embedding(16, 8), nn.Linear(8, 8), nn.LayerNorm(8)).requires_grad_(False)
packed = {name: pack(weight, Float8()) for name, weight in layer.state_dict().items()}
layer.load_state_dict(packed, assign=True)
with torch.inference_mode():
    layer(torch.tensor([[3, 1]]))
print("torch.distributed.tensor" in sys.modules)
"""


def test_packed_layers_do_not_have_torch_import_what_spreads_tensors_over_machines() -> None:
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", ALONE], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_what_is_kept_for_gradients_of_convolutions_stays_packed() -> None:
    weight, given = pack(torch.randn(8, 8, 3, 3), Float8()), torch.randn(1, 8, 5, 5, requires_grad=True)
    kept: list[type] = []

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(type(tensor))
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        made = nn.functional.conv2d(given, weight)
    made.sum().backward()
    assert Packed in kept
    assert given.grad is not None

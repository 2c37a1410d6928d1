"""Layers of eight bits multiply in eight bits where the device can, and in more elsewhere."""

import pytest
import torch
from torch import nn

from models.packed import float8_linear
from models.packed.float8 import Float8
from models.packed.tensor import pack


def layer(packing: Float8, rows: int = 32, columns: int = 64) -> nn.Linear:
    made = nn.Linear(columns, rows, dtype=torch.bfloat16)
    made.weight = nn.Parameter(pack(made.weight.data, packing), requires_grad=False)
    return made.requires_grad_(False)


@pytest.fixture
def able(monkeypatch: pytest.MonkeyPatch) -> None:
    """The processor multiplies eight bits too, as slowly as it likes."""
    monkeypatch.setattr(float8_linear, "can_multiply", lambda device: True)


@pytest.mark.parametrize("is_scaled", [False, True])
@pytest.mark.parametrize("shape", [(5, 64), (2, 7, 64)])
def test_it_errs_no_more_than_eight_bits_do(able: None, is_scaled: bool, shape: tuple[int, ...]) -> None:
    fast = layer(Float8(is_scaled=is_scaled, multiplies=True))
    given = torch.randn(shape, dtype=torch.bfloat16) * 700  # more than eight bits can say unscaled
    made = fast(given)
    exact = nn.functional.linear(given.float(), fast.weight.unpacked(torch.float32), fast.bias.float())
    assert made.dtype is torch.bfloat16
    assert made.shape == exact.shape
    assert 1e-3 * exact.norm() < (made.float() - exact).norm() < 0.05 * exact.norm()


def test_what_cannot_be_multiplied_so_is_unpacked(able: None) -> None:
    given = torch.randn(3, 64, dtype=torch.bfloat16)
    for one in (
        layer(Float8(multiplies=True), rows=24),
        layer(Float8(torch.float8_e5m2, multiplies=True)),
        layer(Float8(is_scaled=True, by_row=True, multiplies=True)),
        layer(Float8(is_scaled=True)),
    ):
        plain = nn.functional.linear(given, one.weight.unpacked(), one.bias)
        assert torch.equal(one(given), plain)
    wide = layer(Float8(multiplies=True)).float()
    assert torch.equal(
        wide(given.float()), nn.functional.linear(given.float(), wide.weight.unpacked() + 0, wide.bias)
    )


def test_a_processor_computes_in_more_bits() -> None:
    one, given = layer(Float8(multiplies=True)), torch.randn(3, 64, dtype=torch.bfloat16)
    assert not float8_linear.can_multiply(torch.device("cpu"))
    assert torch.equal(one(given), nn.functional.linear(given, one.weight.unpacked(), one.bias))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_graphics_card_multiplies_in_eight_bits() -> None:
    if not float8_linear.can_multiply(torch.device("cuda", 0)):
        pytest.skip("this card has no units for eight bits")
    fast = layer(Float8(is_scaled=True, multiplies=True), 256, 512).cuda()
    given = torch.randn(64, 512, dtype=torch.bfloat16, device="cuda")
    exact = nn.functional.linear(given.float(), fast.weight.unpacked(torch.float32), fast.bias.float())
    made = fast(given)
    assert not torch.equal(made, nn.functional.linear(given, fast.weight.unpacked(), fast.bias))
    assert (made.float() - exact).norm() < 0.05 * exact.norm()

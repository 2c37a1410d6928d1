"""GGUF's types hold the numbers that gguf-py has for them, bit for bit, and lose no more than they must."""

import gguf
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from models.packed.gguf import BLOCK_TYPES, Gguf
from models.packed.tensor import Packed, pack

PACKED = [name for name, block in BLOCK_TYPES.items() if block.pack is not None]
# What normally distributed numbers lose, as a share of their size (root mean square).
LOSS = {
    "Q4_0": 0.09, "Q4_1": 0.08, "Q5_0": 0.045, "Q5_1": 0.04, "Q8_0": 0.0055, "Q2_K": 0.28, "Q3_K": 0.16,
    "Q4_K": 0.073, "Q5_K": 0.037, "Q6_K": 0.018, "IQ4_NL": 0.078, "IQ4_XS": 0.078,
}  # fmt: skip


def oracle(name: str) -> gguf.GGMLQuantizationType:
    return gguf.GGMLQuantizationType[name]


def numbers() -> torch.Tensor:
    """Rows of many sizes, among them none but zeros, equal ones and ones of one sign."""
    generator = torch.Generator().manual_seed(5)
    drawn = torch.randn(64, 512, generator=generator) * torch.rand(64, 1, generator=generator)
    drawn[0], drawn[1, :256], drawn[2], drawn[3] = 0.0, 1.0, drawn[2].abs(), -drawn[3].abs()
    drawn[4, ::2] = -drawn[4, 1::2]
    return drawn


@pytest.mark.parametrize("name", BLOCK_TYPES)
def test_any_bytes_mean_what_the_oracle_says(name: str) -> None:
    block = BLOCK_TYPES[name]
    assert gguf.GGML_QUANT_SIZES[oracle(name)] == (block.numbers, block.size_bytes)
    drawn = np.random.default_rng(1).integers(0, 256, (3000, block.size_bytes), dtype=np.uint8)
    with np.errstate(all="ignore"):
        wanted = gguf.quants.dequantize(drawn, oracle(name)).reshape(-1, block.numbers)
    parts = {"blocks": torch.from_numpy(drawn)}
    made = Gguf(name).unpack(parts, torch.Size(wanted.shape), torch.float32).numpy()
    is_number = ~np.isnan(wanted)
    assert np.array_equal(made[is_number].view(np.uint32), wanted[is_number].view(np.uint32))
    assert np.isnan(made[~is_number]).all()


@pytest.mark.parametrize("name", [name for name in PACKED if name[-1] in "01"])
def test_numbers_are_packed_as_the_oracle_packs_them(name: str) -> None:
    wanted = gguf.quants.quantize(numbers().numpy(), oracle(name))
    blocks = Gguf(name).pack(numbers())["blocks"]
    assert np.array_equal(blocks.numpy().flatten(), wanted.flatten())


@pytest.mark.parametrize("name", PACKED)
def test_packing_loses_little_and_nothing_twice(name: str) -> None:
    dense = numbers()
    packed = pack(dense, Gguf(name))
    made = packed.unpacked()
    loss = ((made - dense).square().sum() / dense.square().sum()).sqrt()
    assert loss < LOSS[name]
    assert not made[0].any()
    assert torch.equal(packed.unpacked(torch.bfloat16), made.bfloat16())
    assert torch.equal(pack(dense.T.contiguous().T, Gguf(name)).unpacked(), made)


def test_large_tensors_are_unpacked_in_pieces() -> None:
    dense = torch.randn(1100, 512)
    packed = pack(dense, Gguf("Q8_0"))
    wanted = gguf.quants.dequantize(packed.parts["blocks"].numpy(), oracle("Q8_0"))
    assert torch.equal(packed.unpacked(), torch.from_numpy(wanted).view(1100, 512))


def test_what_cannot_be_packed_is_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match="48 numbers do not fill blocks of 32"):
        Gguf("Q4_0").pack(torch.zeros(3, 16))
    with pytest.raises(ValueError, match="not finite"):
        Gguf("Q4_K").pack(torch.full((1, 256), torch.inf))
    with pytest.raises(ValueError, match="cannot be packed as MXFP4"):
        Gguf("MXFP4").pack(torch.zeros(1, 32))


@pytest.mark.parametrize("name", ["Q8_0", "Q4_K"])
@pytest.mark.parametrize("shape", [(32, 96), (100, 160 * 8), (96, 224)])
@pytest.mark.parametrize("rows", [1, 300])
def test_layers_multiply_with_a_few_rows_at_a_time(
    monkeypatch: pytest.MonkeyPatch, name: str, shape: tuple[int, int], rows: int
) -> None:
    monkeypatch.setattr("models.packed.gguf._FEW", 1 << 12)
    monkeypatch.setattr("models.packed.gguf._MANY", 1 << 14)
    layer = nn.Linear(shape[1], shape[0])
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(1)) / shape[1] ** 0.5
    layer.register_parameter("weight", nn.Parameter(pack(weight, Gguf(name)), requires_grad=False))
    given = torch.randn(rows, shape[1])
    with torch.no_grad():
        wanted = functional.linear(given, layer.weight.unpacked(), layer.bias)
        torch.testing.assert_close(layer(given), wanted)
        torch.testing.assert_close(layer(given[None]), wanted[None])
    given.requires_grad_(True)
    layer(given).sum().backward()
    torch.testing.assert_close(given.grad[0], layer.weight.unpacked().sum(0), rtol=1e-4, atol=1e-4)


def test_packed_weights_without_memory_have_shapes_and_types() -> None:
    packed = pack(torch.randn(8, 256), Gguf("Q5_K")).to("meta")
    assert packed.unpacked(torch.bfloat16).shape == (8, 256)
    assert packed.rows(2, 4).shape == (2, 256)
    assert pack(torch.randn(8, 32), Gguf("Q8_0")).reshaped((4, 64)).rows(1, 2).shape == (1, 64)
    assert pack(torch.randn(8, 64), Gguf("Q4_K")).rows(1, 2) is None


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("settings", [{}, {"stride": 2, "padding": 1}, {"dilation": 2}])
def test_convolutions_take_some_channels_at_a_time(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, int], groups: int
) -> None:
    monkeypatch.setattr("models.packed.gguf._MANY", 1 << 12)
    layer = nn.Conv2d(32, 64, 3, groups=groups, **settings)
    packed = pack(layer.weight.detach(), Gguf("Q8_0"))
    layer.register_parameter("weight", nn.Parameter(packed, requires_grad=False))
    given = torch.randn(2, 32, 9, 7)
    wanted = functional.conv2d(given, packed.unpacked(), layer.bias, groups=groups, **settings)
    with torch.no_grad():
        torch.testing.assert_close(layer(given), wanted)
        made = functional.conv2d(given, layer.weight, groups=groups, **settings)
        torch.testing.assert_close(made, wanted - layer.bias[:, None, None])
    given.requires_grad_(True)
    layer(given).sum().backward()
    assert given.grad is not None


@pytest.mark.parametrize("name", ["Q5_0", "Q3_K", "Q4_K", "IQ4_XS"])
def test_layers_can_be_compiled(name: str) -> None:
    layer = nn.Linear(256, 8)
    layer.register_parameter(
        "weight", nn.Parameter(pack(layer.weight.detach(), Gguf(name)), requires_grad=False)
    )
    given = torch.randn(3, 256)
    with torch.no_grad():
        torch.testing.assert_close(
            torch.compile(layer, backend="aot_eager", fullgraph=True)(given), layer(given)
        )


@pytest.mark.parametrize("width", [64, 48])
def test_tables_are_looked_up_without_unpacking_them(width: int) -> None:
    table = nn.Embedding(20, width)
    packed = pack(table.weight.detach(), Gguf("Q8_0"))
    table.register_parameter("weight", nn.Parameter(packed, requires_grad=False))
    ids = torch.tensor([[3, 19, 3], [0, 7, 1]])
    assert torch.equal(table(ids), packed.unpacked()[ids])
    assert packed.format.pick(packed.parts, packed.shape, ids.flatten()) is None or width == 64


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", BLOCK_TYPES)
def test_graphics_cards_unpack_the_same_bits(name: str) -> None:
    block = BLOCK_TYPES[name]
    drawn = np.random.default_rng(1).integers(0, 120, (4096, block.size_bytes), dtype=np.uint8)
    packed = Packed({"blocks": torch.from_numpy(drawn)}, Gguf(name), (4096, block.numbers), torch.bfloat16)
    here, there = packed.unpacked(), packed.to("cuda").unpacked().cpu()
    assert torch.equal(here.nan_to_num(), there.nan_to_num())
    layer = nn.Linear(block.numbers, 4096, bias=False, dtype=torch.bfloat16)
    layer.register_parameter("weight", nn.Parameter(packed, requires_grad=False))
    given = torch.randn(3, block.numbers, dtype=torch.bfloat16)
    assert layer.to("cuda")(given.cuda()).shape == (3, 4096)

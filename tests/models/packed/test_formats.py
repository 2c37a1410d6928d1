"""Each format says numbers within its error, whatever their shape, and the same ones piece by piece."""

import pytest
import torch
from torch import nn

from models.packed import pieces
from models.packed.affine import Affine
from models.packed.blocks import MxFp8, NvFp4
from models.packed.codebook import Codebook
from models.packed.float8 import Float8
from models.packed.float8_bits import widened
from models.packed.integers import Integers
from models.packed.levels import Levels
from models.packed.rotation import hadamard, rotated
from models.packed.tensor import Format, pack, stored_bytes

# Largest error of numbers of a normal distribution, relative in the mean square, and bytes of a number.
ERRORS: tuple[tuple[Format, float, float], ...] = (
    (Float8(is_scaled=True), 0.028, 1.01),
    (Float8(is_scaled=True, by_row=True), 0.028, 1.02),
    (Float8(torch.float8_e5m2, is_scaled=True), 0.055, 1.01),
    (Integers(), 0.013, 1.01),
    (Integers(by_row=True), 0.01, 1.02),
    (Integers(by_row=True, rotation=64), 0.01, 1.02),
    (Integers(4, by_row=True), 0.17, 0.52),
    (Integers(4, by_row=True, rotation=64), 0.17, 0.52),
    (Codebook(rotation=64), 0.09, 0.59),
    (MxFp8(), 0.03, 1.04),
    (NvFp4(), 0.11, 0.57),
    (Levels("nf4"), 0.1, 0.57),
    (Levels("fp4"), 0.14, 0.57),
    (Affine(8, 64), 0.01, 1.13),
    (Affine(4, 64), 0.1, 0.63),
    (Affine(2, 32), 0.43, 0.51),
)
NAMES = [f"{packing.name}-{number}" for number, (packing, _, _) in enumerate(ERRORS)]


@pytest.mark.parametrize(("packing", "error", "size"), ERRORS, ids=NAMES)
def test_numbers_come_back_within_the_error_of_the_format(packing: Format, error: float, size: float) -> None:
    dense = torch.randn(64, 256, generator=torch.Generator().manual_seed(5)) * 0.02
    packed = pack(dense, packing)
    assert (packed.unpacked() - dense).norm() <= error * dense.norm()
    assert stored_bytes(packed) <= size * dense.numel()
    assert packed.unpacked(torch.bfloat16).dtype is torch.bfloat16
    assert torch.equal(packed.unpacked(torch.bfloat16), packed.unpacked().to(torch.bfloat16))


@pytest.mark.parametrize(("packing", "error", "size"), ERRORS, ids=NAMES)
def test_pieces_make_the_same_as_the_whole(
    packing: Format, error: float, size: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    del error, size
    dense = torch.randn(24, 128)
    whole = pack(dense, packing)
    numbers = whole.unpacked()
    monkeypatch.setattr(pieces, "PIECE", 500)
    assert torch.equal(whole.unpacked(), numbers)
    again = pack(dense, packing)
    assert set(again.parts) == set(whole.parts)
    assert all(torch.equal(again.parts[name], whole.parts[name]) for name in whole.parts)


@pytest.mark.parametrize(
    "packing",
    [packing for packing, _, _ in ERRORS if not getattr(packing, "rotation", 0)],
    ids=lambda packing: packing.name,
)
@pytest.mark.parametrize("shape", [(5, 22), (3, 4, 3, 3), (1, 2)])
def test_shapes_need_not_be_whole_blocks(packing: Format, shape: tuple[int, ...]) -> None:
    dense = torch.randn(shape) + 1
    packed = pack(dense, packing)
    assert packed.unpacked().shape == dense.shape
    assert (packed.unpacked() - dense).abs().max() <= 0.35 * dense.abs().max()


@pytest.mark.parametrize("packing", [Float8(is_scaled=True), Float8(is_scaled=True, by_row=True), Integers()])
def test_vectors_have_a_scale_too(packing: Format) -> None:
    dense = torch.randn(300) * 0.02
    assert (pack(dense, packing).unpacked() - dense).norm() <= 0.03 * dense.norm()


@pytest.mark.parametrize(("packing", "error", "size"), ERRORS, ids=NAMES)
def test_nothing_but_zeros_stays_so(packing: Format, error: float, size: float) -> None:
    del error, size
    made = pack(torch.zeros(4, 256), packing).unpacked()
    # The levels of this table leave zero out, and its scales are never zero either.
    assert made.abs().max() < 1e-20


def test_a_rotation_undoes_itself_and_leaves_lengths_alone() -> None:
    for size in (4, 16, 64, 256):
        matrix = hadamard(size, torch.empty(0))
        assert torch.allclose(matrix @ matrix, torch.eye(size), atol=1e-6)
        assert torch.allclose(matrix.sum(dim=1), torch.ones(size), rtol=1e-5)
        groups = torch.randn(5, size)
        assert torch.allclose(rotated(groups, size), groups @ matrix, atol=1e-5)
    rows = torch.randn(3, 128)
    assert torch.allclose(rotated(rotated(rows, 64), 64), rows, atol=1e-5)
    with pytest.raises(ValueError, match="not of 32"):
        hadamard(32, torch.empty(0))
    with pytest.raises(ValueError, match="128 columns are not groups of 256"):
        rotated(rows, 256)


def test_numbers_of_four_bits_round_to_the_even_one_in_the_middle() -> None:
    """Worked by hand: levels 0 .5 1 1.5 2 3 4 6, with 6 as the largest of the block and so a step of 1."""
    middles = [0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5.0, -0.25, -0.75, -5.0, 6.0, 0.0, 0.6, 2.2, -3.6, 4.9]
    nearest = [0.0, 1.0, 1.0, 2.0, 2.0, 4.0, 4.0, 0.0, -1.0, -4.0, 6.0, 0.0, 0.5, 2.0, -4.0, 4.0]
    made = pack(torch.tensor([middles]), NvFp4()).unpacked()
    assert torch.allclose(made, torch.tensor([nearest]), rtol=1e-6)


def test_an_odd_number_of_columns_is_refused_in_four_bits() -> None:
    with pytest.raises(ValueError, match="odd number of columns"):
        pack(torch.zeros(2, 3), Integers(4))


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2])
def test_every_float_of_eight_bits_is_widened_exactly(dtype: torch.dtype) -> None:
    every = torch.arange(256, dtype=torch.uint8).view(dtype)
    finite = every[every.float().isfinite()]
    assert torch.equal(widened(finite), finite.float())
    assert torch.equal(widened(every).isnan(), every.float().isnan())
    assert torch.equal(widened(every[:0]), every[:0].float())


@pytest.mark.parametrize(
    "packing",
    [packing for packing, _, _ in ERRORS if hasattr(packing, "rows")],
    ids=lambda packing: packing.name,
)
def test_rows_are_cut_without_unpacking(packing: Format) -> None:
    packed = pack(torch.randn(24, 256), packing)
    rows = packed.rows(8, 16)
    assert rows is not None
    assert torch.equal(rows.unpacked(), packed.unpacked()[8:16])
    assert rows.parts["data"].data_ptr() != packed.parts["data"].data_ptr()
    storage = packed.parts["data"].untyped_storage().data_ptr()
    assert rows.parts["data"].untyped_storage().data_ptr() == storage


@pytest.mark.parametrize(("packing", "error", "size"), ERRORS, ids=NAMES)
def test_layers_can_be_compiled_and_run_uncompiled_after_that(
    packing: Format, error: float, size: float
) -> None:
    del error, size
    layer = nn.Linear(256, 8)
    layer.register_parameter(
        "weight", nn.Parameter(pack(layer.weight.detach(), packing), requires_grad=False)
    )
    given = torch.randn(3, 256)
    torch.compiler.reset()
    with torch.no_grad():
        made = torch.compile(layer, backend="aot_eager", fullgraph=True)(given)
        torch.testing.assert_close(made, layer(given))

"""Tiles must leave no trace: not of where they were, not of how many."""

from fractions import Fraction

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from models.vae.tiling import Tiles, tiled

SIZES = [(64, 64), (70, 33), (33, 90), (17, 120)]


def grown(picture: Tensor) -> Tensor:
    """A function that only looks at a cell itself: tiles cannot change what it makes."""
    return interpolate(picture * 2 + 1, scale_factor=4.0, mode="nearest")


def shrunk(picture: Tensor) -> Tensor:
    return avg_pool2d(picture, 4)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("overlap", [0, 4, 16, 40])
def test_tiles_of_a_local_function_are_what_the_whole_is(size: tuple[int, int], overlap: int) -> None:
    picture = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(1))
    result = tiled(grown, picture, Tiles(32, 32, overlap), Fraction(4))
    assert torch.allclose(result, grown(picture), atol=1e-5)


def test_tiles_may_make_things_smaller() -> None:
    picture = torch.randn(1, 3, 96, 160)
    result = tiled(shrunk, picture, Tiles(64, 64, 16), Fraction(1, 4))
    assert torch.allclose(result, shrunk(picture), atol=1e-6)


def test_a_picture_that_fits_is_made_whole_in_each_layout() -> None:
    seen: list[tuple[int, ...]] = []

    def function(picture: Tensor) -> Tensor:
        seen.append(tuple(picture.shape))
        return picture

    tiled(function, torch.zeros(1, 4, 16, 16), Tiles(32, 32, 8), Fraction(1))
    assert seen == [(1, 4, 16, 16)] * 3


def test_three_layouts_are_cut_with_their_overlap() -> None:
    seen: list[tuple[int, int]] = []

    def function(picture: Tensor) -> Tensor:
        seen.append((picture.shape[2], picture.shape[3]))
        return picture

    tiled(function, torch.zeros(1, 1, 40, 40), Tiles(32, 32, 8), Fraction(1))
    # Upright: 64 rows fit, columns of 16 start every 8. Lying: the same turned. Square: starts every 24.
    assert seen[:4] == [(40, 16)] * 4
    assert seen[4:8] == [(16, 40)] * 4
    assert seen[8:] == [(32, 32), (32, 16), (16, 32), (16, 16)]


def test_where_tiles_disagree_one_fades_into_the_other() -> None:
    calls = iter(range(0, 900, 90))

    def rising(picture: Tensor) -> Tensor:
        return torch.full_like(picture, float(next(calls)))

    # The upright layout cuts columns into four, the square one into two; a hard seam would be a step of 30.
    row = tiled(rising, torch.zeros(1, 1, 16, 96), Tiles(64, 64, 8), Fraction(1))[0, 0, 0]
    assert float(row.diff().abs().max()) < 12
    assert float(row[-1] - row[0]) == pytest.approx(120, abs=1e-3)

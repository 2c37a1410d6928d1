"""Do the levels of a T2I-Adapter shrink as those of the ecosystem, at even and at odd sizes?"""

import pytest
import torch
from torch import Tensor

from models.control.t2i_adapter import AdapterConfig, T2IAdapter
from tests.fixtures.checkpoints import redrawn


def halved(cells: Tensor) -> Tensor:
    """The mean of each 2 x 2 cells of one plane, with a zero before and behind an odd side, which counts."""
    height, width = cells.shape
    filled = torch.zeros(height + 2 * (height % 2), width + 2 * (width % 2), dtype=torch.float64)
    for row in range(height):
        for column in range(width):
            filled[row + height % 2, column + width % 2] = cells[row, column]
    halves = torch.zeros(len(filled) // 2, filled.shape[1] // 2, dtype=torch.float64)
    for row in range(halves.shape[0]):
        for column in range(halves.shape[1]):
            four = [filled[2 * row + down, 2 * column + right] for down in (0, 1) for right in (0, 1)]
            halves[row, column] = sum(four) / 4
    return halves


@pytest.mark.parametrize("kind", ["full", "light"])
@pytest.mark.parametrize("size", [(4, 6), (5, 6), (7, 5)])
def test_an_odd_side_is_filled_up_with_zeros_that_count(kind: str, size: tuple[int, int]) -> None:
    adapter = redrawn(T2IAdapter(AdapterConfig(kind=kind, hint_channels=1, channels=(8, 16))), 5)
    seen: list[tuple[Tensor, Tensor]] = []
    level = adapter.body[1] if kind == "light" else adapter.body[2]
    level.get_submodule("down_opt").register_forward_hook(
        lambda _, inputs, output: seen.append((inputs[0], output))
    )
    with torch.no_grad():
        adapter(torch.rand(1, 1, size[0] * 8, size[1] * 8, generator=torch.Generator().manual_seed(1)))
    ((given, made),) = seen
    for plane, half in zip(given[0], made[0], strict=True):
        assert float((half.double() - halved(plane.double())).abs().max()) <= 1e-6

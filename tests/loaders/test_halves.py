"""Are numbers of sixteen bits turned into the other kind as torch does it?"""

import pytest
import torch

from loaders.halves import bfloat16_of

SHAPES = [(), (3,), (5, 7), (1025, 1031), (1300, 97, 3, 3), (2_100_000,), (1, 1_200_000)]


@pytest.mark.parametrize("shape", SHAPES)
def test_large_and_small_ones_are_rounded_to_the_nearest(shape: tuple[int, ...]) -> None:
    tensor = torch.randn(shape, generator=torch.Generator().manual_seed(1)).half()
    layout = torch.channels_last if len(shape) == 4 else torch.contiguous_format
    made = bfloat16_of(tensor, layout)
    assert made.is_contiguous(memory_format=layout)
    assert torch.equal(made, tensor.to(torch.bfloat16))


def test_numbers_that_are_none_stay_so() -> None:
    odd = torch.tensor([float("inf"), -float("inf"), float("nan"), 65504.0, 6e-8]).half().repeat(300_000)
    assert torch.allclose(bfloat16_of(odd).float(), odd.to(torch.bfloat16).float(), equal_nan=True)

import pytest
import torch

from nodes.api.errors import NodeError
from nodes.mask.make import (
    from_colour,
    from_image,
    invert,
    join_alpha,
    solid,
    split_alpha,
    threshold,
    to_image,
)
from nodes.mask.shape import combine, crop, feather, grow


def test_a_solid_mask_and_its_inverse() -> None:
    assert solid(0.25, 3, 2).shape == (1, 2, 3)
    assert (invert(solid(0.25, 3, 2)) == 0.75).all()


def test_a_threshold_is_strict() -> None:
    assert threshold(torch.tensor([[[0.4, 0.5, 0.6]]]), 0.5).flatten().tolist() == [0, 0, 1]


def test_alpha_becomes_a_mask_as_it_is() -> None:
    image = torch.rand(1, 2, 2, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(from_image(image=image, channel="alpha"), image[..., 3])
    with pytest.raises(NodeError, match="alpha"):
        from_image(image=image[..., :3], channel="alpha")


def test_a_mask_is_shown_grey() -> None:
    assert to_image(torch.full((2, 3, 4), 0.5)).shape == (2, 3, 4, 3)
    assert to_image(torch.zeros(3, 4)).shape == (1, 3, 4, 3)


def test_one_colour_is_masked_exactly() -> None:
    image = torch.tensor([[[[0x33, 0x66, 0x99], [0x33, 0x66, 0x98]]]]) / 255
    assert from_colour(image, 0x336699).flatten().tolist() == [1, 0]


def test_splitting_and_joining_alpha_are_inverse() -> None:
    image = torch.rand(2, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    colours, mask = split_alpha(image)
    assert torch.allclose(join_alpha(colours, mask), image, atol=1e-6)
    assert split_alpha(colours)[1].shape == (2, 4, 4)
    assert split_alpha(colours)[1].sum() == 0
    assert join_alpha(image, mask[:1]).shape == (1, 4, 4, 4)


def test_a_crop_outside_the_mask_is_refused() -> None:
    mask = torch.arange(12.0).reshape(1, 3, 4)
    assert crop(mask, 1, 1, 2, 9).flatten().tolist() == [5, 6, 9, 10]
    with pytest.raises(NodeError, match="4x3"):
        crop(mask, 4, 0, 1, 1)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [("multiply", 0.48), ("add", 1.0), ("subtract", 0.0), ("and", 1.0), ("or", 1.0), ("xor", 0.0)],
)
def test_masks_combine(operation: str, expected: float) -> None:
    under, over = torch.full((1, 2, 2), 0.6), torch.full((1, 5, 5), 0.8)
    result = combine(destination=under, source=over, x=1, y=0, operation=operation)
    assert torch.allclose(result[:, :, 1], torch.tensor(expected))
    assert torch.allclose(result[:, :, 0], torch.tensor(0.6))
    assert (under == 0.6).all()


def test_a_mask_beside_the_other_changes_nothing() -> None:
    under = torch.full((1, 2, 2), 0.6)
    assert torch.equal(
        combine(destination=under, source=torch.ones(1, 2, 2), x=2, y=9, operation="subtract"), under
    )


def test_masks_of_different_batches_are_refused() -> None:
    with pytest.raises(NodeError, match="3 masks but source has 2"):
        combine(destination=torch.ones(3, 2, 2), source=torch.ones(2, 2, 2), operation="add")


def test_feathering_as_saved_workflows_know_it() -> None:
    left = feather(torch.ones(1, 1, 6), left=3)
    assert torch.allclose(left.flatten(), torch.tensor([1 / 3, 2 / 3, 1, 1, 1, 1]))
    right = feather(torch.ones(1, 1, 6), right=3)
    assert torch.allclose(right.flatten(), torch.tensor([1 / 3, 1, 1, 1, 1, 2 / 3]))
    assert feather(torch.ones(1, 2, 2), 9, 9, 9, 9).shape == (1, 2, 2)


def test_growing_in_diamonds_and_squares() -> None:
    point = torch.zeros(1, 5, 5)
    point[0, 2, 2] = 0.7
    assert (grow(point, 1, True) > 0).sum() == 5
    assert (grow(point, 1, False) > 0).sum() == 9
    assert (grow(point, 2, True) > 0).sum() == 13
    assert grow(point, 99, False).min() == pytest.approx(0.7)
    assert torch.equal(grow(point, 0, True), point)


def test_shrinking_is_growing_of_the_inverse() -> None:
    mask = torch.rand(2, 6, 7, generator=torch.Generator().manual_seed(0))
    for tapered in (True, False):
        assert torch.allclose(grow(mask, -2, tapered), 1 - grow(1 - mask, 2, tapered), atol=1e-6)


def test_growing_agrees_with_grey_dilation() -> None:
    ndimage = pytest.importorskip("scipy.ndimage")
    mask = torch.rand(5, 8, generator=torch.Generator().manual_seed(3))
    plus = [[0, 1, 0], [1, 1, 1], [0, 1, 0]]
    for footprint, tapered in ((plus, True), ([[1] * 3] * 3, False)):
        expected = mask.numpy()
        for _ in range(2):
            expected = ndimage.grey_dilation(expected, footprint=footprint)
        assert torch.allclose(grow(mask, 2, tapered)[0], torch.from_numpy(expected))

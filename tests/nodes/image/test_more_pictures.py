import pytest
import torch
from torch import Tensor

from nodes.api.errors import NodeError
from nodes.image.batch import join_many
from nodes.image.morphology import OPERATIONS, morphology
from nodes.image.stitch import stitch
from nodes.image.yuv import join, split


def random_image(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def test_many_batches_are_fitted_to_the_first() -> None:
    joined = join_many(random_image(1, 4, 6, 3), random_image(2, 8, 8, 4), random_image(1, 2, 3, 3))
    assert joined.shape == (4, 4, 6, 4)
    assert (joined[0, ..., 3] == 1).all()


@pytest.mark.parametrize("size", [3, 4, 5])
def test_the_border_never_wins(size: int) -> None:
    flat = torch.full((1, 6, 7, 3), 0.25)
    for operation in ("erode", "dilate", "open", "close"):
        assert torch.equal(morphology(flat, operation, size), flat)
    for operation in ("gradient", "top_hat", "bottom_hat"):
        assert not morphology(flat, operation, size).any()


def test_morphology_of_a_point() -> None:
    point = torch.zeros(1, 7, 7, 3)
    point[0, 3, 3] = 1
    assert morphology(point, "dilate", 3)[..., 0].sum() == 9
    assert not morphology(point, "erode", 3).any()
    assert not morphology(point, "open", 3).any()
    assert torch.equal(morphology(point, "top_hat", 3), point)
    assert torch.equal(morphology(point, "close", 3), point)
    assert torch.equal(morphology(point, "gradient", 3), morphology(point, "dilate", 3))


def test_opening_and_closing_are_idempotent() -> None:
    image = random_image(2, 9, 8, 3)
    for operation in ("open", "close"):
        once = morphology(image, operation, 3)
        assert torch.equal(morphology(once, operation, 3), once)
    assert set(OPERATIONS) == {"erode", "dilate", "open", "close", "gradient", "bottom_hat", "top_hat"}


def test_brightness_and_colour_are_inverse() -> None:
    image = random_image(2, 4, 5, 3)
    planes = split(image)
    assert planes.Y.shape == image.shape
    assert torch.allclose(join(*planes), image, atol=2e-3)
    grey = split(torch.full((1, 1, 1, 3), 0.3))
    assert [round(float(plane[0, 0, 0, 0]), 4) for plane in grey] == [0.3, 0.5, 0.5]
    with pytest.raises(NodeError, match=r"\(1, 2, 2, 3\)"):
        join(random_image(1, 2, 2, 3), random_image(1, 3, 2, 3), random_image(1, 2, 2, 3))
    with pytest.raises(NodeError, match="not 1"):
        split(random_image(1, 2, 2, 1))


def test_a_second_picture_is_scaled_to_the_side_where_they_touch() -> None:
    first, second = random_image(1, 8, 4, 3), random_image(1, 4, 6, 3)
    assert stitch(first, "right", True, 0, "white", second).shape == (1, 8, 16, 3)
    assert stitch(first, "down", True, 0, "white", second).shape == (1, 10, 4, 3)
    assert stitch(first) is first


@pytest.mark.parametrize(("direction", "first_at"), [("right", 0), ("left", 6), ("down", 0), ("up", 6)])
def test_directions(direction: str, first_at: int) -> None:
    first, second = torch.zeros(1, 4, 4, 3), torch.ones(1, 4, 4, 3)
    result = stitch(first, direction, False, 1, "red", second)
    along = 2 if direction in ("left", "right") else 1
    assert result.shape[along] == 10
    assert not result.narrow(along, first_at, 4).any()
    assert result.narrow(along, 4, 2)[0, 0, 0].tolist() == [1, 0, 0]
    assert (result.narrow(along, 6 - first_at, 4) == 1).all()


def test_shorter_pictures_and_batches_are_filled_up() -> None:
    first, second = torch.full((1, 5, 2, 3), 0.5), torch.full((3, 2, 2, 4), 0.5)
    result = stitch(first, "right", False, 2, "white", second)
    assert result.shape == (3, 5, 6, 4)
    # The odd row of padding goes below.
    assert result[0, :, 5, 0].tolist() == [1, 0.5, 0.5, 1, 1]
    assert (result[..., :2, 3] == 1).all()
    black = stitch(first, "right", False, 2, "red", second)
    assert black[0, 0, 5].tolist() == [0, 0, 0, 0]

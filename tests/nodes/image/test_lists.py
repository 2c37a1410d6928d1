import numpy
import pytest
import torch

from nodes.api.errors import NodeError
from nodes.image import listed, lists

GENERATOR = torch.Generator().manual_seed(0)
WIDE = torch.rand(1, 30, 50, 3, generator=GENERATOR)


@pytest.mark.parametrize(
    ("edge", "shorter", "longer"),
    # int(50 * (20 / 30)) = 33, int(30 * (20 / 50)) = 12
    [(20, (33, 20), (20, 12)), (30, (50, 30), (30, 18)), (100, (166, 100), (100, 60))],
)
def test_sides_are_cut_to_whole_pixels(edge: int, shorter: tuple[int, int], longer: tuple[int, int]) -> None:
    for found, (width, height) in (
        (listed.fit_shorter(WIDE, edge), shorter),
        (listed.fit_longer(WIDE, edge), longer),
    ):
        assert found.shape == (1, height, width, 3)
    assert listed.fit_shorter(WIDE.transpose(1, 2), edge).shape == (1, *shorter, 3)


def test_the_middle_is_cut_out() -> None:
    assert torch.equal(listed.crop_centre(WIDE, 11, 10), WIDE[:, 10:20, 19:30])
    assert torch.equal(listed.crop_centre(WIDE, 100, 10), WIDE[:, 10:20])


def test_a_piece_from_somewhere_is_the_one_of_numpys_old_generator() -> None:
    for seed in (7, 2**32 + 6):
        numpy.random.seed(seed % (2**32 - 1))
        left, top = numpy.random.randint(0, 40), numpy.random.randint(0, 21)
        expected = WIDE[:, top : top + 10, left : left + 11]
        assert torch.equal(listed.crop_anywhere(WIDE, 11, 10, seed), expected)
    assert torch.equal(listed.crop_anywhere(WIDE, 50, 300, 3), WIDE)


def test_values_are_moved() -> None:
    image = torch.tensor([0.0, 0.25, 0.5, 1.0]).reshape(1, 1, 4, 1).repeat(1, 1, 1, 3)

    def row(found: torch.Tensor) -> list[float]:
        return found[0, 0, :, 0].tolist()

    assert row(listed.brighten(image, 2.0)) == [0, 0.5, 1, 1]
    assert row(listed.contrast(image, 2.0)) == [0, 0, 0.5, 1]
    assert row(listed.contrast(image, 0.5)) == [0.25, 0.375, 0.5, 0.75]
    assert row(listed.normalise(image, 0.5, 0.25)) == [-2, -1, 0, 2]


def test_a_shuffled_list_keeps_pairs_together() -> None:
    images = [torch.full((1, 2, 2, 3), float(index)) for index in range(8)]
    texts = [str(index) for index in range(8)]
    numpy.random.seed(5)
    order = numpy.random.permutation(8).tolist()
    assert [int(image[0, 0, 0, 0]) for image in lists.shuffle(images, 5)] == order
    pairs = lists.shuffle_pairs(images, texts, 5)
    assert [int(image[0, 0, 0, 0]) for image in pairs.images] == [int(text) for text in pairs.texts] == order
    with pytest.raises(NodeError, match="8 pictures but 7 texts"):
        lists.shuffle_pairs(images, texts[:7], 5)
    assert lists.merge(images) == images


def test_pictures_that_look_alike_are_left_out() -> None:
    first = torch.rand(1, 32, 32, 3, generator=GENERATOR)
    second = 1 - first
    almost = (first + 0.01).clamp(0, 1)
    kept = lists.drop_duplicates([torch.cat((first, almost)), second, first], 0.95)
    assert [torch.equal(*pair) for pair in zip(kept, (first, second), strict=True)] == [True, True]
    assert len(lists.drop_duplicates([first, second], 0.0)) == 1


def test_a_contact_sheet() -> None:
    images = [torch.full((1, 5, 9, 3), value) for value in (0.2, 0.4, 0.6)]
    sheet = lists.grid(images, 2, 32, 40, 4)
    assert sheet.shape == (1, 84, 68, 3)
    levels = [51 / 255, 102 / 255, 153 / 255]
    assert [sheet[0, 10, 10, 0], sheet[0, 10, 40, 1], sheet[0, 50, 10, 2]] == pytest.approx(levels)
    assert sheet[0, 40:44].sum() == sheet[0, :, 32:36].sum() == sheet[0, 44:, 36:].sum() == 0
    with pytest.raises(NodeError, match="no pictures"):
        lists.grid([])

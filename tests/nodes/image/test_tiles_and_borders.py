import pytest
import torch

from nodes.api.errors import NodeError
from nodes.image.colours import box, pick_colour, read_box, read_colour
from nodes.image.pad import ByMultiplier, Mirrored, Plain, Sides, ToMultiple, pad
from nodes.image.rebatch import rebatch
from nodes.image.tiles import merge, split, tile_starts

GENERATOR = torch.Generator().manual_seed(0)


@pytest.mark.parametrize(
    ("length", "tile", "overlap", "expected"),
    [
        (100, 100, 10, [0]),
        (90, 100, 10, [0]),
        (190, 100, 10, [0, 90]),
        (200, 100, 10, [0, 90, 100]),
        # However much they are to overlap, tiles move by a quarter.
        (200, 100, 99, [0, 25, 50, 75, 100]),
        (200, 100, 0, [0, 100]),
    ],
)
def test_tiles_begin_one_after_another(length: int, tile: int, overlap: int, expected: list[int]) -> None:
    assert tile_starts(length, tile, overlap) == expected


def test_tiles_go_row_by_row_and_have_one_size() -> None:
    image = torch.rand(2, 150, 200, 3, generator=GENERATOR)
    tiles = split(image, 100, 80, 10)
    assert [tuple(tile.shape) for tile in tiles] == [(2, 80, 100, 3)] * 6
    assert torch.equal(tiles[1], image[:, :80, 90:190])
    assert torch.equal(tiles[3], image[:, 70:150, :100])


@pytest.mark.parametrize("overlap", [0, 10, 70])
def test_tiles_that_nothing_changed_make_the_picture_again(overlap: int) -> None:
    image = torch.rand(1, 150, 200, 3, generator=GENERATOR)
    merged = merge(split(image, 100, 80, overlap), 200, 150, overlap)
    torch.testing.assert_close(merged, image, rtol=0, atol=2e-6)


def test_one_tile_fades_into_the_next() -> None:
    tiles = [torch.zeros(1, 64, 64, 3), torch.ones(1, 64, 64, 3)]
    row = merge(tiles, 118, 64, 10)[0, 0, :, 0]
    torch.testing.assert_close(row[54:64], (torch.arange(10) + 1) / 11)
    assert row[:54].sum() == 0
    assert (row[64:] == 1).all()


def test_tiles_that_do_not_fit_are_refused() -> None:
    tile = torch.zeros(1, 64, 64, 3)
    with pytest.raises(NodeError, match="118x64 is made of 2 tiles of 64x64 that share 10, but there are 3"):
        merge([tile] * 3, 118, 64, 10)
    with pytest.raises(NodeError, match="one size"):
        merge([tile, tile[:, :32]], 118, 64, 10)
    with pytest.raises(NodeError, match="no tiles"):
        merge([], 118, 64, 10)
    with pytest.raises(NodeError, match="1 tiles"):
        merge([torch.zeros(1, 128, 64, 3)], 64, 64, 10)


def test_borders_of_a_colour() -> None:
    image = torch.full((2, 2, 3, 4), 0.5)
    padded = pad(image, Sides(left=1, bottom=2), Plain("#ff0080"))
    assert padded.shape == (2, 4, 4, 4)
    assert torch.equal(padded[:, :2, 1:], image)
    colour = torch.tensor([1.0, 0.0, 128 / 255, 1.0])
    assert torch.equal(padded[0, 3, 2], colour)
    assert torch.equal(padded[1, 0, 0], colour)


def test_a_border_fades_into_the_picture_where_it_grows() -> None:
    image = torch.ones(1, 6, 6, 3)
    padded = pad(image, Sides(left=2), Plain("#000000", feathering=4))
    assert padded[0, 3, :, 0].tolist() == [0, 0, 0, 0.25, 0.5, 0.75, 1, 1]
    assert torch.equal(padded[0, 0], padded[0, 5])


def test_mirrored_borders_do_not_double_the_edge() -> None:
    image = torch.arange(3.0).reshape(1, 1, 3, 1).repeat(1, 2, 1, 3)
    padded = pad(image, Sides(left=5, right=2, top=1), Mirrored())
    assert padded.shape == (1, 3, 10, 3)
    assert padded[0, 0, :, 0].tolist() == [1, 0, 1, 2, 1, 0, 1, 2, 1, 0]
    assert torch.equal(padded[0, 0], padded[0, 2])
    single = pad(torch.ones(1, 1, 1, 3), Sides(left=2, top=3), Mirrored())
    assert single.shape == (1, 4, 3, 3)
    assert (single == 1).all()


@pytest.mark.parametrize(
    ("rule", "size", "place"),
    [
        (ByMultiplier(1.5), (15, 9), (2, 1)),
        (ToMultiple(8), (16, 8), (3, 1)),
        (ToMultiple(5), (10, 10), (0, 2)),
        (Sides(1, 2, 3, 4), (14, 12), (1, 2)),
    ],
)
def test_an_odd_pixel_comes_on_the_right_or_below(
    rule: Sides | ByMultiplier | ToMultiple, size: tuple[int, int], place: tuple[int, int]
) -> None:
    image = torch.ones(1, 6, 10, 3)
    padded = pad(image, rule, Plain())
    assert (padded.shape[2], padded.shape[1]) == size
    left, top = place
    assert torch.equal(padded[:, top : top + 6, left : left + 10], image)
    assert padded.sum() == image.sum()


def test_colours_are_read_and_given_in_all_forms() -> None:
    assert pick_colour("#0A10ff80") == (0x0A10FF, "#0a10ff", 128 / 255)
    assert read_colour(" 0A10ff ") == (10, 16, 255, 255)
    for text in ("#12345", "red", "#1234567", None, 7):
        with pytest.raises(NodeError, match="a colour is written as #RRGGBB"):
            read_colour(text)


def test_boxes_are_read() -> None:
    assert box(1, 2, 3, 4) == read_box({"x": 1.9, "y": 2, "width": 3, "height": 4, "label": "x"})
    for value in (None, [1, 2, 3, 4], {"x": 1}, {"x": "1", "y": 2, "width": 3, "height": 4}):
        with pytest.raises(NodeError, match="a box has the numbers"):
            read_box(value)


def test_pictures_are_regrouped() -> None:
    batches = [torch.rand(count, 4, 4, 3, generator=GENERATOR) for count in (3, 1, 1)]
    groups = rebatch(batches, 2)
    assert [group.shape[0] for group in groups] == [2, 2, 1]
    assert torch.equal(torch.cat(groups), torch.cat(batches))
    with pytest.raises(NodeError, match="different sizes"):
        rebatch([torch.zeros(1, 4, 4, 3), torch.zeros(1, 5, 4, 3)], 2)
    assert len(rebatch([torch.zeros(1, 4, 4, 3), torch.zeros(1, 5, 4, 3)], 1)) == 2

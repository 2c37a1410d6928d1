from typing import Any

import pytest
import torch

from nodes.api.errors import NodeError
from nodes.image.boxes import crop, crop_by_boxes, draw, read_boxes
from nodes.image.overlay import write
from nodes.mask.crop_to import crop_to_mask

GENERATOR = torch.Generator().manual_seed(0)
IMAGE = torch.rand(2, 40, 60, 3, generator=GENERATOR)


def box(x: int, y: int, width: int, height: int, **more: Any) -> dict[str, Any]:
    return {"x": x, "y": y, "width": width, "height": height, **more}


def test_a_drawn_rectangle_is_cut_out() -> None:
    assert torch.equal(crop(IMAGE, box(5, 6, 7, 8)), IMAGE[:, 6:14, 5:12])
    assert torch.equal(crop(IMAGE, box(55, 35, 100, 100)), IMAGE[:, 35:, 55:])
    assert torch.equal(crop(IMAGE, box(99, 99, 5, 5)), IMAGE[:, 39:, 59:])
    with pytest.raises(NodeError, match="0x5 holds no pixel"):
        crop(IMAGE, box(1, 1, 0, 5))
    with pytest.raises(NodeError, match="a box has the numbers"):
        crop(IMAGE, "nothing")


def test_boxes_are_for_all_pictures_or_for_each() -> None:
    first, second = box(0, 0, 1, 1), box(1, 1, 1, 1)
    assert read_boxes(first, 2) == [[first], [first]]
    assert read_boxes([first, second], 2) == [[first, second]] * 2
    assert read_boxes([[first], [second]], 3) == [[first], [second], [second]]
    assert read_boxes([], 2) == [[], []]
    with pytest.raises(NodeError, match="a box has the numbers"):
        read_boxes([[first], [3]], 2)


def test_each_picture_is_cut_to_the_rectangle_around_its_boxes() -> None:
    boxes = [[box(10, 5, 2, 2), box(20, 15, 4, 6)], [box(0, 0, 14, 16)]]
    found = crop_by_boxes(IMAGE, boxes, 14, 16)
    torch.testing.assert_close(found[0], IMAGE[0, 5:21, 10:24])
    torch.testing.assert_close(found[1], IMAGE[1, :16, :14])
    grown = crop_by_boxes(IMAGE, box(2, 10, 10, 10), 16, 14, padding=2)
    assert grown.shape == (2, 14, 16, 3)
    torch.testing.assert_close(
        crop_by_boxes(IMAGE, box(2, 10, 10, 10), 14, 14, padding=2), IMAGE[:, 8:22, :14]
    )


def test_bars_keep_the_aspect() -> None:
    found = crop_by_boxes(torch.ones(1, 40, 60, 3), box(0, 0, 20, 10), 40, 40, keep_aspect="pad")
    assert found[0, :, :, 0].sum(dim=1).tolist() == [0.0] * 10 + [40.0] * 20 + [0.0] * 10


def test_boxes_outside_are_refused() -> None:
    with pytest.raises(NodeError, match="outside the 60x40 picture"):
        crop_by_boxes(IMAGE, box(70, 0, 5, 5))
    with pytest.raises(NodeError, match="without boxes"):
        crop_by_boxes(IMAGE, [])


def test_boxes_are_drawn_as_frames() -> None:
    found = draw(torch.zeros(1, 50, 50, 4), bboxes=[box(10, 20, 30, 20)])
    drawn = found[0].sum(dim=-1) > 0
    assert found.shape == (1, 50, 50, 3)
    assert drawn[20, 10:40].all()
    assert drawn[20:40, 10].all()
    assert drawn.sum() == 2 * 30 + 2 * 18
    labelled = draw(torch.zeros(1, 50, 50, 3), bboxes=[box(10, 20, 30, 20, label="cat", score=0.9)])
    assert (labelled[0, 21:38, 12:38].sum() > 0).item()


def test_without_a_picture_a_sheet_holds_all_boxes() -> None:
    assert draw(bboxes=[]).shape == (1, 640, 640, 3)
    assert draw(bboxes=[box(0, 0, 700, 10), box(0, 650, 10, 10)]).shape == (1, 660, 700, 3)


@pytest.mark.parametrize(("position", "rows"), [("top", slice(0, 30)), ("bottom", slice(70, 100))])
@pytest.mark.parametrize(("align", "columns"), [("left", slice(0, 40)), ("right", slice(160, 200))])
def test_text_stands_where_it_is_asked_for(position: str, rows: slice, align: str, columns: slice) -> None:
    ground = torch.full((2, 100, 200, 3), 0.5)
    found = write(ground, "Hi", 15.0, "#ff0000", position, align, outline=False)
    changed = (found != 0.5).any(dim=-1)
    assert changed[1, rows, columns].sum() == changed[1].sum() > 10
    assert torch.equal(found[0], found[1])
    strongest = found[0][changed[0]]
    assert strongest[:, 0].max() > 0.95
    assert strongest[:, 1:].max() < 0.5


def test_long_texts_are_wrapped_and_outlines_are_drawn() -> None:
    ground = torch.full((1, 100, 100, 3), 0.5)

    def rows(text: str) -> int:
        found = write(ground, text, 10.0, "#ffffff", outline=False)
        return int(((found - 0.5).abs().amax(dim=-1) > 0.01)[0].any(dim=1).nonzero().max())

    assert rows("some words that take several lines") > rows("some") + 10
    assert rows("a\nb") > rows("a") + 5
    with_edge = write(ground, "some", 20.0, "#ffffff")
    assert with_edge.min() < 0.1
    assert with_edge.max() > 0.9


def test_transparent_pictures_stay_so() -> None:
    found = write(torch.zeros(1, 40, 40, 4), "a", 50.0)
    assert found.shape == (1, 40, 40, 4)
    assert found[0, 39, 39, 3] == 0
    assert found[..., 3].max() == 1


def test_pictures_are_cut_to_their_masks() -> None:
    mask = torch.zeros(1, 40, 60)
    mask[:, 10:26, 20:28] = 1
    found = crop_to_mask(torch.ones(2, 40, 60, 3), mask, 64, 64, background="#ff0000")
    assert found.shape == (2, 64, 64, 3)
    assert (found[:, 4:60, 18:46] == 1).all()
    assert torch.equal(found[0, 32, 4], torch.tensor([1.0, 0.0, 0.0]))
    assert torch.equal(found[0, 32, 60], torch.tensor([1.0, 0.0, 0.0]))
    looser = crop_to_mask(torch.ones(1, 40, 60, 3), mask, 64, 64, pad_factor=2.0)
    assert looser[0, :, :, 0].sum() == pytest.approx(found[0, :, :, 1].sum().item() / 4, rel=0.02)


def test_masks_grow_before_pictures_are_cut() -> None:
    mask = torch.zeros(1, 40, 60)
    mask[:, 10:26, 20:36] = 1
    image = torch.rand(1, 40, 60, 3, generator=GENERATOR)
    grown = crop_to_mask(image, mask, 96, 96, grow_mask=4)
    expected = torch.nn.functional.interpolate(
        image[:, 6:30, 16:40].movedim(-1, 1), size=(96, 96), mode="bilinear"
    )
    torch.testing.assert_close(grown, expected.movedim(1, -1))
    with pytest.raises(NodeError, match="the mask of picture 0 shows nothing"):
        crop_to_mask(image, mask, grow_mask=-20)


def test_what_reaches_over_the_border_is_ground() -> None:
    mask = torch.zeros(1, 40, 60)
    mask[:, 0:40, 0:4] = 1
    found = crop_to_mask(torch.ones(1, 40, 60, 3), mask, 80, 80, background="#00ff00")
    assert torch.equal(found[0, 40, 0], torch.tensor([0.0, 1.0, 0.0]))
    assert torch.equal(found[0, 40, 40], torch.ones(3))

import pytest
import torch

from nodes.api.errors import NodeError
from nodes.image.draw_boxes import create_boxes

FIRST = {"x": 8, "y": 16, "width": 24, "height": 10, "label": "cat"}
SECOND = {"x": 1.6, "y": 2, "width": 3, "height": 4}
PLAIN = {"x": 8, "y": 16, "width": 24, "height": 10}


def test_drawn_boxes_are_given_with_all_that_is_known_of_them() -> None:
    made = create_boxes(width=64, height=80, editor_state={"boxes": [FIRST, SECOND]})
    assert made.bboxes == [PLAIN, {"x": 1, "y": 2, "width": 3, "height": 4}]
    assert made.elements[0] == FIRST
    assert made.preview.shape == (1, 80, 64, 3)
    assert made.preview[0, 16, 8:32].sum(-1).min() > 0
    assert made.preview[0, 60:].max() == 0


def test_boxes_that_come_in_hold_until_something_is_drawn_over_them() -> None:
    came = {"bboxes": [[FIRST]]}
    assert create_boxes(**came).elements == [FIRST]
    assert create_boxes(**came, editor_state=[SECOND], last_incoming=[FIRST]).bboxes[0]["x"] == 1
    assert create_boxes(**came, editor_state=[SECOND], last_incoming=[SECOND]).elements == [FIRST]
    assert create_boxes(bboxes='[{"x": 0, "y": 0, "width": 1, "height": 1}]').bboxes[0]["width"] == 1


def test_boxes_are_drawn_on_a_background() -> None:
    background = torch.full((2, 64, 96, 4), 0.5)
    made = create_boxes(background=background)
    assert torch.allclose(made.preview, torch.full((1, 64, 96, 3), 0.5), atol=1 / 255)
    assert (made.bboxes, made.elements) == ([], [])


@pytest.mark.parametrize("wrong", ["no json", 7, [{"x": 1}], [3]])
def test_what_is_no_box_is_refused(wrong: object) -> None:
    with pytest.raises(NodeError, match="box"):
        create_boxes(editor_state=wrong)

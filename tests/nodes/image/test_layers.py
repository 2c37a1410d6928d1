"""Layers: where they lie, how they cover each other, and what comes of boxes."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from executor.graph.widget_values import widget_values
from nodes.api.errors import NodeError
from nodes.builtin import load_builtin
from nodes.image.compose_layers import compose
from nodes.image.layers import LayerStack, add_layer, layers_from_boxes

RED, GREEN, BLUE = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)


def plain(colour: tuple[float, ...], width: int, height: int) -> Tensor:
    return torch.tensor(colour).expand(1, height, width, len(colour)).clone()


def numbered(width: int, height: int) -> Tensor:
    """A picture in which every pixel is different."""
    values = torch.arange(width * height, dtype=torch.float32).reshape(1, height, width, 1) / (width * height)
    return values.expand(-1, -1, -1, 3).clone()


def stacked(*layers: Mapping[str, Any], canvas: tuple[int, int] | None = None) -> LayerStack:
    stack: Any = LayerStack(canvas=canvas)
    for options in layers:
        stack = add_layer(layers=stack, **options)
    assert isinstance(stack, LayerStack)
    return stack


def test_one_opaque_layer_is_the_picture_itself() -> None:
    picture = numbered(5, 4)
    made = compose(layers=stacked({"image": picture}))
    assert torch.equal(made.IMAGE, picture)
    assert torch.equal(made.MASK, torch.zeros(1, 4, 5))


def test_the_canvas_reaches_as_far_as_the_layers_and_is_clear_where_there_are_none() -> None:
    made = compose(layers=stacked({"image": plain(RED, 4, 3)}, {"image": plain(BLUE, 2, 2), "x": 5, "y": -1}))
    assert made.IMAGE.shape == (1, 3, 7, 4)
    assert torch.equal(made.IMAGE[0, :, :4, :3], plain(RED, 4, 3)[0])
    assert torch.equal(made.IMAGE[0, 0, 5:, :3], plain(BLUE, 2, 1)[0, 0])
    clear = torch.ones(3, 7)
    clear[:, :4] = 0
    clear[0, 5:] = 0
    assert torch.equal(made.MASK[0], clear)
    assert torch.equal(made.IMAGE[0, ..., 3], 1 - clear)


def test_a_given_canvas_is_kept_and_layers_beyond_it_are_cut() -> None:
    stack = stacked(
        {"image": plain(RED, 4, 4), "x": -2, "y": -2}, {"image": plain(BLUE, 9, 9), "x": 30}, canvas=(3, 2)
    )
    made = compose(layers=stack)
    assert made.IMAGE.shape == (1, 2, 3, 4)
    assert torch.equal(made.MASK[0], torch.tensor([[0.0, 0, 1], [0, 0, 1]]))


def test_layers_lie_by_their_numbers_and_equal_ones_as_they_came() -> None:
    def colour_on_top(*numbers: int) -> list[float]:
        pictures = zip((RED, GREEN, BLUE), numbers, strict=True)
        made = compose(layers=stacked(*({"image": plain(c, 1, 1), "z_index": z} for c, z in pictures)))
        found: list[float] = made.IMAGE[0, 0, 0].tolist()
        return found

    assert colour_on_top(0, 0, 0) == list(BLUE)
    assert colour_on_top(3, -1, 2) == list(RED)
    assert colour_on_top(1, 1, -5) == list(GREEN)


def test_opacity_mask_and_alpha_multiply() -> None:
    under, over = plain(RED, 2, 1), plain((*BLUE, 0.5), 2, 1)
    mask = torch.tensor([[[0.0, 0.5]]])
    options = {"image": over, "mask": mask, "opacity": 0.8}
    made = compose(layers=stacked({"image": under}, options))
    assert torch.allclose(made.IMAGE[0, 0], torch.tensor([[0.6, 0, 0.4], [0.8, 0, 0.2]]))
    alone = compose(layers=stacked(options))
    assert torch.allclose(alone.IMAGE[0, 0, :, :3], torch.tensor([BLUE, BLUE]))
    assert torch.allclose(alone.MASK[0, 0], torch.tensor([0.6, 0.8]))


def test_two_half_clear_layers_are_what_the_equation_says() -> None:
    one, two = plain((0.2, 0.4, 0.6, 0.5), 1, 1), plain((0.9, 0.1, 0.3, 0.25), 1, 1)
    made = compose(layers=stacked({"image": one}, {"image": two})).IMAGE[0, 0, 0]
    opacity = 0.25 + 0.5 * 0.75
    expected = (0.25 * two[0, 0, 0, :3] + 0.75 * 0.5 * one[0, 0, 0, :3]) / opacity
    assert torch.allclose(made[:3], expected)
    assert made[3] == pytest.approx(opacity)


def test_other_modes_lie_atop_what_is_below_and_leave_its_shape() -> None:
    below, above = plain((0.5, 0.8, 0.2, 0.5), 1, 1), plain((0.6, 0.5, 1.0), 1, 1)
    made = compose(
        layers=stacked({"image": below}, {"image": above, "blend_mode": "multiply", "opacity": 0.5})
    )
    expected = 0.5 * torch.tensor([0.3, 0.4, 0.2]) + 0.5 * torch.tensor([0.5, 0.8, 0.2])
    assert torch.allclose(made.IMAGE[0, 0, 0], torch.tensor([*expected.tolist(), 0.5]))
    lonely = compose(layers=stacked({"image": above, "blend_mode": "multiply"}))
    assert torch.equal(lonely.MASK, torch.ones(1, 1, 1))


def test_layers_are_mirrored_then_scaled_then_turned_clockwise() -> None:
    picture = numbered(3, 2)
    flipped = compose(layers=stacked({"image": picture, "flip_h": True, "flip_v": True}))
    assert torch.equal(flipped.IMAGE, picture.flip(1, 2))
    half = compose(layers=stacked({"image": picture, "rotation": 180.0, "flip_v": True}))
    assert torch.equal(half.IMAGE, picture.flip(2))
    wide = numbered(4, 2)
    quarter = compose(layers=stacked({"image": wide, "rotation": 90.0, "x": 1, "y": 1}))
    # About its centre at (3, 2): it then covers columns 2 and 3, rows 0 to 3, and the first row is right.
    assert quarter.IMAGE.shape == (1, 4, 4, 4)
    assert torch.equal(quarter.IMAGE[0, :, 3, :3], wide[0, 0])
    back = compose(layers=stacked({"image": wide, "rotation": -270.0, "x": 1, "y": 1}))
    assert torch.equal(back.IMAGE, quarter.IMAGE)
    scaled = compose(layers=stacked({"image": plain(RED, 2, 2), "width": 6, "height": 3}))
    assert torch.allclose(scaled.IMAGE, plain(RED, 6, 3))


def test_any_angle_turns_about_the_centre_and_by_nearly_a_quarter_like_a_quarter() -> None:
    picture = plain(RED, 20, 20)
    made = compose(layers=stacked({"image": picture, "x": 10, "y": 10, "rotation": 45.0}, canvas=(40, 40)))
    opacity = 1 - made.MASK[0]
    # A square keeps its area, and its corners come to lie on the axes.
    assert float(opacity.sum()) == pytest.approx(400, rel=0.02)
    assert [float(opacity[20, 7]), float(opacity[7, 20])] == pytest.approx([1, 1])
    assert opacity[11, 11] == 0
    assert torch.allclose(opacity, opacity.flip(0), atol=1e-4)
    odd = numbered(8, 8)
    quarter = compose(layers=stacked({"image": odd, "rotation": 90.0}, canvas=(8, 8))).IMAGE[0, 2:6, 2:6, :3]
    nearly = compose(layers=stacked({"image": odd, "rotation": 89.99}, canvas=(8, 8))).IMAGE[0, 2:6, 2:6, :3]
    assert torch.allclose(quarter, nearly, atol=2e-3)


def test_a_batch_becomes_layers_of_its_own_and_stacks_are_values() -> None:
    first = stacked({"image": plain(RED, 2, 2), "name": "ground"}, canvas=(5, 5))
    pictures = torch.cat([plain(GREEN, 2, 2), plain(BLUE, 2, 2)])
    second = add_layer(layers=first, image=pictures, mask=torch.zeros(1, 2, 2), name="thing")
    assert [layer.name for layer in second.layers] == ["ground", "thing 1", "thing 2"]
    assert (len(first.layers), second.canvas) == (1, (5, 5))


def box(x: int, y: int, width: int, height: int, **metadata: Any) -> dict[str, Any]:
    return {"x": x, "y": y, "width": width, "height": height, "metadata": metadata}


def test_boxes_say_where_pictures_lie_and_how_large_they_are() -> None:
    pictures = torch.cat([plain(RED, 4, 4), plain(BLUE, 4, 4), plain(GREEN, 4, 4)])
    boxes = [[box(1, 2, 8, 6, name="hat", z_index=4)], [box(3, 3, 0, 0, desc="cat")]]
    stack = layers_from_boxes(image=pictures, bboxes=boxes, canvas_width=20, canvas_height=10)
    places = [(one.name, one.x, one.y, one.width, one.height, one.z_index) for one in stack.layers]
    assert places == [("hat", 1, 2, 8, 6, 4), ("cat", 3, 3, 4, 4, 0), ("", 0, 0, 4, 4, 0)]
    assert compose(layers=stack).IMAGE.shape == (1, 10, 20, 4)
    written = '[{"x": 7, "y": 0, "width": 2, "height": 2}]'
    more = layers_from_boxes(image=plain(RED, 4, 4), bboxes=written, layers=stack, canvas_width=9)
    assert more.layers[-1].z_index > 4
    assert more.canvas == (20, 10)


def test_padding_is_cut_off_where_boxes_say_what_the_content_is() -> None:
    picture = numbered(6, 4)
    content = {"x": 2, "y": 1, "width": 3, "height": 2}
    cut = layers_from_boxes(image=picture, bboxes=[box(10, 20, 60, 40, content_rect=content)])
    (layer,) = cut.layers
    assert (layer.x, layer.y, layer.width, layer.height) == (12, 21, 3, 2)
    assert torch.equal(layer.image, picture[0, 1:3, 2:5])
    whole = layers_from_boxes(
        image=picture, bboxes=[box(10, 20, 60, 40, content_rect=content)], crop_to_content=False
    )
    assert (whole.layers[0].width, whole.layers[0].height) == (60, 40)


@pytest.mark.parametrize(
    "empty", [None, "", "  ", "null", {}, [], "{}", {"version": 1, "layers": []}, '{"layers": {}}']
)
def test_an_empty_composition_of_a_layer_editor_counts_for_nothing(empty: Any) -> None:
    assert compose(layers=stacked({"image": plain(RED, 1, 1)}), compositor=empty).IMAGE.shape == (1, 1, 1, 3)


@pytest.mark.parametrize("filled", [{"layers": [{"x": 1}]}, '{"items": {"a": 1}}', [1], "not JSON"])
def test_one_that_holds_something_is_refused(filled: Any) -> None:
    with pytest.raises(NodeError, match="made in a layer editor"):
        compose(layers=stacked({"image": plain(RED, 1, 1)}), compositor=filled)


def test_saved_workflows_have_a_place_for_the_composition_among_their_values() -> None:
    spec = load_builtin()["ImageCompositor"].spec
    saved = {"layers": [{"x": 1}]}
    assert widget_values({"widgets_values": [saved]}, spec) == {"compositor": saved}
    assert widget_values({"widgets_values": []}, spec) == {}


def test_what_makes_no_picture_is_refused() -> None:
    with pytest.raises(NodeError, match="1 to 50 layers, but 0"):
        compose(layers=LayerStack())
    with pytest.raises(NodeError, match="1 to 50 layers, but 51"):
        compose(layers=stacked({"image": plain(RED, 1, 1).expand(51, -1, -1, -1)}))
    with pytest.raises(NodeError, match="left of the canvas or above"):
        compose(layers=stacked({"image": plain(RED, 1, 1), "x": -1}))
    with pytest.raises(NodeError, match="2 masks came for 3 pictures"):
        add_layer(image=plain(RED, 1, 1).expand(3, -1, -1, -1), mask=torch.zeros(2, 1, 1))
    with pytest.raises(NodeError, match="3 or 4 channels, not 2"):
        add_layer(image=torch.zeros(1, 1, 1, 2))
    with pytest.raises(NodeError, match="2 boxes came for 1 pictures"):
        layers_from_boxes(image=plain(RED, 1, 1), bboxes=[box(0, 0, 1, 1)] * 2)
    beside = box(0, 0, 1, 1, content_rect={"x": 5, "y": 0, "width": 1, "height": 1})
    with pytest.raises(NodeError, match="holds nothing of a picture of 1x1"):
        layers_from_boxes(image=plain(RED, 1, 1), bboxes=[beside])
    with pytest.raises(NodeError, match="come from Add Layer"):
        compose(layers=torch.zeros(1))
    with pytest.raises(NodeError, match="a box has the numbers"):
        layers_from_boxes(image=plain(RED, 1, 1), bboxes=[{"bbox": [0, 0, 500, 500]}])

import random
from dataclasses import replace

import numpy as np
import pytest

from training.measure import components, find, judge
from training.scenes import Look, Scene, arrange, random_scene
from training.shapes import BACKGROUNDS, COLOURS, KINDS, RADII, Figure, draw


def test_every_drawn_scene_is_read_right():
    rng = random.Random(9)
    for _ in range(120):
        scene = random_scene(rng, kept_back=True)
        assert judge(draw(*arrange(scene, rng)), scene).everything, scene


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("size", list(RADII))
def test_kind_size_colour_and_middle_are_found(kind, size):
    picture = draw([Figure(kind, 50.0, 70.0, RADII[size], COLOURS["blue"])], BACKGROUNDS["yellow"])
    (found,) = find(picture)
    assert (found.kind, found.size, found.colour) == (kind, size, "blue")
    assert abs(found.x - 50.0) < 3
    assert abs(found.y - 70.0) < 4
    assert found.overlap > 0.9


def test_what_is_wrong_is_named_and_nothing_else():
    scene = Scene("single", Look("circle", "red", "large"), "white", place="left")
    picture = draw(*arrange(scene, random.Random(0)))
    look = scene.first
    assert judge(picture, scene).everything
    wrong = {
        "shape": replace(scene, first=replace(look, kind="square")),
        "colour": replace(scene, first=replace(look, colour="green")),
        "size": replace(scene, first=replace(look, size="small")),
        "place": replace(scene, place="top left"),
        "background": replace(scene, background="blue"),
    }
    for name, other in wrong.items():
        verdict = judge(picture, other)
        assert not getattr(verdict, name)
        assert [getattr(verdict, other_name) for other_name in wrong if other_name != name] == [True] * 4


def test_a_missing_object_and_one_too_many_are_a_wrong_place():
    look = Look("square", "green", "small")
    two = Scene("group", look, "white", count=2)
    three = Scene("group", look, "white", count=3)
    rng = random.Random(1)
    assert not judge(draw(*arrange(two, rng)), three).place
    assert not judge(draw(*arrange(three, rng)), two).place
    assert not judge(draw([], BACKGROUNDS["white"]), two).everything


def test_swapped_objects_are_a_wrong_colour():
    red, blue = Look("circle", "red", "medium"), Look("circle", "blue", "medium")
    scene = Scene("pair", red, "white", relation="left of", second=blue)
    swapped = replace(scene, first=blue, second=red)
    assert not judge(draw(*arrange(swapped, random.Random(2))), scene).colour


def test_components_are_found_by_connection_largest_first():
    mask = np.zeros((8, 8), dtype=bool)
    mask[0, 0] = mask[1, 1] = True
    mask[4:7, 4:7] = True
    parts = components(mask)
    assert [int(part.sum()) for part in parts] == [9, 1, 1]


def test_outlines_fill_less_of_their_bounds_than_solid_shapes():
    figure = [Figure("square", 64.0, 64.0, 27.0, COLOURS["red"])]
    solid, outline = (find(draw(figure, (255, 255, 255), style))[0] for style in ("solid", "outline"))
    assert solid.fill > 0.9
    assert outline.fill < 0.5

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from training.captions import caption, plain_caption, words
from training.latents import picture_of, scene_of
from training.scenes import GROUPS, PLACES, arrange, random_scene
from training.shapes import COLOURS, KINDS, SIDE, Figure, coverage, draw


def test_the_same_index_gives_the_same_scene_and_the_same_picture():
    assert scene_of(5, 1) == scene_of(5, 1)
    assert np.array_equal(picture_of(5, 1), picture_of(5, 1))
    assert scene_of(5, 1) != scene_of(5, 2)


def test_no_training_scene_is_a_test_scene():
    rng = random.Random(0)
    shown = {random_scene(rng, kept_back=False).combination() for _ in range(5000)}
    kept = {random_scene(rng, kept_back=True).combination() for _ in range(1000)}
    assert len(kept) > 300
    assert not shown & kept


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
def test_captions_use_known_words_and_name_every_object(seed):
    rng = random.Random(seed)
    scene = random_scene(rng, kept_back=False)
    text = caption(scene, rng)
    assert set(text.replace(",", " ,").split()) <= set(words())
    for look in scene.looks():
        assert look.colour in text
        assert look.kind in text


def test_a_default_background_is_all_that_a_short_caption_may_leave_out():
    rng = random.Random(3)
    silent = 0
    for _ in range(2000):
        scene = random_scene(rng, kept_back=False)
        if "background" not in caption(scene, rng):
            silent += 1
            white = any(look.colour == "white" for look in scene.looks())
            assert scene.background == ("gray" if white else "white")
    assert silent > 100


def test_plain_captions_read_as_people_write():
    rng = random.Random(1)
    texts = [plain_caption(random_scene(rng, kept_back=True)) for _ in range(50)]
    assert all(text.endswith(" background") for text in texts)
    assert not any(f" a {vowel}" in text for text in texts for vowel in "aeiou")


def test_shapes_are_antialiased_and_lie_inside_their_radius():
    for kind in KINDS:
        rows, columns, cover = coverage(Figure(kind, 64.0, 64.0, 20.0, (0, 0, 0)))
        assert cover.shape == (rows.stop - rows.start, columns.stop - columns.start)
        assert 0.0 < cover.mean() < 1.0
        assert ((cover > 0.05) & (cover < 0.95)).any()
        picture = draw([Figure(kind, 64.0, 64.0, 20.0, (0, 0, 0))], (255, 255, 255))
        dark = np.argwhere(picture[..., 0] < 128)
        assert dark.min() >= 43
        assert dark.max() <= 84


def test_figures_clipped_by_the_border_are_drawn_in_part():
    picture = draw([Figure("circle", 0.0, 0.0, 10.0, COLOURS["red"])], COLOURS["white"])
    assert picture.shape == (SIDE, SIDE, 3)
    assert tuple(picture[0, 0]) == COLOURS["red"]
    assert tuple(picture[-1, -1]) == COLOURS["white"]


def test_objects_of_one_scene_never_touch():
    rng = random.Random(4)
    for _ in range(300):
        figures, _ = arrange(random_scene(rng, kept_back=False), rng)
        for first in figures:
            for second in figures:
                if first is not second:
                    apart = max(abs(first.x - second.x), abs(first.y - second.y))
                    assert apart > 0.86 * (first.radius + second.radius)


def test_places_and_groups_keep_their_distance():
    points = list(PLACES.values())
    assert len(set(points)) == 9
    assert {len(points) for points in GROUPS.values()} == set(GROUPS)

from typing import Any

import pytest
import torch

from nodes.conditioning.combine import multiply
from nodes.conditioning.properties import (
    combine_pairs,
    part_of_sampling,
    set_properties,
    set_properties_and_combine,
    set_properties_of_pair,
    set_properties_of_pair_and_combine,
)
from schedulers.conditioning import Entry
from schedulers.hooks import Hooks, WeightHook


def hook(name: str) -> Hooks:
    changes: Any = name
    return Hooks((WeightHook(changes),))


def entry(value: float = 1.0, **fields: Any) -> Entry:
    return Entry(torch.full((1, 2, 3), value), torch.full((1, 3), value), **fields)


MASK = torch.rand(1, 8, 8, generator=torch.Generator().manual_seed(0))


def test_a_part_of_sampling_has_a_before_and_an_after() -> None:
    assert part_of_sampling(0.25, 0.75) == ((0.25, 0.75), (0.0, 0.25), (0.75, 1.0))


def test_what_is_not_given_stays() -> None:
    before = entry(mask=MASK, mask_strength=0.3, start=0.1, end=0.9, extra={"hooks": "x", "width": 8})
    (after,) = set_properties(cond_NEW=(before,), strength=2.0, set_cond_area="default")
    assert (after.mask, after.mask_strength, after.start, after.end) == (MASK, 0.3, 0.1, 0.9)
    assert after.extra == before.extra


def test_mask_time_and_hooks_are_set() -> None:
    before, first = entry(extra={"width": 8}), hook("a")
    (after,) = set_properties(
        cond_NEW=(before,),
        strength=2.0,
        set_cond_area="mask bounds",
        mask=MASK[0],
        hooks=first,
        timesteps=(0.2, 0.6),
    )
    assert torch.equal(after.mask, MASK)
    assert (after.mask_strength, after.mask_bounds, after.start, after.end) == (2.0, True, 0.2, 0.6)
    assert after.extra == {"width": 8, "hooks": first}
    assert before.extra == {"width": 8}
    (twice,) = set_properties(cond_NEW=(after,), strength=1.0, set_cond_area="default", hooks=hook("b"))
    assert [held.changes for held in twice.extra["hooks"].hooks] == ["a", "b"]


def test_others_are_joined_unchanged() -> None:
    old, new = entry(1.0), entry(2.0)
    kept, changed = set_properties_and_combine(
        cond=(old,), cond_NEW=(new,), strength=0.5, set_cond_area="default", mask=MASK
    )
    assert kept is old
    assert changed.mask_strength == 0.5


def test_pairs_are_treated_alike() -> None:
    first, second = entry(1.0), entry(2.0)
    properties = {"strength": 0.5, "set_cond_area": "default", "timesteps": (0.0, 0.5)}
    pair = set_properties_of_pair(positive_NEW=(first,), negative_NEW=(second,), **properties)
    assert [[member.end for member in side] for side in pair] == [[0.5], [0.5]]
    positive, negative = set_properties_of_pair_and_combine(
        positive=(first,),
        negative=(second,),
        positive_NEW=(first, second),
        negative_NEW=(second,),
        **properties,
    )
    assert [member.end for member in positive] == [1.0, 0.5, 0.5]
    assert [member.end for member in negative] == [1.0, 0.5]
    assert combine_pairs((first,), (second,), (second,), (first,)) == ((first, second), (second, first))


@pytest.mark.parametrize("factor", [-2.0, 0.0, 0.5])
def test_tokens_are_multiplied(factor: float) -> None:
    scaled, bare = multiply((entry(3.0, start=0.5), Entry(torch.ones(1, 2, 3))), factor)
    assert (scaled.embedding == 3 * factor).all()
    assert (scaled.pooled == 3 * factor).all()
    assert scaled.start == 0.5
    assert bare.pooled is None

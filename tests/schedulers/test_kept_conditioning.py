"""Is what prompts come to the same after it was kept in a file, and is what cannot be kept refused?"""

import json
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from schedulers.conditioning import CellArea, ConditioningValue, Entry, FractionArea
from schedulers.entry_fields import fields_of
from schedulers.kept_conditioning import kept, restored

GENERATOR = torch.Generator().manual_seed(4)


def drawn(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(shape, generator=GENERATOR).to(dtype)


PLAIN = Entry(drawn(1, 7, 8))
FULL = Entry(
    drawn(1, 9, 8, dtype=torch.bfloat16),
    pooled=drawn(1, 4, dtype=torch.float16),
    strength=1 / 3,
    area=CellArea(8, 4, 2, 1),
    mask=drawn(2, 6, 6).transpose(1, 2),
    mask_strength=0.7,
    mask_bounds=True,
    start=0.1,
    end=0.9,
    extra={
        "width": 1024,
        "guidance": 3.5,
        "default": True,
        "prompt_type": "negative",
        "reference_latents": [drawn(1, 4, 2, 2), drawn(1, 4, 3, 3)],
        "concat_mask": drawn(1, 1, 4, 4),
        "attention_mask": torch.tensor([[True, False]]),
        "ids": [1, 2, [3]],
    },
)


def assert_same(one: Any, other: Any) -> None:
    if isinstance(one, Tensor):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for pair in zip(one, other, strict=True):
            assert_same(*pair)
    else:
        assert type(one) is type(other)
        assert one == other


def assert_kept(before: ConditioningValue) -> None:
    after = restored(*kept(before))
    assert len(after) == len(before)
    for one, other in zip(before, after, strict=True):
        assert_same(one.embedding, other.embedding)
        ours, theirs = fields_of(one), fields_of(other)
        assert sorted(ours) == sorted(theirs)
        for name, value in ours.items():
            assert_same(value, theirs[name])
        assert other.area == one.area


@pytest.mark.parametrize(
    "conditioning",
    [
        (PLAIN,),
        (FULL,),
        (PLAIN, FULL, replace(PLAIN, area=FractionArea(0.5, 0.25, 0.1, 1 / 7))),
        tuple(replace(PLAIN, strength=float(number)) for number in range(12)),
    ],
)
def test_every_bit_comes_back(conditioning: ConditioningValue) -> None:
    assert_kept(conditioning)


VALUES = st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False), st.text())


@given(
    st.lists(st.dictionaries(st.from_regex(r"[a-z_]{1,9}", fullmatch=True), VALUES), min_size=1, max_size=3)
)
def test_numbers_and_texts_come_back_as_they_were(said: list[dict[str, Any]]) -> None:
    known = {"strength", "area", "mask", "mask_strength", "conditioning", "start_percent", "end_percent"}
    fields = [{name: one for name, one in each.items() if name not in known} for each in said]
    assert_kept(tuple(replace(PLAIN, extra=each) for each in fields))


def test_what_is_kept_shares_no_memory_and_one_entry_has_the_names_of_the_ecosystem() -> None:
    tensors, metadata = kept((replace(FULL, pooled=FULL.embedding[0]),))
    assert tensors["pooled_output"].data_ptr() != tensors["conditioning"].data_ptr()
    assert all(tensor.is_contiguous() for tensor in tensors.values())
    assert {"conditioning", "pooled_output", "mask", "reference_latents.0", "reference_latents.1"} <= set(
        tensors
    )
    options = json.loads(metadata["conditioning_options"])
    assert options["strength"] == 1 / 3
    assert options["area"] == [8, 4, 2, 1]


def test_a_file_of_a_bare_embedding_is_an_entry() -> None:
    (entry,) = restored(
        {"conditioning": PLAIN.embedding, "key.1": PLAIN.embedding, "key.0": FULL.embedding}, {}
    )
    assert torch.equal(entry.embedding, PLAIN.embedding)
    assert [one.shape[1] for one in entry.extra["key"]] == [9, 7]


@pytest.mark.parametrize("value", [object(), {"a": 1}, [PLAIN.embedding, 1], (object(),)])
def test_what_cannot_be_kept_is_named(value: Any) -> None:
    kind = type(value).__name__
    with pytest.raises(ValueError, match=rf"entry 2 of the conditioning carries 'hooks' \({kind}\), which"):
        kept((PLAIN, replace(PLAIN, extra={"hooks": value})))


@pytest.mark.parametrize("name", ["conditioning", "latents.0"])
def test_names_that_mean_something_else_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="a name kept for others"):
        kept((replace(PLAIN, extra={name: PLAIN.embedding}),))


def test_nothing_is_not_kept() -> None:
    with pytest.raises(ValueError, match="no entry"):
        kept(())


ONE = {"conditioning": PLAIN.embedding}


@pytest.mark.parametrize(
    ("tensors", "options", "message"),
    [
        ({"emb_params": PLAIN.embedding}, "{}", "there is no 'conditioning', but emb_params"),
        ({}, "{}", "but nothing"),
        ({"1/conditioning": PLAIN.embedding}, "[]", "there is no 'conditioning', but 1/conditioning"),
        ({"0/mask": PLAIN.embedding}, "[]", "must be numbers of three dimensions, but it is nothing"),
        ({"conditioning": torch.ones(2, 3)}, "{}", r"three dimensions, but it is torch.float32 of \(2, 3\)"),
        ({"conditioning": torch.ones(1, 2, 3).int()}, "{}", "must be numbers"),
        (ONE, "{", "are no JSON"),
        (ONE, "[1]", "must be names with values"),
        (ONE, '{"strength": "x"}', "'strength' must be a number, but it is 'x'"),
        (ONE, '{"mask": 1}', "'mask' must be a tensor, but it is 1"),
        (ONE, '{"area": [null, 1, 1, 1]}', "its area is"),
    ],
)
def test_what_is_no_conditioning_is_refused(tensors: dict[str, Tensor], options: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        restored(tensors, {"conditioning_options": options})

import asyncio

import pytest

from nodes.api.errors import NodeError
from nodes.logic.branch import numbered
from nodes.logic.choose import choose, resolution, seed
from nodes.logic.lists import create, pick
from nodes.logic.switch import every, invert, soft_switch, some


@pytest.mark.parametrize(
    ("ratio", "megapixels", "multiple", "expected"),
    [
        ("1:1 (Square)", 1.0, 8, (1024, 1024)),
        # sqrt(2^20 / (16 * 9)) = 85.333; times 16 is 1365.3, times 9 is 768.
        ("16:9 (Widescreen)", 1.0, 8, (1368, 768)),
        ("9:16 (Portrait Widescreen)", 1.0, 64, (768, 1344)),
        # sqrt(4 * 2^20 / 6) = 836.1; times 2 is 1672.2, times 3 is 2508.3.
        ("2:3 (Portrait Photo)", 4.0, 16, (1680, 2512)),
    ],
)
def test_a_format_and_a_number_of_pixels_make_a_size(
    ratio: str, megapixels: float, multiple: int, expected: tuple[int, int]
) -> None:
    assert resolution(ratio, megapixels, multiple=multiple) == expected


def test_words_and_seeds_pass() -> None:
    assert choose("anything at all") == ("anything at all", 0)
    assert choose("it", 3) == ("it", 3)
    assert seed(2**63 - 1) == 2**63 - 1


async def given(value: object) -> object:
    return value


def test_a_soft_switch_takes_what_there_is() -> None:
    def run(switch: bool, *values: object) -> object:
        async def chosen() -> object:
            first, second = (None if value is None else given(value) for value in values)
            try:
                return await soft_switch(switch, first, second)
            finally:
                for entry in (first, second):
                    if entry is not None:
                        entry.close()

        return asyncio.run(chosen())

    assert [run(False, "no", "yes"), run(True, "no", "yes")] == ["no", "yes"]
    assert [run(True, "no", None), run(False, None, "yes")] == ["no", "yes"]
    with pytest.raises(NodeError, match="neither"):
        run(True, None, None)


def test_truth_is_pythons() -> None:
    assert [invert(value) for value in (0, "", [], None, "no", 3)] == [True, True, True, True, False, False]
    assert every({"value0": 1, "value1": "a"}) is True
    assert every({"value0": 1, "value1": ""}) is False
    assert some({"value0": 0, "value1": [0]}) is True
    assert some({"value0": 0, "value1": ""}) is False
    with pytest.raises(NodeError, match="nothing is linked"):
        every({})


def test_what_is_neither_true_nor_false_is_refused() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(NodeError, match="neither true nor false"):
        invert(torch.zeros(2))


def test_lists_are_joined_and_picked_from() -> None:
    joined = create({"input0": [1, 2], "input1": ["a"], "input2": []})
    assert joined == [1, 2, "a"]
    assert [pick(joined, 0), pick(joined, -1)] == [1, "a"]
    for index in (3, -4):
        with pytest.raises(NodeError, match=f"index {index} is not in a list of 3"):
            pick(joined, index)


def test_a_branch_that_is_not_there_is_refused() -> None:
    names, linked = ["small", "big"], ["branch0"]
    assert numbered("small", names, linked) == "branch0"
    assert numbered("branch0", [], linked) == "branch0"
    with pytest.raises(NodeError, match="nothing is linked"):
        numbered("big", names, linked)
    with pytest.raises(NodeError, match="there are small, big"):
        numbered("other", names, linked)

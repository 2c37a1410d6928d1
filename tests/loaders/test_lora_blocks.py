import pytest

from loaders.lora_blocks import ORDERS, read_block_weights
from models.adapters.weights import longest_prefix


def weight_of(text: str, name: str) -> float:
    return longest_prefix(name, read_block_weights(text).blocks, 1.0)


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("IN04=0.5", "input_blocks.4.1.proj_in.weight", 0.5),
        ("IN01=0.5", "input_blocks.10.0.in_layers.2.weight", 1.0),
        ("in=0, IN07=2", "input_blocks.7.1.norm.weight", 2.0),
        ("in=0, IN07=2", "input_blocks.8.1.norm.weight", 0.0),
        ("MID=0.25", "middle_block.1.proj_in.weight", 0.25),
        ("M=0.25", "middle_block.0.in_layers.0.weight", 0.25),
        ("OUT03-OUT05 = -1", "output_blocks.5.0.in_layers.0.weight", -1.0),
        ("OUT03-OUT05 = -1", "output_blocks.6.0.in_layers.0.weight", 1.0),
        ("OUT03=0.1; OUT03=0.2", "output_blocks.3.0.in_layers.0.weight", 0.2),
        ("BASE=0.5", "time_embed.0.weight", 0.5),
        ("BASE=0.5", "out.2.weight", 0.5),
        ("BASE=0.5", "output_blocks.0.0.in_layers.0.weight", 1.0),
        ("", "input_blocks.0.0.weight", 1.0),
    ],
)
def test_blocks_are_named(text: str, name: str, expected: float) -> None:
    assert weight_of(text, name) == expected


@pytest.mark.parametrize("count", ORDERS)
def test_plain_numbers_are_for_the_blocks_in_their_usual_order(count: int) -> None:
    text = ",".join(str(index / 10) for index in range(count))
    assert read_block_weights(text).base == 0.0
    for index, name in enumerate(ORDERS[count][1:], start=1):
        stem = {"I": "input_blocks", "M": "middle_block", "O": "output_blocks"}[name[0]]
        full = f"{stem}.0.x" if name == "M00" else f"{stem}.{int(name[-2:])}.0.x"
        assert weight_of(text, full) == index / 10


def test_the_orders_are_those_of_files_for_two_families() -> None:
    assert ",".join(ORDERS[17]).startswith("BASE,IN01,IN02,IN04,IN05,IN07,IN08,M00,OUT03,OUT04")
    assert ",".join(ORDERS[12]) == "BASE,IN04,IN05,IN07,IN08,M00,OUT00,OUT01,OUT02,OUT03,OUT04,OUT05"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1,2,3", r"3 numbers are given for the blocks; it takes 12, 17, 20, 26, or names"),
        ("IN04=much", r"'much' is no number"),
        ("UP04=1", r"'UP04=1' names no block"),
        ("IN02-OUT03=1", r"'IN02-OUT03=1' names no block"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read_block_weights(text)

import math

import pytest

from nodes.api.errors import NodeError
from nodes.logic.expression import evaluate
from nodes.logic.number import calculate, convert


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("max(5, round(a * 24)) + (5 - (max(5, round(a * 24)) % 17)) % 17", 124),
        ("a > 2048", False),
        ("a & ~1", 4),
        ("min(a,b)", 5),
        ("ceil(1.5 * log2(max(a, b))) + 2", 7),
        ("a % b if b > 0 else 0", 5),
        ("b if b > 0 else 1 / 0", 9),
        ("round (a / 2)", 2),
        ("floor((a - 2) / (b - 1))", 0),
        ("4 * ceil((a - b * 1 + 1 - 1) / 4) + 1", -3),
        ("(a % 4 == 1) and ((b - 1) % 4 == 0)", True),
        ("a == 5 or 1 / 0", True),
        ("1 < a < b <= 9 != 8", True),
        ("-a ** 2", -25),
        ("7 // 2 * 2 ^ 1 | 8", 15),
        ("1 << 3 >> 1", 4),
        ("sum(values) + sum([1, 2]) + sum(3, 4)", 24),
        ("values[1] - values[-2]", 4),
        ("pow(2, 10) + sqrt(16) + abs(-3) + int(2.9) + float(1)", 1034),
        ("log(8, 2) + log10(100) + sin(0) + cos(0) + tan(0)", 6),
        ("not a", False),
        ("a +\n b", 14),
    ],
)
def test_formulas_are_worked_out_as_python_does(expression: str, expected: float) -> None:
    assert evaluate(expression, {"a": 5, "b": 9, "values": [5, 9]}) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", "empty"),
        ("  \n ", "empty"),
        ("a +", "cannot be read"),
        ("c + 1", "no variable 'c'; linked are: a"),
        ("a.real", "'a.real' is not understood"),
        ("__import__('os')", "no function '__import__'"),
        ("(lambda: 1)()", "no function"),
        ("[x for x in values]", "not understood"),
        ("'ab' * 3", "'ab' is not a number"),
        ("a / 0", "division by zero"),
        ("sqrt(-1)", "cannot be worked out"),
        ("(-8) ** 0.5", "complex, not a number"),
        ("[1, 2]", "list, not a number"),
        ("[1] * 1000000000", "lists are for functions"),
        ("10.0 ** 400", "cannot be worked out"),
        ("float(10 ** 400)", "cannot be worked out"),
        ("9 ** 9 ** 9", "bits"),
        ("1 << 10000000000", "bits"),
        ("(2 ** 90000) * (2 ** 90000)", "bits"),
        ("log(0)", "cannot be worked out"),
        ("1e400", "not finite"),
        ("max(a, key=b)", "by place, not by name"),
        ("a @ a", "not understood"),
        ("a is a", "not understood"),
        ("values[7]", "cannot be worked out"),
        ("a[0]", "only lists"),
        ("1" * 20_000, "10000 are read"),
        ("(" * 150 + "1" + ")" * 150 + "+", "cannot be read|too deeply"),
        ("-" * 9_000 + "1", "too deeply|cannot be read"),
    ],
)
def test_what_is_no_formula_of_numbers_is_refused(expression: str, message: str) -> None:
    with pytest.raises(NodeError, match=message):
        evaluate(expression, {"a": 5, "values": [5]})


def test_the_value_comes_as_number_whole_number_and_truth() -> None:
    assert calculate("a / b", values={"a": -7, "b": 2}) == (-3.5, -3, True)
    assert calculate("a and b", values={"a": True, "b": False}) == (0.0, 0, False)
    assert calculate("values[2]", values={"a": 1, "b": 2, "c": 2**60 + 1})[1] == 2**60 + 1


def test_a_whole_number_too_large_for_a_float_is_refused() -> None:
    with pytest.raises(NodeError, match=r"too large|cannot be worked out"):
        calculate("10 ** 400", values={})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("42", (42.0, 42)),
        (" -1.9 ", (-1.9, -1)),
        ("1e3", (1000.0, 1000)),
        (str(2**63 - 1), (float(2**63), 2**63 - 1)),
        (True, (1.0, 1)),
        (2.7, (2.7, 2)),
    ],
)
def test_values_become_numbers(value: object, expected: tuple[float, int]) -> None:
    found = convert(value)
    assert found == expected
    assert [type(entry) for entry in found] == [float, int]


@pytest.mark.parametrize("value", ["", "  ", "abc", "nan", "inf", math.inf, math.nan, None, [1]])
def test_what_is_no_finite_number_is_refused(value: object) -> None:
    with pytest.raises(NodeError):
        convert(value)

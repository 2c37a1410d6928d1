import pytest

from nodes.api.errors import NodeError
from nodes.text.regex import extract, match
from nodes.text.regex import replace as replace_pattern
from nodes.text.strings import compare, concatenate, contains, convert_case, length, replace, substring, trim


def test_a_delimiter_stands_even_beside_an_empty_text() -> None:
    assert concatenate("a", "b") == "ab"
    assert concatenate("", "b", ", ") == ", b"


@pytest.mark.parametrize(
    ("start", "end", "expected"), [(0, 2, "ab"), (-2, 99, "cd"), (1, -1, "bc"), (0, 0, ""), (3, 1, "")]
)
def test_pieces_are_cut_as_python_cuts_them(start: int, end: int, expected: str) -> None:
    assert substring("abcd", start, end) == expected


def test_characters_are_counted_not_bytes() -> None:
    assert length("aü🙂") == 3


def test_cases() -> None:
    text = "hello WORLD"
    cases = ("UPPERCASE", "lowercase", "Capitalize", "Title Case")
    assert [convert_case(text, case) for case in cases] == [
        "HELLO WORLD",
        "hello world",
        "Hello world",
        "Hello World",
    ]


def test_trimming() -> None:
    text = " \n a \t"
    assert [trim(text, end) for end in ("Both", "Left", "Right")] == ["a", "a \t", " \n a"]


def test_an_empty_piece_is_found_everywhere() -> None:
    assert replace("aXbX", "X", "-") == "a-b-"
    assert replace("ab", "", "-") == "-a-b-"


def test_searching_and_comparing() -> None:
    assert not contains("Red Circle", "red")
    assert contains("Red Circle", "red", case_sensitive=False)
    assert compare("Red Circle", "Red", "Starts With")
    assert not compare("Red Circle", "circle", "Ends With")
    assert compare("Red Circle", "circle", "Ends With", case_sensitive=False)
    assert compare("a", "a", "Equal")


def test_a_broken_expression_matches_nothing() -> None:
    assert match("ABC", "b")
    assert not match("ABC", "b", case_insensitive=False)
    assert not match("ABC", "(")
    assert match("a\nb", "^b$", multiline=True)
    assert not match("a\nb", "a.b")
    assert match("a\nb", "a.b", dotall=True)


@pytest.mark.parametrize(
    ("mode", "pattern", "group", "expected"),
    [
        ("First Match", r"(\w)=(\d)", 1, "a=1"),
        ("All Matches", r"\w=\d", 1, "a=1\nb=2"),
        ("All Matches", r"(\w)=(\d)", 2, "a\nb"),
        ("First Group", r"(\w)=(\d)", 2, "1"),
        ("First Group", r"(\w)=(\d)", 0, "a=1"),
        ("First Group", r"(\w)=(\d)", 3, ""),
        ("All Groups", r"(\w)=(\d)", 2, "1\n2"),
        ("All Groups", r"(\w)=(\d)", 0, "a=1\nb=2"),
        ("All Groups", r"\w=\d", 0, ""),
        ("All Groups", r"(\w)=(9)?", 2, "\n"),
        ("First Match", "nothing", 1, ""),
        ("First Match", "(", 1, ""),
    ],
)
def test_extracting(mode: str, pattern: str, group: int, expected: str) -> None:
    assert extract(string="a=1 b=2", regex_pattern=pattern, mode=mode, group_index=group) == expected


def test_replacing_by_an_expression() -> None:
    assert replace_pattern("a1 b2", r"(\w)(\d)", r"\2\1") == "1a 2b"
    assert replace_pattern("aAa", "a", "b", count=2) == "bba"
    assert replace_pattern("aAa", "a", "b", case_insensitive=False) == "bAb"


@pytest.mark.parametrize(("pattern", "by"), [("(", "x"), ("a", r"\1")])
def test_a_broken_replacement_is_refused_with_both_texts(pattern: str, by: str) -> None:
    with pytest.raises(NodeError) as caught:
        replace_pattern("a", pattern, by)
    assert repr(pattern) in str(caught.value)
    assert repr(by) in str(caught.value)

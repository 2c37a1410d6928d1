import json

import pytest

from nodes.api.errors import NodeError
from nodes.text import listed
from nodes.text.structured import array_to_text, dictionary_to_text, extract, fill_in


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ('{"a": "b"}', "a", "b"),
        ('Sure! {here} is it: {"a": {"b": 1}, "c": 2.5} and {"a": 0}', "c", "2.5"),
        ('{"a": null}', "a", ""),
        ('{"a": 1}', "b", ""),
        ('{"a": true}', "a", "True"),
        ("no object", "a", ""),
        ("{" * 200, "a", ""),
    ],
)
def test_a_value_is_found_in_the_first_object_of_a_text(text: str, key: str, expected: str) -> None:
    assert extract(text, key) == expected


def test_templates_are_filled_in() -> None:
    assert fill_in("{a}, {b:>4}; {{x}} {a!r}", values={"a": "one", "b": "2"}) == "one,    2; {x} 'one'"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{c}", "no value 'c' for the text; linked are: a"),
        ("{a.__class__}", "no value"),
        ("{a[0]}", "no value"),
        ("{}", "no value"),
        ("{a:99999999}", "more than 10000"),
        ("{a:d}", "cannot be filled in"),
        ("{a", "cannot be filled in"),
    ],
)
def test_templates_lead_nowhere_else(template: str, message: str) -> None:
    with pytest.raises(NodeError, match=message):
        fill_in(template, values={"a": "x"})


def test_structures_are_written_as_json() -> None:
    assert array_to_text([1, "ü"], 0) == '[1, "ü"]'
    assert array_to_text([1], 2) == "[\n  1\n]"
    assert json.loads(dictionary_to_text({"a": [None, True]})) == {"a": [None, True]}
    with pytest.raises(NodeError, match="cannot be written as JSON"):
        array_to_text([object()])


def test_texts_of_lists_are_changed_one_by_one() -> None:
    assert listed.lower("Red Ü") == "red ü"
    assert listed.upper("Red ü") == "RED Ü"
    assert listed.truncate("abcdef", 3) == "abc"
    assert listed.add_prefix("b", "a ") == "a b"
    assert listed.add_suffix("b", " c") == "b c"
    assert listed.replace("a-b-c", "-", "") == "abc"
    assert listed.strip(texts=" \n a b \t") == "a b"
    assert listed.merge(["a", "b"]) == ["a", "b"]

"""Rows of the same inputs in V3 schemas."""

import pytest

from custom_nodes.v3 import io
from custom_nodes.v3.dynamic import MISSING


def rows(**options: int) -> io.DynamicGroup.Input:
    template = [io.String.Input("name"), io.Float.Input("strength", default=1.0, optional=True)]
    return io.DynamicGroup.Input("loras", template=template, group_name="LoRA", **options)


def test_the_page_sees_what_is_in_a_row() -> None:
    options = rows(min=1, max=20).as_dict()
    assert (options["min"], options["max"], options["group_name"]) == (1, 20, "LoRA")
    assert options["template"]["required"]["name"][0] == "STRING"
    assert options["template"]["optional"]["strength"][1]["default"] == 1.0


def test_the_argument_is_a_list_with_a_dictionary_for_each_row() -> None:
    flat = {"loras.0.name": "a", "loras.0.strength": 0.5, "loras.2.name": "b", "other": 1}
    assert rows().collect("loras", flat, False) == [
        {"name": "a", "strength": 0.5},
        {"name": None},
        {"name": "b"},
    ]
    assert flat == {"other": 1}
    named = rows().collect("loras", {"loras.0.name": "a"}, True)
    assert named == [{"name": ("a", "loras.0.name")}]


def test_no_row_is_an_empty_list_where_there_need_not_be_one() -> None:
    assert rows().collect("loras", {}, False) == []
    assert rows(min=1).collect("loras", {}, False) is MISSING


def test_rows_hold_widgets_and_have_sensible_bounds() -> None:
    with pytest.raises(ValueError, match="the rows of g can only hold widgets"):
        io.DynamicGroup.Input("g", template=[io.Image.Input("image")])
    with pytest.raises(ValueError, match="g cannot have from 3 to 2 rows"):
        io.DynamicGroup.Input("g", template=[io.String.Input("name")], min=3, max=2)

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executor.graph.parse import parse
from executor.graph.workflow import Link, MalformedLink
from nodes.api.errors import WorkflowError
from tests.executor.graph.kit import SPECS, text_to_image

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
entries = st.fixed_dictionaries(
    {"class_type": st.text(max_size=6)},
    optional={
        "inputs": st.dictionaries(st.text(max_size=5), values, max_size=4),
        "_meta": st.fixed_dictionaries({}, optional={"title": st.text(max_size=5)}),
    },
)
prompts = st.dictionaries(
    st.text(max_size=3).filter(lambda name: name not in ("nodes", "prompt", "workflow")), entries, max_size=5
)


@given(prompts)
def test_reading_what_was_written_gives_the_same_graph(prompt):
    graph = parse(prompt)
    assert parse(graph.to_api()) == graph
    assert parse(json.loads(json.dumps(graph.to_api()))) == graph


@given(values)
def test_any_json_value_is_a_graph_or_a_clear_error(value):
    with suppress(WorkflowError):
        parse(value, SPECS)


def test_links_are_told_from_lists_and_wrapped_values():
    graph = parse(
        {
            "a": {
                "class_type": "X",
                "inputs": {
                    "link": ["b", 1],
                    "whole": ["b", 1.0],
                    "half": ["b", 0.5],
                    "flag": ["b", True],
                    "number": [3, 0],
                    "long": ["b", 0, 0],
                    "wrapped": {"__value__": ["b", 1]},
                    "object": {"__value__": {"__value__": 1}},
                    "plain": {"x": 1},
                },
            }
        }
    )
    inputs = graph.instances["a"].inputs
    assert inputs["link"] == Link("b", 1)
    assert inputs["whole"] == Link("b", 1)
    for name in ("half", "flag", "number", "long"):
        assert isinstance(inputs[name], MalformedLink)
    assert inputs["wrapped"] == ["b", 1]
    assert inputs["object"] == {"__value__": 1}
    assert inputs["plain"] == {"x": 1}
    assert parse(graph.to_api()) == graph


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (None, "missing the class_type property"),
        ({}, "missing the class_type property"),
        ({"class_type": 3}, "class_type is a number, not a text"),
        ({"class_type": ["X"]}, "class_type is an array, not a text"),
        ({"class_type": "X", "inputs": []}, "inputs of a node are an array"),
        ({"class_type": "X", "inputs": None}, "inputs of a node are null"),
    ],
)
def test_an_entry_that_is_no_node_is_named(entry, message):
    with pytest.raises(WorkflowError, match=message) as caught:
        parse({"17": entry})
    assert caught.value.node_id == "17"
    assert caught.value.type == "invalid_prompt"
    assert caught.value.details == "Node ID '#17'"


@pytest.mark.parametrize("value", [None, [], 3, "x", True])
def test_what_is_no_object_is_refused(value):
    with pytest.raises(WorkflowError, match="A graph is a JSON object"):
        parse(value)


def test_a_wrapper_around_a_graph_is_opened():
    prompt = text_to_image()
    assert parse({"prompt": prompt, "client_id": "x"}) == parse(prompt)
    assert parse({"workflow": {"nodes": [], "links": []}}, SPECS).instances == {}


def test_a_node_may_be_called_prompt():
    prompt = {"prompt": {"class_type": "X", "inputs": {}}}
    assert list(parse(prompt).instances) == ["prompt"]


def test_titles_are_kept_and_other_remarks_dropped():
    prompt = text_to_image()
    prompt["6"]["_meta"] = {"title": 3, "other": 1}
    graph = parse(prompt)
    assert graph.instances["5"].title == "Draw"
    assert graph.instances["6"].title is None
    assert graph.to_api()["5"]["_meta"] == {"title": "Draw"}


def test_an_alias_becomes_the_name_of_its_node():
    prompt = text_to_image()
    prompt["5"]["class_type"] = "OldSample"
    prompt["6"]["class_type"] = "Unheard"
    graph = parse(prompt, SPECS)
    assert graph.instances["5"].type == "Sample"
    assert graph.instances["6"].type == "Unheard"
    assert parse(prompt).instances["5"].type == "OldSample"
    assert parse(text_to_image(), SPECS) == parse(text_to_image())


def test_the_editor_form_needs_the_catalogue():
    with pytest.raises(WorkflowError, match="catalogue"):
        parse({"nodes": [], "links": []})

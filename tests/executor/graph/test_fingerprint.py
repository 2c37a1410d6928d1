import copy
import json
import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from executor.graph.fingerprint import encode, fingerprints, literals_for
from executor.graph.parse import parse
from executor.graph.workflow import Instance
from nodes.api.errors import WorkflowError
from tests.executor.graph.kit import NODES, text_to_image

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def of(prompt, stat=lambda folder, name: None):
    return fingerprints(parse(prompt), NODES, stat)


def identical(left, right):
    """Whether two JSON values are the same, type by type and bit by bit."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return math.copysign(1, left) == math.copysign(1, right) and (
            left == right or (math.isnan(left) and math.isnan(right))
        )
    if isinstance(left, list):
        return len(left) == len(right) and all(map(identical, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(identical(left[key], right[key]) for key in left)
    return left == right


@given(values, values)
def test_two_values_have_one_encoding_if_and_only_if_they_are_identical(left, right):
    assume(not (isinstance(left, float) and math.isnan(left)))
    assert (encode(left) == encode(right)) == identical(left, right)


@given(values)
def test_encoding_survives_json(value):
    assume("nan" not in repr(value))  # JSON has one NaN, memory has many
    assert encode(json.loads(json.dumps(value))) == encode(value)


@given(scalars, scalars)
def test_a_fingerprint_changes_if_and_only_if_a_literal_does(left, right):
    def prompt(value):
        return {"a": {"class_type": "Curve", "inputs": {"points": {"__value__": value}}}}

    assume(not (isinstance(left, float) and math.isnan(left)))
    assert (of(prompt(left)) == of(prompt(right))) == identical(left, right)


def test_nan_is_equal_to_itself():
    assert encode(math.nan) == encode(math.nan)
    assert encode(0.0) != encode(-0.0)


def test_a_list_differs_from_the_text_of_its_encoding():
    def prompt(value):
        return {"a": {"class_type": "Curve", "inputs": {"points": {"__value__": value}}}}

    assert of(prompt([1])) != of(prompt(encode([1])))


@given(st.sampled_from(["1", "2", "3", "4", "5"]), st.integers(0, 10**6))
def test_a_change_reaches_what_follows_and_nothing_else(node_id, number):
    graph = parse(text_to_image())
    names = {"1": "ckpt_name", "2": "text", "3": "text", "4": "width", "5": "seed"}
    changed = graph.with_value(node_id, names[node_id], f"new {number}")
    before = fingerprints(graph, NODES, lambda folder, name: None)
    after = fingerprints(changed, NODES, lambda folder, name: None)
    reached = {node_id}
    for consumer in graph.ancestors(graph.instances):
        if any(link.node in reached for _, link in graph.instances[consumer].links()):
            reached.add(consumer)
    assert {name for name in before if before[name] != after[name]} == reached


def test_ids_titles_and_order_of_inputs_do_not_matter():
    prompt = text_to_image()
    renamed = {}
    for node_id, entry in prompt.items():
        entry = copy.deepcopy(entry) | {"_meta": {"title": "other"}}
        inputs = dict(reversed(entry["inputs"].items()))
        entry["inputs"] = {
            name: [f"x{value[0]}", value[1]] if isinstance(value, list) else value
            for name, value in inputs.items()
        }
        renamed[f"x{node_id}"] = entry
    assert {f"x{name}": value for name, value in of(prompt).items()} == of(renamed)


def test_equal_nodes_have_equal_fingerprints():
    prompt = text_to_image()
    prompt["3"]["inputs"]["text"] = "a cat"
    found = of(prompt)
    assert found["2"] == found["3"]


def test_the_slot_of_a_link_matters():
    prompt = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
        "2": {"class_type": "Both", "inputs": {"value": ["1", 0]}},
        "3": {"class_type": "Both", "inputs": {"value": ["1", 1]}},
    }
    found = of(prompt)
    assert found["2"] != found["3"]


def test_an_undeclared_or_malformed_input_does_not_matter():
    prompt = text_to_image()
    before = of(prompt)
    prompt["4"]["inputs"]["shade"] = 3
    prompt["7"]["inputs"]["images "] = ["x", 1, 2]
    assert of(prompt) == before


def test_the_files_size_and_time_matter_and_are_asked_once():
    asked = []
    stamp = {"time": 1}

    def stat(folder, name):
        asked.append((folder, name))
        return (10, stamp["time"])

    prompt = {name: {"class_type": "LoadImage", "inputs": {"image": "a.png"}} for name in ("1", "2")}
    before = of(prompt, stat)
    assert asked == [("input", "a.png")]
    stamp["time"] = 2
    assert of(prompt, stat) != before


def test_the_code_of_a_node_matters():
    from dataclasses import replace

    entry = NODES["Invert"]
    changed = {**NODES, "Invert": replace(entry, spec=replace(entry.spec, code_version="other"))}
    graph = parse({"1": {"class_type": "Invert", "inputs": {}}})
    stat = lambda folder, name: None  # noqa: E731
    assert fingerprints(graph, NODES, stat) != fingerprints(graph, changed, stat)


def test_a_nodes_own_fingerprint_is_part_of_it():
    def prompt(value):
        return {"a": {"class_type": "Impure", "inputs": {"value": value}}}

    assert of(prompt("x")) == of(prompt("x"))
    assert of(prompt("x")) != of(prompt("y"))


def test_a_nodes_own_fingerprint_that_fails_makes_it_run_again(caplog):
    prompt = {"a": {"class_type": "Impure", "inputs": {"value": "broken"}}}
    assert of(prompt) != of(prompt)
    assert "gone" in caplog.text


def test_growing_inputs_count_in_the_order_of_their_numbers():
    def prompt(first, second):
        return {
            "1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
            "2": {"class_type": "Batch", "inputs": {first: ["1", 0], second: ["1", 1]}},
        }

    assert of(prompt("images.image0", "images.image1")) != of(prompt("images.image1", "images.image0"))


def test_a_graph_that_cannot_run_is_refused():
    with pytest.raises(WorkflowError, match="node Unheard does not exist"):
        of({"a": {"class_type": "Unheard"}})
    with pytest.raises(WorkflowError, match="input image of Invert \\(node a\\) is linked to node b"):
        of({"a": {"class_type": "Invert", "inputs": {"image": ["b", 0]}}})


def test_only_what_the_targets_need_is_computed():
    graph = parse(text_to_image())
    assert list(fingerprints(graph, NODES, lambda folder, name: None, ["2"])) == ["1", "2"]


def test_literals_are_chosen_by_the_parameters_of_a_function():
    instance = Instance("1", "X", {"a": 1, "b": 2})
    assert literals_for(lambda a: None, instance) == {"a": 1}
    assert literals_for(lambda **all_of_them: None, instance) == {"a": 1, "b": 2}

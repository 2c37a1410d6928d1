import time

import pytest

from executor.graph.parse import parse
from executor.graph.validate import TOP_LEVEL_TYPES, validate
from nodes.api.spec import InputSpec, NodeSpec
from tests.executor.graph.kit import NODES, SPECS, list_files, text_to_image


def check(prompt, targets=None, **options):
    return validate(parse(prompt), SPECS, list_files, targets, **options)


def changed(node_id, **inputs):
    prompt = text_to_image()
    prompt[node_id]["inputs"].update(inputs)
    return prompt


def only(validation):
    (problem,) = validation.problems
    return problem


def test_a_good_graph_has_no_problems():
    validation = check(text_to_image())
    assert validation.problems == ()
    assert validation.outputs == ("7",)
    assert validation.failed == ()
    assert validation.graph == parse(text_to_image())


def test_a_missing_input_is_a_problem():
    prompt = text_to_image()
    del prompt["5"]["inputs"]["seed"]
    validation = check(prompt)
    problem = only(validation)
    assert (problem.type, problem.message, problem.details) == (
        "required_input_missing",
        "Required input is missing",
        "seed",
    )
    assert (problem.node_id, problem.input_name) == ("5", "seed")
    assert problem.extra_info == {"input_name": "seed"}
    assert validation.outputs == ()
    assert validation.failed == ("7",)
    assert validation.dependent_outputs("5") == ("7",)


def test_all_problems_are_found_at_once():
    prompt = changed("5", seed=-1, steps=1000, cfg="high", sampler_name="fast", model=["4", 0])
    del prompt["6"]["inputs"]["vae"]
    types = [problem.type for problem in check(prompt).problems]
    assert sorted(types) == [
        "invalid_input_type",
        "required_input_missing",
        "return_type_mismatch",
        "value_bigger_than_max",
        "value_not_in_list",
        "value_smaller_than_min",
    ]


def test_a_list_that_is_no_link_is_a_problem():
    problem = only(check(changed("6", vae=["1", 2, 3])))
    assert problem.type == "bad_linked_input"
    assert problem.message == "Bad linked input, must be a length-2 list of [node_id, slot_index]"
    assert problem.details == "vae"
    assert problem.extra_info == {
        "input_name": "vae",
        "input_config": ["VAE", {}],
        "received_value": ["1", 2, 3],
    }


def test_a_link_of_another_type_is_a_problem():
    problem = only(check(changed("6", samples=["1", 1])))
    assert problem.type == "return_type_mismatch"
    assert problem.message == "Return type mismatch between linked nodes"
    assert problem.details == "samples, received_type(CLIP) mismatch input_type(LATENT)"
    assert problem.extra_info["received_type"] == "CLIP"
    assert problem.extra_info["linked_node"] == ["1", 1]


def test_a_value_that_cannot_be_converted_is_a_problem():
    problem = only(check(changed("5", steps="many")))
    assert problem.type == "invalid_input_type"
    assert problem.message == "Failed to convert an input value to a INT value"
    assert problem.details == "steps, many, invalid literal for int() with base 10: 'many'"
    assert problem.extra_info["received_value"] == "many"
    assert problem.extra_info["exception_message"].startswith("invalid literal")


def test_a_value_where_only_a_link_makes_sense_is_a_problem():
    problem = only(check(changed("5", model="foo" * 100)))
    assert (problem.type, problem.node_id, problem.input_name) == ("invalid_input_type", "5", "model")
    assert problem.message == "Failed to convert an input value to a MODEL value"
    reason = "a MODEL comes from the output of another node, by a link, but here is a value"
    assert problem.details == f"model, {('foo' * 100)[:100]}..., {reason}"
    assert problem.extra_info == {
        "input_name": "model",
        "input_config": ["MODEL", {}],
        "received_value": "foo" * 100,
        "exception_message": reason,
    }


@pytest.mark.parametrize(
    ("value", "options", "is_good"),
    [
        ("foo", {"type": "MODEL"}, False),
        ({"a": 1}, {"type": "model,CLIP"}, False),
        (None, {"type": "IMAGE"}, False),
        (None, {"type": "IMAGE", "section": "optional"}, True),
        (0.5, {"type": "IMAGE,FLOAT"}, True),
        ("foo", {"type": "*"}, True),
        ("foo", {"type": "A_PACKS_OWN"}, True),
        ("foo", {"type": "IMAGE", "own_check": True}, True),
        ("foo", {"type": "IMAGE", "default": "bar"}, True),
        ("foo", {"type": "IMAGE", "options": {"widgetType": "STRING"}}, True),
    ],
)
def test_only_types_without_widgets_take_no_values(value, options, is_good):
    spec = NodeSpec("N", "N", inputs=(InputSpec("i", **options),), output_node=True)
    graph = parse({"1": {"class_type": "N", "inputs": {"i": value}}})
    assert (validate(graph, {"N": spec}, list_files).problems == ()) == is_good


@pytest.mark.parametrize("value", [None, {"a": 1}, float("inf"), float("nan"), "0x10", "9" * 5000])
def test_values_that_are_no_whole_numbers_are_problems_not_errors(value):
    assert only(check(changed("5", steps=value))).type in ("invalid_input_type", "value_bigger_than_max")


@pytest.mark.parametrize("value", [float("nan"), "nan"])
def test_not_a_number_is_not_between_any_bounds(value):
    assert only(check(changed("5", cfg=value))).type == "value_smaller_than_min"


def test_a_value_out_of_bounds_is_a_problem():
    low = only(check(changed("5", steps=0)))
    assert (low.type, low.message) == ("value_smaller_than_min", "Value 0 smaller than min of 1")
    high = only(check(changed("5", cfg=101)))
    assert (high.type, high.message) == (
        "value_bigger_than_max",
        "Value 101.0 bigger than max of 100.0",
    )
    assert high.details == "cfg"
    assert only(check(changed("5", seed=2**64))).type == "value_bigger_than_max"
    assert check(changed("5", seed=2**64 - 1)).problems == ()


def test_a_word_that_is_not_offered_is_a_problem():
    problem = only(check(changed("5", sampler_name="fast")))
    assert problem.type == "value_not_in_list"
    assert problem.message == "Value not in list"
    assert problem.details == "sampler_name: 'fast' not in ['euler', 'heun']"
    assert problem.extra_info["input_config"] == [["euler", "heun"], {}]


def test_a_long_list_is_not_repeated_in_the_problem():
    prompt = text_to_image()
    prompt["8"] = {"class_type": "Lora", "inputs": {"model": ["1", 0], "lora_name": "none"}}
    prompt["5"]["inputs"]["model"] = ["8", 0]
    problem = only(check(prompt))
    assert problem.details == "lora_name: 'none' not in (list of length 30)"
    assert problem.extra_info["input_config"] is None


def test_a_model_file_that_is_missing_is_a_problem_that_lists_those_there_are():
    problem = only(check(changed("1", ckpt_name="gone.safetensors")))
    assert problem.type == "value_not_in_list"
    assert problem.details == (
        "ckpt_name: 'gone.safetensors' not in ['small.safetensors', 'sub/large.safetensors']"
    )
    assert only(check(changed("1", ckpt_name=3))).type == "value_not_in_list"


def test_a_file_with_slashes_of_the_other_kind_is_found_and_coerced():
    validation = check(changed("1", ckpt_name="sub\\large.safetensors"))
    assert validation.problems == ()
    assert validation.graph.instances["1"].inputs["ckpt_name"] == "sub/large.safetensors"


def pictures(name):
    return {
        "1": {"class_type": "LoadImage", "inputs": {"image": name}},
        "2": {"class_type": "Save", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
    }


def test_an_uploaded_file_that_is_missing_fails_the_check_of_its_node():
    problem = only(check(pictures("gone.png")))
    assert problem.type == "custom_validation_failed"
    assert problem.message == "Custom validation failed for node"
    assert problem.details == "image - Invalid image file: gone.png"


def test_a_file_that_is_not_listed_but_there_is_good():
    seen = []

    def has_file(folder, name):
        seen.append((folder, name))
        return name == "sub/b.png [output]"

    assert check(pictures("sub/b.png [output]"), has_file=has_file).problems == ()
    assert seen == [("input", "sub/b.png [output]")]
    assert check(pictures("c.png"), has_file=has_file).problems != ()


def test_literals_are_coerced_in_a_copy():
    prompt = changed("5", seed="7", steps=3.9, cfg="2", denoise=1)
    graph = parse(prompt)
    validation = validate(graph, SPECS, list_files)
    assert validation.problems == ()
    inputs = validation.graph.instances["5"].inputs
    assert (inputs["seed"], inputs["steps"], inputs["cfg"], inputs["denoise"]) == (7, 3, 2.0, 1.0)
    assert type(inputs["denoise"]) is float
    assert graph.instances["5"].inputs["seed"] == "7"
    assert graph == parse(prompt)


def test_texts_and_switches_are_coerced_as_the_ecosystem_does():
    prompt = {
        "1": {"class_type": "Note on links", "inputs": {"source": 3, "toggle": "false", "seed": True}},
        "2": {"class_type": "Text", "inputs": {"value": 5}},
        "3": {"class_type": "Note on links", "inputs": {"source": ["2", 0], "toggle": 0, "seed": 0}},
    }
    validation = check(prompt)
    assert validation.problems == ()
    assert validation.graph.instances["1"].inputs == {"source": 3, "toggle": True, "seed": 1}
    assert validation.graph.instances["2"].inputs == {"value": "5"}
    assert validation.graph.instances["3"].inputs["toggle"] is False


def test_an_unknown_node_is_a_problem_of_the_whole_graph():
    prompt = text_to_image()
    prompt["2"]["class_type"] = "Unheard"
    prompt["9"] = {"class_type": "Other", "inputs": {}}
    validation = check(prompt)
    assert [problem.type for problem in validation.problems] == ["invalid_prompt"] * 2
    assert validation.problems[0].message == "Cannot execute because node Unheard does not exist."
    assert validation.problems[0].details == "Node ID '#2'"
    assert validation.problems[0].type in TOP_LEVEL_TYPES
    assert validation.outputs == ()


def test_no_outputs_is_a_problem_of_the_whole_graph():
    for prompt, targets in (({}, None), (text_to_image(), []), (text_to_image(), ["5", "x"])):
        problem = only(check(prompt, targets))
        assert (problem.type, problem.message) == ("prompt_no_outputs", "Prompt has no outputs")


def test_a_link_to_nothing_is_a_clear_problem():
    problem = only(check(changed("6", samples=["99", 0])))
    assert problem.type == "exception_during_inner_validation"
    assert problem.details == "samples: linked to node '99', which is not in the graph"
    assert problem.extra_info["linked_node"] == ["99", 0]
    assert only(check(changed("7", images=["99", 0]))).type == "exception_during_validation"


@pytest.mark.parametrize("slot", [3, -1])
def test_a_link_to_an_output_that_is_not_there_is_a_clear_problem(slot):
    problem = only(check(changed("6", vae=["1", slot])))
    assert problem.details == f"vae: linked to output {slot} of Load (node 1), which has 3 outputs"


def test_a_cycle_is_a_clear_problem():
    prompt = pictures("a.png")
    prompt["3"] = {"class_type": "Invert", "inputs": {"image": ["4", 0]}}
    prompt["4"] = {"class_type": "Invert", "inputs": {"image": ["3", 0]}}
    prompt["5"] = {"class_type": "Save", "inputs": {"images": ["3", 0], "filename_prefix": ""}}
    validation = check(prompt)
    problem = only(validation)
    assert problem.type == "dependency_cycle"
    assert problem.message == (
        "These nodes wait for each other: Invert (node 3) needs Invert (node 4) needs Invert (node 3)"
    )
    assert problem.extra_info == {"nodes": ["3", "4"]}
    assert validation.outputs == ("2",)
    assert validation.failed == ("5",)


def test_many_cycles_are_reported_in_linear_time():
    prompt = {}
    for index in range(3000):
        for name, other in ((f"a{index}", f"b{index}"), (f"b{index}", f"a{index}")):
            prompt[name] = {"class_type": "Invert", "inputs": {"image": [other, 0]}}
        prompt[f"s{index}"] = {
            "class_type": "Save",
            "inputs": {"images": [f"a{index}", 0], "filename_prefix": ""},
        }
    began = time.process_time()
    validation = check(prompt)
    assert time.process_time() - began < 5
    assert validation.outputs == ()
    assert {problem.type for problem in validation.problems} == {"dependency_cycle"}


def test_a_chain_whose_nodes_all_need_the_first_consumer_is_reported_in_linear_time():
    count = 3000
    prompt = {
        str(index): {
            "class_type": "Batch",
            "inputs": {"images.image0": [str(index + 1), 0], "images.image1": ["0", 0]},
        }
        for index in range(count)
    }
    prompt[str(count)] = {"class_type": "LoadImage", "inputs": {"image": "a.png"}}
    prompt["s"] = {"class_type": "Save", "inputs": {"images": ["0", 0], "filename_prefix": ""}}
    began = time.process_time()
    validation = check(prompt)
    assert time.process_time() - began < 5
    assert validation.outputs == ()


def test_good_outputs_run_though_others_cannot():
    prompt = text_to_image()
    prompt["8"] = {"class_type": "Save", "inputs": {"images": ["9", 0], "filename_prefix": ""}}
    validation = check(prompt)
    assert validation.outputs == ("7",)
    assert validation.failed == ("8",)
    assert validation.dependent_outputs("8") == ("8",)
    assert validation.dependent_outputs("1") == ()


def test_only_the_targets_are_validated():
    prompt = text_to_image()
    prompt["8"] = {"class_type": "Save", "inputs": {}}
    assert check(prompt, ["7"]).problems == ()
    assert check(prompt, ["8"]).failed == ("8",)


def test_what_no_output_needs_is_not_validated():
    prompt = text_to_image()
    prompt["8"] = {"class_type": "Decode", "inputs": {"vae": 3}}
    assert check(prompt).problems == ()


def test_a_link_into_an_input_that_nobody_declared_is_kept_but_not_followed():
    prompt = changed("4", width="128", shade=["8", 0], tint=["99", 0])
    prompt["8"] = {"class_type": "Decode", "inputs": {}}
    validation = check(prompt)
    assert validation.problems == ()
    assert validation.graph.instances["4"].inputs == {
        "width": 128,
        "height": 64,
        "shade": ("8", 0),
        "tint": ("99", 0),
    }


def test_a_growing_input_needs_one_socket_and_checks_all():
    prompt = pictures("a.png")
    prompt["3"] = {"class_type": "Batch", "inputs": {}}
    prompt["2"]["inputs"]["images"] = ["3", 0]
    problem = only(check(prompt))
    assert (problem.details, problem.input_name) == ("image0", "images.image0")
    prompt["3"]["inputs"] = {"images.image0": ["1", 0], "images.image7": ["1", 0]}
    assert check(prompt).problems == ()
    prompt["3"]["inputs"]["images.image8"] = ["1", 1]
    assert only(check(prompt)).input_name == "images.image8"


def test_sockets_that_share_a_type_variable_must_agree():
    prompt = pictures("a.png")
    prompt["3"] = {
        "class_type": "Switch",
        "inputs": {"condition": True, "on_true": ["1", 0], "on_false": ["1", 0]},
    }
    prompt["2"]["inputs"]["images"] = ["3", 0]
    assert check(prompt).problems == ()
    prompt["3"]["inputs"]["on_false"] = ["1", 1]
    assert only(check(prompt)).details == "on_false, received_type(MASK) mismatch input_type(IMAGE)"
    prompt["3"]["inputs"]["on_true"] = ["1", 1]
    assert only(check(prompt)).details == "images, received_type(MASK) mismatch input_type(IMAGE)"


def test_a_union_takes_each_of_its_types():
    prompt = pictures("a.png")
    prompt["3"] = {"class_type": "Both", "inputs": {"value": ["1", 1]}}
    prompt["2"]["inputs"]["images"] = ["3", 0]
    assert check(prompt).problems == ()


def test_a_nodes_own_check_is_asked_where_nodes_are_at_hand():
    def prompt(value):
        return {"1": {"class_type": "Checked", "inputs": {"image": value, "strength": 1}}}

    assert check(prompt("good"), nodes=NODES).problems == ()
    assert check(prompt("bad")).problems == ()
    problem = only(check(prompt("bad"), nodes=NODES))
    assert problem.type == "custom_validation_failed"
    assert problem.details == "image - looks bad"
    problem = only(check(prompt("worse"), nodes=NODES))
    assert problem.type == "exception_during_validation"
    assert problem.details == "cannot look"
    assert problem.extra_info["exception_type"] == "RuntimeError"
    assert check(text_to_image(), nodes=NODES).problems == ()

import copy

import pytest

from executor.graph.parse import parse
from executor.graph.validate import validate
from nodes.api.errors import WorkflowError
from tests.executor.graph.kit import SPECS, list_files, text_to_image
from tests.executor.graph.pages import IMAGE_IN, Page, api, inputs, saved_text_to_image


def test_links_as_objects_are_read_as_well():
    data = saved_text_to_image().data(version=1)
    names = ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")
    data["links"] = [dict(zip(names, link, strict=True)) for link in data["links"]]
    assert parse(data, SPECS) == parse(text_to_image())


def test_what_was_read_survives_the_way_through_the_api_form():
    graph = parse(saved_text_to_image().data(), SPECS)
    assert parse(graph.to_api(), SPECS) == graph


def test_a_missing_word_after_the_seed_does_not_shift_the_others():
    data = saved_text_to_image().data()
    data["nodes"][4]["widgets_values"] = [7, 4, 7.0, "euler", 1.0]
    assert parse(data, SPECS) == parse(text_to_image())
    data["nodes"][4]["widgets_values"] = [7, True, 4, 7.0, "euler", 1.0]
    assert parse(data, SPECS) == parse(text_to_image())


def test_a_switch_after_a_seed_is_not_taken_for_its_control():
    page = Page().add(1, "Note on links", [True, 5, "fixed"], [("source", "*")])
    assert inputs(page, "1") == {"toggle": True, "seed": 5}


def test_values_by_name_are_used_when_they_are_all_there():
    data = saved_text_to_image().data()
    node = data["nodes"][4]
    named = ["steps", "seed", "control_after_generate", "denoise", "cfg", "sampler_name"]
    node["widgets_values"] = [4, 7, "fixed", 1.0, 7.0, "euler"]
    node["widgets_values_named"] = dict.fromkeys(named)
    assert parse(data, SPECS) == parse(text_to_image())
    node["widgets_values"] = dict(zip(named, node["widgets_values"], strict=True)) | {"preview": [1]}
    assert parse(data, SPECS) == parse(text_to_image())


def test_values_that_were_not_saved_start_as_on_the_page():
    page = Page().add(1, "Sample", [9, "fixed", None], []).add(2, "Load").add(3, "Text", [])
    assert inputs(page, "1") == {
        "seed": 9,
        "steps": 20,
        "cfg": 8.0,
        "sampler_name": "euler",
        "denoise": 1.0,
    }
    page.add(4, "Encode", [], [("clip", "CLIP")])
    page.add(5, "Save", ["x", "surplus", {"a": 1}], IMAGE_IN)
    page.link(9, 0, 4, 0)
    assert inputs(page, "2") == {}
    assert inputs(page, "4") == {"text": ""}
    assert inputs(page, "5") == {"filename_prefix": "x"}


def test_a_value_for_an_input_that_is_only_a_socket_is_left_out():
    page = Page().add(1, "Forced", [3, "y"]).add(2, "Forced", ["z"])
    assert inputs(page, "1") == {"number": 3, "label": "y"}
    assert inputs(page, "2") == {"label": "z"}


def test_a_list_value_is_wrapped():
    page = Page().add(1, "Curve", {"points": [[0, 0], [1, 1]]}, [("points", "*")])
    assert inputs(page, "1") == {"points": {"__value__": [[0, 0], [1, 1]]}}


def test_a_link_wins_over_the_widget_it_replaces():
    page = Page()
    page.add(1, "Text", ["from a node"], [], ["STRING"])
    page.add(2, "Encode", ["typed"], [("clip", "CLIP"), ("text", "STRING", True)], ["CONDITIONING"])
    page.link(1, 0, 2, 1)
    assert inputs(page, "2") == {"text": ["1", 0]}


def test_notes_reroutes_and_primitives_are_not_nodes():
    page = Page()
    page.add(1, "LoadImage", ["a.png", "image"], [], ["IMAGE", "MASK"])
    page.add(2, "Reroute", None, [("", "*")], ["*"])
    page.add(3, "Reroute", None, [("", "*")], ["*"])
    page.add(4, "PrimitiveNode", ["name", "fixed"], [], ["STRING"])
    page.add(5, "Save", ["other"], [("images", "IMAGE"), ("filename_prefix", "STRING", True)])
    page.add(6, "Note", ["text"], [], ["*"])
    page.link(1, 0, 2, 0).link(2, 0, 3, 0).link(3, 0, 5, 0).link(4, 0, 5, 1)
    assert api(page) == {
        "1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
        "5": {"class_type": "Save", "inputs": {"images": ["1", 0], "filename_prefix": "name"}},
    }


def test_an_unlinked_reroute_or_an_empty_primitive_gives_nothing():
    page = Page()
    page.add(1, "Reroute", None, [("", "*")], ["*"]).add(2, "PrimitiveNode", None, [], ["STRING"])
    page.add(3, "Note", ["x"], [], ["*"])
    page.add(4, "Save", ["kept"], [("images", "IMAGE"), ("filename_prefix", "STRING", True)])
    page.link(1, 0, 4, 0).link(2, 0, 4, 1)
    assert inputs(page, "4") == {"filename_prefix": "kept"}
    page.link(3, 0, 4, 0)
    assert inputs(page, "4") == {"filename_prefix": "kept"}


def test_a_primitive_with_a_list_is_wrapped():
    page = Page().add(1, "PrimitiveNode", [[1, 2]], [], ["*"]).add(2, "Curve", [], [("points", "*")])
    page.link(1, 0, 2, 0)
    assert inputs(page, "2") == {"points": {"__value__": [1, 2]}}


def test_reroutes_in_a_circle_give_nothing():
    page = Page()
    page.add(1, "Reroute", None, [("", "*")], ["*"]).add(2, "Reroute", None, [("", "*")], ["*"])
    page.add(3, "Save", [], IMAGE_IN)
    page.link(1, 0, 2, 0).link(2, 0, 1, 0).link(1, 0, 3, 0)
    assert inputs(page, "3") == {"filename_prefix": "picture"}


def test_a_long_chain_of_reroutes_is_followed():
    page = Page().add(0, "LoadImage", ["a.png"], [], ["IMAGE"])
    for index in range(1, 5000):
        page.nodes.append({"id": index, "type": "Reroute", "inputs": [{"name": "", "type": "*"}]})
        page.links.append([index, index - 1, 0, index, 0, "*"])
    page.add(5000, "Save", ["x"], IMAGE_IN).link(4999, 0, 5000, 0)
    assert inputs(page, "5000")["images"] == ["0", 0]


def bypassed(mode, kind="Invert", slots=(("image", "IMAGE"),), outputs=("IMAGE",)):
    page = Page()
    page.add(1, "LoadImage", ["a.png"], [], ["IMAGE", "MASK"])
    page.add(2, kind, [], slots, outputs, mode=mode)
    page.add(3, "Save", ["x"], IMAGE_IN)
    return page


def test_a_bypassed_node_passes_its_input_on():
    page = bypassed(4).link(1, 0, 2, 0).link(2, 0, 3, 0)
    assert api(page)["3"]["inputs"]["images"] == ["1", 0]
    assert "2" not in api(page)


def test_a_muted_node_gives_nothing():
    page = bypassed(2).link(1, 0, 2, 0).link(2, 0, 3, 0)
    assert "images" not in inputs(page, "3")


@pytest.mark.parametrize(
    ("slots", "linked", "found"),
    [
        ([("mask", "MASK"), ("image", "IMAGE")], 1, True),
        ([("mask", "MASK"), ("either", "MASK,IMAGE")], 1, True),
        ([("mask", "MASK"), ("either", "*"), ("image", "IMAGE")], 2, True),
        ([("mask", "MASK")], 0, False),
        ([], 0, False),
    ],
)
def test_a_bypassed_node_passes_on_what_fits(slots, linked, found):
    page = bypassed(4, "Unheard", slots).link(1, 0, 2, linked).link(2, 0, 3, 0)
    assert ("images" in inputs(page, "3")) is found


def test_a_bypassed_node_passes_anything_to_a_socket_for_anything():
    page = Page()
    page.add(1, "LoadImage", ["a.png"], [], ["IMAGE", "MASK"])
    page.add(2, "Unheard", [], [("a", "MASK"), ("b", "IMAGE")], ["LATENT"] * 3, mode=4)
    page.add(3, "Curve", [], [("points", "*")])
    page.link(1, 1, 2, 0).link(1, 0, 2, 1)
    assert inputs(copy.deepcopy(page).link(2, 1, 3, 0), "3") == {"points": ["1", 0]}
    assert inputs(copy.deepcopy(page).link(2, 2, 3, 0), "3") == {"points": ["1", 1]}
    page.nodes[1]["inputs"] = []
    assert inputs(page.link(2, 0, 3, 0), "3") == {}


def test_a_link_from_a_node_that_was_deleted_is_dropped():
    page = bypassed(0).link(99, 0, 3, 0)
    assert "images" not in inputs(page, "3")


def test_of_two_links_into_one_input_the_named_one_counts():
    page = bypassed(0).link(2, 0, 3, 0).link(1, 0, 3, 0)
    assert inputs(page, "3")["images"] == ["1", 0]
    page.nodes[2]["inputs"][0]["link"] = 1
    assert inputs(page, "3")["images"] == ["2", 0]
    page.nodes[2]["inputs"][0]["link"] = 77
    assert inputs(page, "3")["images"] == ["2", 0]


def test_an_unknown_node_that_is_linked_stays_for_validation_to_name():
    page = bypassed(0, "Unheard").link(1, 0, 2, 0).link(2, 0, 3, 0).add(4, "Drawn by an extension", [1])
    graph = parse(page.data(), SPECS)
    assert list(graph.instances) == ["1", "2", "3"]
    problems = validate(graph, SPECS, list_files).problems
    assert [problem.message for problem in problems] == [
        "Cannot execute because node Unheard does not exist."
    ]


def test_values_of_an_unknown_node_are_kept_by_name():
    page = bypassed(0, "Unheard").link(2, 0, 3, 0)
    page.nodes[1]["widgets_values"] = [1, "fixed", 2]
    assert inputs(page, "2") == {}
    page.nodes[1]["widgets_values_named"] = {"a": 1, "control_after_generate": "fixed", "b": 2}
    assert inputs(page, "2") == {"a": 1, "b": 2}


def test_an_alias_is_read_with_the_widgets_of_its_node():
    data = saved_text_to_image().data()
    data["nodes"][4]["type"] = "OldSample"
    assert parse(data, SPECS) == parse(text_to_image())


def test_a_group_node_of_the_old_kind_is_refused_with_advice():
    page = Page().add(3, "workflow>Upscale", [])
    with pytest.raises(WorkflowError, match="convert it to a subgraph") as caught:
        api(page)
    assert caught.value.node_id == "3"


@pytest.mark.parametrize("node", [3, {}, {"id": 1}, {"id": 1, "type": 7}, {"type": "Save"}])
def test_a_node_without_id_or_type_is_refused(node):
    with pytest.raises(WorkflowError, match="no id or no type"):
        api({"nodes": [node], "links": []})

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executor.graph.parse import parse
from executor.graph.validate import validate
from nodes.api.errors import WorkflowError
from tests.executor.graph.kit import SPECS, Page, list_files, text_to_image

IMAGE_IN = [("images", "IMAGE")]


def api(page):
    data = page.data() if isinstance(page, Page) else page
    return parse(json.loads(json.dumps(data)), SPECS).to_api()


def inputs(page, node_id):
    return api(page)[node_id]["inputs"]


def saved_text_to_image():
    page = Page()
    page.add(1, "Load", ["small.safetensors"], outputs=["MODEL", "CLIP", "VAE"])
    page.add(2, "Encode", ["a cat"], [("clip", "CLIP")], ["CONDITIONING"])
    page.add(3, "Encode", [""], [("clip", "CLIP")], ["CONDITIONING"])
    page.add(4, "Empty", [64, 64], [], ["LATENT"])
    sockets = ["model", "positive", "negative", "latent_image"]
    types = ["MODEL", "CONDITIONING", "CONDITIONING", "LATENT"]
    values = [7, "randomize", 4, 7.0, "euler", 1.0]
    page.add(5, "Sample", values, list(zip(sockets, types, strict=True)), ["LATENT"], title="Draw")
    page.add(6, "Decode", None, [("samples", "LATENT"), ("vae", "VAE")], ["IMAGE"])
    page.add(7, "Save", ["x"], IMAGE_IN)
    page.add(8, "MarkdownNote", ["hello"])
    for link in [
        (1, 1, 2, 0),
        (1, 1, 3, 0),
        (1, 0, 5, 0),
        (2, 0, 5, 1),
        (3, 0, 5, 2),
        (4, 0, 5, 3),
        (5, 0, 6, 0),
        (1, 2, 6, 1),
        (6, 0, 7, 0),
    ]:
        page.link(*link)
    return page


def test_a_saved_graph_is_the_graph_that_was_sent():
    assert parse(saved_text_to_image().data(), SPECS) == parse(text_to_image())


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


# ---------------------------------------------------------------- subgraphs


def invert_twice():
    """A subgraph: two inverted pictures in a row, and the name of a file that is passed through a widget."""
    inner = Page()
    inner.add(1, "Invert", [], [("image", "IMAGE")], ["IMAGE"])
    inner.add(2, "Invert", [], [("image", "IMAGE")], ["IMAGE"])
    inner.link(-10, 0, 1, 0).link(1, 0, 2, 0).link(2, 0, -20, 0)
    return inner.definition("twice", [("picture", "IMAGE")], [("result", "IMAGE")])


def with_subgraph(definition, instance_inputs, **instance):
    page = Page()
    page.add(10, "LoadImage", ["a.png"], [], ["IMAGE", "MASK"])
    page.add(11, definition["id"], instance.pop("values", None), instance_inputs, ["IMAGE"], **instance)
    page.add(12, "Save", ["x"], IMAGE_IN)
    return page


def test_a_subgraph_is_replaced_by_its_nodes():
    definition = invert_twice()
    page = with_subgraph(definition, [("picture", "IMAGE")]).link(10, 0, 11, 0).link(11, 0, 12, 0)
    data = page.data(definitions={"subgraphs": [definition]})
    assert api(data) == {
        "10": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
        "12": {"class_type": "Save", "inputs": {"filename_prefix": "x", "images": ["11:2", 0]}},
        "11:1": {"class_type": "Invert", "inputs": {"image": ["10", 0]}},
        "11:2": {"class_type": "Invert", "inputs": {"image": ["11:1", 0]}},
    }


def test_instances_of_one_definition_are_separate():
    definition = invert_twice()
    page = with_subgraph(definition, [("picture", "IMAGE")])
    page.add(13, "twice", None, [("picture", "IMAGE")], ["IMAGE"])
    page.link(10, 0, 11, 0).link(11, 0, 13, 0).link(13, 0, 12, 0)
    result = api(page.data(definitions={"subgraphs": [definition]}))
    assert result["12"]["inputs"]["images"] == ["13:2", 0]
    assert result["13:1"]["inputs"]["image"] == ["11:2", 0]


def test_subgraphs_nest_and_definitions_may_be_nested_too():
    inner = invert_twice()
    outer_page = Page()
    outer_page.add(5, "twice", None, [("picture", "IMAGE")], ["IMAGE"])
    outer_page.link(-10, 0, 5, 0).link(5, 0, -20, 0)
    outer = outer_page.definition("outer", [("p", "IMAGE")], [("r", "IMAGE")])
    outer["definitions"] = {"subgraphs": [inner]}
    page = with_subgraph(outer, [("p", "IMAGE")]).link(10, 0, 11, 0).link(11, 0, 12, 0)
    result = api(page.data(definitions={"subgraphs": [outer]}))
    assert sorted(result) == ["10", "11:5:1", "11:5:2", "12"]
    assert result["12"]["inputs"]["images"] == ["11:5:2", 0]
    assert result["11:5:1"]["inputs"]["image"] == ["10", 0]


def test_a_bypassed_subgraph_passes_its_input_on_and_a_muted_one_nothing():
    definition = invert_twice()
    page = with_subgraph(definition, [("picture", "IMAGE")], mode=4).link(10, 0, 11, 0).link(11, 0, 12, 0)
    data = page.data(definitions={"subgraphs": [definition]})
    assert api(data)["12"]["inputs"]["images"] == ["10", 0]
    assert sorted(api(data)) == ["10", "12"]
    page.nodes[1]["mode"] = 2
    assert "images" not in api(data)["12"]["inputs"]


def test_an_unlinked_or_unknown_boundary_gives_nothing():
    definition = invert_twice()
    page = with_subgraph(definition, []).link(11, 1, 12, 0)
    result = api(page.data(definitions={"subgraphs": [definition]}))
    assert result["11:1"]["inputs"] == {}
    assert "images" not in result["12"]["inputs"]


def test_a_subgraph_in_itself_is_refused():
    page = Page().add(1, "loop", None, [], [])
    definition = page.definition("loop")
    with pytest.raises(WorkflowError, match="subgraph loop contains itself"):
        api({"nodes": page.nodes, "links": [], "definitions": {"subgraphs": [definition]}})


def test_subgraphs_that_double_at_every_level_are_refused():
    definitions = [Page().add(1, "Invert").add(2, "Invert").definition("level0")]
    for level in range(1, 40):
        page = Page().add(1, f"level{level - 1}").add(2, f"level{level - 1}")
        definitions.append(page.definition(f"level{level}"))
    data = Page().add(1, "level39").data(definitions={"subgraphs": definitions})
    with pytest.raises(WorkflowError, match="more than 200,000 nodes"):
        api(data)


def test_subgraphs_that_are_nested_too_deep_are_refused():
    definitions = [Page().add(1, "Invert").definition("level0")]
    definitions += [Page().add(1, f"level{n - 1}").definition(f"level{n}") for n in range(1, 60)]
    with pytest.raises(WorkflowError, match="nested more than 50 deep"):
        api(Page().add(1, "level59").data(definitions={"subgraphs": definitions}))


# ---------------------------------------------------------------- promoted widgets


def named_save(second=False):
    """A subgraph with a promoted file name (stored as "inside") and promoted seed (stored as 5)."""
    inner = Page()
    inner.add(1, "Save", ["inside"], [("images", "IMAGE"), ("filename_prefix", "STRING", True)])
    inner.add(2, "Note on links", [False, 5, "fixed"], [("source", "*"), ("seed", "INT", True)])
    inner.link(-10, 0, 1, 0).link(-10, 1, 1, 1).link(-10, 2, 2, 1).link(-10, 1, 2, 0)
    return inner.definition("save", [("images", "IMAGE"), ("name", "STRING"), ("seed", "INT")])


def saved_with(**instance):
    definition = named_save()
    page = Page()
    page.add(9, "LoadImage", ["a.png"], [], ["IMAGE"])
    page.add(10, "save", instance.pop("values", None), [("images", "IMAGE")], [], **instance)
    page.link(9, 0, 10, 0)
    result = api(page.data(definitions={"subgraphs": [definition]}))
    return result["10:1"]["inputs"], result["10:2"]["inputs"]


@pytest.mark.parametrize(
    ("instance", "name", "seed"),
    [
        ({}, "inside", 5),
        ({"values": []}, "inside", 5),
        ({"values": ["outside", 6]}, "outside", 6),
        ({"values": ["outside"]}, "outside", 5),
        ({"values": [None, 6]}, "inside", 6),
        ({"values": {"name": "outside"}}, "outside", 5),
        (
            {"values": [], "properties": {"proxyWidgets": [["1", "filename_prefix"], ["2", "seed"]]}},
            "inside",
            5,
        ),
        (
            {
                "values": [None, "outside", 9],
                "properties": {"proxyWidgets": [["2", "seed"], ["-1", "name"], ["-1", "seed"], ["x"]]},
            },
            "outside",
            9,
        ),
        (
            {
                "properties": {
                    "proxyWidgetErrorQuarantine": [
                        {"originalEntry": ["-1", "seed"], "hostValue": 8},
                        {"originalEntry": ["1", "filename_prefix"], "hostValue": "no"},
                        {"originalEntry": []},
                        3,
                    ]
                }
            },
            "inside",
            8,
        ),
        ({"properties": 3, "values": 4}, "inside", 5),
    ],
)
def test_a_promoted_value_comes_from_the_instance_or_else_from_inside(instance, name, seed):
    save, note = saved_with(**instance)
    assert save == {"images": ["9", 0], "filename_prefix": name}
    assert note == {"source": name, "toggle": False, "seed": seed}


def test_a_link_to_a_promoted_widget_wins():
    definition = named_save()
    page = Page().add(1, "Text", ["linked"], [], ["STRING"])
    page.add(2, "save", ["outside", 6], [("name", "STRING", True)]).link(1, 0, 2, 0)
    result = api(page.data(definitions={"subgraphs": [definition]}))
    assert result["2:1"]["inputs"]["filename_prefix"] == ["1", 0]
    assert result["2:2"]["inputs"]["seed"] == 6


def test_a_value_promoted_through_two_levels_is_found():
    inner = named_save()
    middle_page = Page()
    slots = [("images", "IMAGE"), ("name", "STRING", True), ("seed", "INT", True)]
    middle_page.add(4, "save", None, slots)
    middle_page.link(-10, 0, 4, 0).link(-10, 1, 4, 1)
    middle = middle_page.definition("middle", [("pictures", "IMAGE"), ("title", "STRING")])

    def result(values):
        page = Page().add(7, "middle", values)
        return api(page.data(definitions={"subgraphs": [inner, middle]}))["7:4:1"]["inputs"]

    assert result(None) == {"filename_prefix": "inside"}
    assert result(["top"]) == {"filename_prefix": "top"}
    middle_page.nodes[0]["widgets_values"] = ["between"]
    assert result(None) == {"filename_prefix": "between"}


def test_a_broken_promotion_gives_nothing():
    inner = named_save()
    inner["inputs"][1]["name"] = "renamed"
    middle_page = Page().add(4, "save", None, [("name", "STRING", True)])
    middle_page.link(-10, 0, 4, 0)
    middle = middle_page.definition("middle", [("title", "STRING")])
    middle["links"].append({"id": 9, "origin_id": -10, "origin_slot": 0, "target_id": 4, "target_slot": 5})
    data = Page().add(7, "middle", ["x"]).data(definitions={"subgraphs": [inner, middle]})
    assert api(data)["7:4:1"]["inputs"] == {"filename_prefix": "inside"}


# ---------------------------------------------------------------- anything at all

anything = st.recursive(
    st.none() | st.booleans() | st.integers(-20, 20) | st.floats() | st.sampled_from(["1", "-10", "*", "x"]),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.sampled_from(["id", "type", "inputs", "links", "nodes", "name", "widget", "mode", "linkIds"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


def places(data, path=()):
    yield path
    entries = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in entries:
        yield from places(value, (*path, key))


@st.composite
def damaged(draw):
    """A good saved graph with a few values replaced by anything."""
    page = saved_text_to_image()
    page.add(20, "save", ["outside"], [("images", "IMAGE")]).link(6, 0, 20, 0)
    page.add(21, "twice", None, [("picture", "IMAGE")], ["IMAGE"], mode=4).link(6, 0, 21, 0)
    data = page.data(definitions={"subgraphs": [named_save(), invert_twice()]})
    data = json.loads(json.dumps(data))
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from(list(places(data))[1:]))
        holder = data
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = draw(anything)
    return data


@given(damaged())
def test_a_damaged_file_is_read_or_refused_with_a_sentence(data):
    try:
        graph = parse(data, SPECS)
    except WorkflowError:
        return
    assert parse(graph.to_api(), SPECS) == graph or "nan" in repr(graph)
    validate(graph, SPECS, list_files)


def test_parts_that_make_no_sense_are_passed_over():
    inner = invert_twice()
    inner["inputs"][0]["linkIds"] = 7
    inner["links"] += [{"id": 8, "origin_id": -10, "origin_slot": 3, "target_id": 1, "target_slot": 9}]
    page = with_subgraph(inner, []).link(11, 0, 12, 0)
    page.links += [3, [1, 2], {"id": 4}, [5, 10, "0", 12, 0, "*"]]
    data = page.data(definitions={"subgraphs": [inner, 3, {"id": "x"}, {"nodes": []}]})
    data["definitions"]["subgraphs"][0]["definitions"] = {"subgraphs": "none"}
    page.nodes[1]["widgets_values"] = ["for nothing"]
    assert inputs(data, "12")["images"] == ["11:2", 0]

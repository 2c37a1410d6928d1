import pytest

from executor.graph.editor import convert
from nodes.api.errors import WorkflowError
from tests.executor.graph.kit import SPECS
from tests.executor.graph.pages import Page, api, invert_twice, named_save, with_subgraph


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


def test_an_unknown_type_that_only_boundaries_are_linked_to_is_not_taken_for_a_label():
    inside = Page().add(1, "Strange", None, [("image", "IMAGE")], ["IMAGE"]).add(2, "Label")
    inside.link(-10, 0, 1, 0).link(1, 0, -20, 0)
    definition = inside.definition("inside", [("picture", "IMAGE")], [("IMAGE", "IMAGE")])
    page = with_subgraph(definition, [("picture", "IMAGE")]).link(10, 0, 11, 0).link(11, 0, 12, 0)
    result = convert(page.data(definitions={"subgraphs": [definition]}), SPECS)
    assert sorted(result) == ["10", "11:1", "12"]
    assert result["12"]["inputs"]["images"] == ["11:1", 0]


def test_of_two_links_into_an_output_the_first_counts_that_the_output_names():
    inside = Page().add(1, "Invert", None, [("image", "IMAGE")], ["IMAGE"])
    inside.add(2, "Invert", None, [("image", "IMAGE")], ["IMAGE"])
    inside.link(-10, 0, 1, 0).link(-10, 0, 2, 0).link(1, 0, -20, 0).link(2, 0, -20, 0)
    definition = inside.definition("inside", [("picture", "IMAGE")], [("IMAGE", "IMAGE")])
    page = with_subgraph(definition, [("picture", "IMAGE")]).link(10, 0, 11, 0).link(11, 0, 12, 0)
    for named, source in (([4, 3], "11:2"), ([3, 4], "11:1"), ([], "11:1")):
        definition["outputs"][0]["linkIds"] = named
        result = api(page.data(definitions={"subgraphs": [definition]}))
        assert result["12"]["inputs"]["images"] == [source, 0]


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

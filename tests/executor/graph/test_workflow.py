import pytest

from executor.graph.parse import parse
from executor.graph.types import is_compatible
from executor.graph.workflow import CycleError, Graph, Instance, Link
from nodes.api.errors import WorkflowError
from tests.executor.graph.kit import text_to_image


def ring(length, prefix="n"):
    return {
        f"{prefix}{i}": Instance(f"{prefix}{i}", "Invert", {"image": Link(f"{prefix}{(i + 1) % length}", 0)})
        for i in range(length)
    }


def test_order_has_producers_first():
    graph = parse(text_to_image())
    order = graph.ancestors(graph.instances)
    assert sorted(order) == sorted(graph.instances)
    place = {node_id: index for index, node_id in enumerate(order)}
    for node_id, instance in graph.instances.items():
        assert all(place[link.node] < place[node_id] for _, link in instance.links())


def test_ancestors_leave_out_what_is_not_needed():
    graph = parse(text_to_image())
    assert graph.ancestors(["2", "2"]) == ["1", "2"]


def test_a_long_chain_has_an_order():
    instances = {"0": Instance("0", "X")}
    for index in range(1, 50_000):
        instances[str(index)] = Instance(str(index), "X", {"a": Link(str(index - 1), 0)})
    graph = Graph(dict(reversed(instances.items())))
    assert graph.ancestors(graph.instances) == list(instances)


def test_a_cycle_is_named_in_a_sentence():
    graph = Graph({**ring(2), "x": Instance("x", "Save", {"images": Link("n0", 0)}, "Keep")})
    with pytest.raises(CycleError) as caught:
        graph.ancestors(graph.instances)
    text = "These nodes wait for each other: Invert (node n0) needs Invert (node n1) needs Invert (node n0)"
    assert str(caught.value) == text
    assert caught.value.nodes == ("n0", "n1")
    assert caught.value.details == "n0 -> n1 -> n0"


def test_a_long_cycle_is_named_by_its_ends():
    with pytest.raises(CycleError) as caught:
        Graph(ring(30)).ancestors(["n0"])
    assert "... 24 more ..." in str(caught.value)
    assert caught.value.details == "30 nodes"


def test_a_node_that_needs_itself_is_a_cycle():
    with pytest.raises(CycleError, match=r"Invert \(node n0\) needs Invert \(node n0\)"):
        Graph(ring(1)).ancestors(["n0"])


def test_links_to_nothing_are_passed_over():
    graph = Graph({"a": Instance("a", "X", {"image": Link("gone", 0)})})
    assert graph.ancestors(graph.instances) == ["a"]


def test_a_value_can_be_replaced_in_a_copy():
    graph = parse(text_to_image())
    changed = graph.with_value("5", "seed", 8)
    assert changed.instances["5"].inputs["seed"] == 8
    assert graph.instances["5"].inputs["seed"] == 7
    assert list(changed.instances) == list(graph.instances)


def test_replacing_a_value_of_an_unknown_node_names_those_there_are():
    with pytest.raises(WorkflowError, match="no node 99; the graph has 1, 2, 3"):
        parse(text_to_image()).with_value("99", "seed", 8)
    with pytest.raises(WorkflowError, match="and 20 more"):
        Graph(ring(30)).with_value("99", "seed", 8)


def test_consumers_are_listed_by_input():
    consumers = parse(text_to_image()).consumers()
    assert consumers["1"] == [("2", "clip"), ("3", "clip"), ("5", "model"), ("6", "vae")]
    assert consumers["7"] == []
    assert Graph({"a": Instance("a", "X", {"i": Link("gone", 0)})}).consumers() == {"a": []}


def test_a_label_has_the_title_where_it_says_more():
    assert Instance("1", "Save", {}, "Save").label == "Save (node 1)"
    assert Instance("1", "Save", {}, "Keep").label == "Save 'Keep' (node 1)"


@pytest.mark.parametrize(
    ("received", "wanted", "fits"),
    [
        ("IMAGE", "IMAGE", True),
        ("image", "IMAGE", True),
        ("IMAGE", "MASK", False),
        ("IMAGE", "MASK, IMAGE", True),
        ("IMAGE,MASK", "LATENT,mask", True),
        ("*", "IMAGE", True),
        ("IMAGE", "*", True),
        ("IMAGE", "MASK,*", True),
        ("", "IMAGE", True),
        ("INT", "FLOAT", False),
    ],
)
def test_types_fit_by_name_union_or_star(received, wanted, fits):
    assert is_compatible(received, wanted) is fits

import json

from hypothesis import given
from hypothesis import strategies as st

from executor.graph.parse import parse
from executor.graph.validate import validate
from nodes.api.errors import WorkflowError
from tests.executor.graph.kit import SPECS, list_files
from tests.executor.graph.pages import inputs, invert_twice, named_save, saved_text_to_image, with_subgraph

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

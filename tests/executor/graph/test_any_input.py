from hypothesis import given, settings
from hypothesis import strategies as st

from executor.graph.inputs import without_strangers
from executor.graph.parse import parse
from executor.graph.validate import validate
from nodes.api.errors import WorkflowError
from tests.executor.graph.kit import NODES, SPECS, list_files

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
links = st.tuples(st.sampled_from(["1", "2", "3", "9"]), st.integers(-1, 3)).map(list)


@st.composite
def any_prompts(draw):
    """Graphs whose nodes exist but whose inputs are anything."""
    prompt = {}
    for node_id in ("1", "2", "3"):
        kind = draw(st.sampled_from(sorted(SPECS)))
        names = [entry.name for entry in SPECS[kind].inputs] + ["images.image0"]
        inputs = draw(st.dictionaries(st.sampled_from(names), json_values | links))
        prompt[node_id] = {"class_type": kind, "inputs": inputs}
    return prompt


@given(any_prompts())
@settings(deadline=None)
def test_validation_is_total_and_what_it_passes_is_good(prompt):
    graph = parse(prompt)
    first = validate(graph, SPECS, list_files, nodes=NODES)
    assert graph == parse(prompt) or "nan" in repr(prompt)
    assert set(first.outputs).isdisjoint(first.failed)
    assert bool(first.failed) <= bool(first.problems)
    if first.outputs:
        again = validate(first.graph, SPECS, list_files, first.outputs, nodes=NODES)
        assert again.problems == ()
        without_strangers(first.graph, SPECS.get).ancestors(first.outputs)


@given(json_values)
@settings(deadline=None)
def test_any_json_value_can_be_checked(value):
    try:
        graph = parse(value, SPECS)
    except WorkflowError:
        return
    validate(graph, SPECS, list_files)

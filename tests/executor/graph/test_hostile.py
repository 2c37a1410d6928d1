from executor.graph import validate as judging
from executor.graph.inputs import without_strangers
from executor.graph.parse import parse
from executor.graph.validate import validate
from tests.executor.graph.kit import NODES, SPECS, list_files, text_to_image


def graph_of(count):
    """A good graph, and others beside it that lack everything."""
    prompt = text_to_image()
    for index in range(count):
        prompt[f"bad{index}"] = {"class_type": "Save", "inputs": {}}
        prompt[f"worse{index}"] = {"class_type": "Sample", "inputs": {"steps": "many"}}
        prompt[f"behind{index}"] = {"class_type": "Save", "inputs": {"images": [f"worse{index}", 0]}}
    return parse(prompt)


def test_of_many_problems_some_are_told_and_all_count(monkeypatch):
    monkeypatch.setattr(judging, "MOST_PROBLEMS", 7)
    for nodes in (None, NODES):
        validation = validate(graph_of(20), SPECS, list_files, nodes=nodes)
        assert len(validation.problems) == 7
        assert validation.outputs == ("7",)
        assert len(validation.failed) == 40


def test_of_many_unknown_nodes_some_are_told(monkeypatch):
    monkeypatch.setattr(judging, "MOST_PROBLEMS", 2)
    unknown = {f"u{index}": {"class_type": "Nobody", "inputs": {}} for index in range(5)}
    validation = validate(parse(text_to_image() | unknown), SPECS, list_files)
    assert [problem.node_id for problem in validation.problems] == ["u0", "u1"]


def test_links_that_nobody_declared_are_left_away_and_all_else_stays():
    prompt = text_to_image()
    before = dict(prompt["7"]["inputs"])
    prompt["7"]["inputs"].update({f"more{index}": ["1", 0] for index in range(100)}, note="a value")
    graph = without_strangers(parse(prompt), SPECS.get)
    assert set(graph.instances["7"].inputs) == {*before, "note"}

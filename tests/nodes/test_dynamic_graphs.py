"""Nodes whose inputs depend on what is filled in, through the real parser, validator and engine."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from executor.graph.parse import parse
from executor.graph.validate import validate
from executor.run.cache import Many, ResultCache
from executor.run.context import context_maker
from executor.run.engine import Engine, RunRequest
from executor.run.events import NodeFailed
from loaders.folders import Folders
from nodes.api.catalogue import object_info
from nodes.builtin import load_builtin
from tests.nodes.conftest import borrowed

NODES = load_builtin()
SPECS = {name: node.spec for name, node in NODES.items()}


class Bench:
    """An engine, and the values that the last graph made."""

    def __init__(self, engine: Engine, folders: Folders) -> None:
        self.engine = engine
        self.folders = folders

    def check(self, prompt: dict[str, Any]) -> Any:
        graph = parse(prompt, SPECS)
        return validate(graph, SPECS, self.folders.names, has_file=lambda folder, name: False, nodes=NODES)

    def run(self, prompt: dict[str, Any], *looked_at: str) -> tuple[dict[str, tuple[Any, ...]], list[str]]:
        checked = self.check(prompt)
        assert checked.problems == ()
        values: dict[str, tuple[Any, ...]] = {}
        events: list[Any] = []
        request = RunRequest("job", checked.graph, (*checked.outputs, *looked_at), None, prompt)
        finished = self.engine.complete(request, events.append, values.__setitem__)
        assert [event.message for event in events if isinstance(event, NodeFailed)] == []
        return values, list(finished.executed)


@pytest.fixture
def bench(folders: Folders) -> Iterator[Bench]:
    maker = context_maker(folders, borrowed)
    with Engine(NODES, ResultCache(), maker, stat=folders.stamp) as engine:
        yield Bench(engine, folders)


def node(type_name: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": type_name, "inputs": inputs}


def number(value: float) -> dict[str, Any]:
    return node("PrimitiveFloat", value=value)


def test_a_formula_takes_the_sockets_that_are_linked(bench: Bench) -> None:
    graph = {
        "a": node("PrimitiveInt", value=5),
        "c": number(2.5),
        "m": {
            "class_type": "ComfyMathExpression",
            "inputs": {"expression": "a * c + values[1]", "values.a": ["a", 0], "values.c": ["c", 0]},
        },
        "show": node("PreviewAny", source=["m", 1]),
    }
    values, _ = bench.run(graph, "m")
    assert values["m"] == (15.0, 15, True)


def test_a_size_follows_a_linked_picture_and_what_is_not_chosen_is_not_computed(bench: Bench) -> None:
    inputs = {"input": ["mask", 0], "scale_method": "area", "resize_type.match": ["big", 0]}
    graph = {
        "mask": node("SolidMask", value=0.5, width=8, height=8),
        "big": node("EmptyImage", width=32, height=16, batch_size=1, color=0),
        "r": node(
            "ResizeImageMaskNode", resize_type="match size", **inputs, **{"resize_type.crop": "disabled"}
        ),
        "show": node("MaskPreview", mask=["r", 0]),
    }
    values, executed = bench.run(graph, "r")
    assert values["r"][0].shape == (1, 16, 32)
    assert "big" in executed
    graph["r"] = node("ResizeImageMaskNode", resize_type="scale width", **inputs, **{"resize_type.width": 4})
    values, executed = bench.run(graph, "r")
    assert values["r"][0].shape == (1, 4, 4)
    assert "big" not in executed


def test_what_a_choice_brings_is_checked(bench: Bench) -> None:
    graph = {
        "image": node("EmptyImage", width=8, height=8, batch_size=1, color=0),
        "r": node("ResizeImageMaskNode", input=["image", 0], resize_type="scale width", scale_method="area"),
        "show": node("PreviewImage", images=["r", 0]),
    }
    (problem,) = bench.check(graph).problems
    assert (problem.type, problem.input_name) == ("required_input_missing", "resize_type.width")
    graph["r"]["inputs"]["resize_type.width"] = 99999
    (problem,) = bench.check(graph).problems
    assert problem.type == "value_bigger_than_max"
    graph["r"]["inputs"]["resize_type.width"] = 8
    graph["show"] = node("MaskPreview", mask=["r", 0])
    (problem,) = bench.check(graph).problems
    assert (problem.type, problem.node_id) == ("return_type_mismatch", "show")


def test_lists_are_made_regrouped_and_picked_from(bench: Bench) -> None:
    graph = {
        "one": node("EmptyImage", width=8, height=8, batch_size=3, color=0xFF0000),
        "two": node("EmptyImage", width=8, height=8, batch_size=1, color=0x00FF00),
        "list": node("CreateList", **{"inputs.input1": ["two", 0], "inputs.input0": ["one", 0]}),
        "again": node("RebatchImages", images=["list", 0], batch_size=2),
        "last": node("GetItemFromList", list=["again", 0], index=-1),
        "show": node("PreviewImage", images=["last", 0]),
    }
    values, _ = bench.run(graph, "again", "last")
    assert isinstance(values["again"][0], Many)
    assert [entry.shape[0] for entry in values["again"][0].values] == [2, 2]
    assert values["last"][0][:, 0, 0].tolist() == [[1, 0, 0], [0, 1, 0]]


def test_a_soft_switch_computes_only_what_it_passes(bench: Bench) -> None:
    graph = {
        "yes": number(1.0),
        "no": number(0.0),
        "s": node("ComfySoftSwitchNode", switch=True, on_false=["no", 0], on_true=["yes", 0]),
        "show": node("PreviewAny", source=["s", 0]),
    }
    values, executed = bench.run(graph, "s")
    assert (values["s"], "no" in executed) == ((1.0,), False)
    del graph["s"]["inputs"]["on_true"]
    values, executed = bench.run(graph, "s")
    assert (values["s"], "no" in executed) == ((0.0,), True)


def test_any_word_fits_a_combo_of_ones_own(bench: Bench) -> None:
    inputs = {"choice": "mine", "index": 1, "option1": "theirs", "option2": "mine", "option3": ""}
    graph = {"c": node("CustomCombo", **inputs), "show": node("PreviewAny", source=["c", 0])}
    values, _ = bench.run(graph, "c")
    assert values["c"] == ("mine", 1)


def test_what_only_newer_workflows_link_is_passed_on(bench: Bench) -> None:
    graph = {
        "p": node("EmptyImage", width=16, height=16, batch_size=1, color=255),
        "save": node("SaveImage", images=["p", 0], filename_prefix="a"),
        "show": node("PreviewImage", images=["save", 0]),
        "c": node("CustomCombo", choice="theirs", index=4),
        "text": node("PreviewAny", source=["c", 1]),
        "join": node("StringConcatenate", string_a=["text", 0], string_b="!", delimiter=""),
    }
    values, _ = bench.run(graph, "join", "show")
    assert values["join"] == ("4!",)
    assert values["show"][0] is values["save"][0]
    for name, known in (("SaveImage", []), ("CustomCombo", ["STRING"]), ("PreviewAny", [])):
        info = object_info(SPECS[name], lambda folder: [])
        assert info["output"] == known
        assert len(info["more"]["output"]) == 1
    guidance = object_info(SPECS["CFGNorm"], lambda folder: [])
    assert list(guidance["input"]) == ["required"]
    assert list(guidance["more"]["input"]["optional"]) == ["pre_cfg"]


def test_a_saved_workflow_with_values_by_position_runs(bench: Bench) -> None:
    workflow = {
        "version": 0.4,
        "nodes": [
            {"id": 1, "type": "EmptyImage", "inputs": [], "outputs": [{"name": "IMAGE", "links": [1]}],
             "widgets_values": [64, 32, 1, 0]},
            {"id": 2, "type": "ResizeImageMaskNode", "inputs": [{"name": "input", "link": 1}],
             "outputs": [{"name": "resized", "links": [2]}],
             "widgets_values": ["scale longer dimension", 16, "lanczos"]},
            {"id": 3, "type": "SaveImageAdvanced", "inputs": [{"name": "images", "link": 2}], "outputs": [],
             "widgets_values": ["deep", "png", "16-bit", "sRGB"]},
        ],
        "links": [[1, 1, 0, 2, 0, "IMAGE"], [2, 2, 0, 3, 0, "IMAGE"]],
    }  # fmt: skip
    values, _ = bench.run(workflow, "2")
    assert torch.equal(values["2"][0], torch.zeros(1, 8, 16, 3))
    assert [path.name for path in bench.folders.place("output").iterdir()] == ["deep_00001_.png"]


def test_of_many_branches_only_the_named_one_is_computed(bench: Bench) -> None:
    prompt = {
        "a": number(1.0),
        "b": number(2.0),
        "1": node(
            "BranchNode",
            **{"autogrow.branch0": ["a", 0], "autogrow.branch1": ["b", 0]},
            branch="big",
            branch_names={"__value__": ["small", "big"]},
        ),
        "2": node("PreviewAny", source=["1", 0]),
    }
    values, executed = bench.run(prompt, "1")
    assert values["1"] == (2.0,)
    assert "a" not in executed

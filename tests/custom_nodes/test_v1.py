"""V1 classes: what the page is told, and every feature through the real engine."""

import pytest
import torch

from custom_nodes.v1.values import conditioning_from_list, conditioning_to_list, from_pack, to_pack
from executor.run.events import NodeBlocked, NodeFailed, NodeProgress
from nodes.api.catalogue import object_info
from nodes.api.spec import NodeSpec
from schedulers.conditioning import CellArea, Entry, FractionArea
from schedulers.latent import LatentBatch


def node(kind, **inputs):
    return {"class_type": kind, "inputs": inputs}


def problems(validation):
    return [(problem.type, problem.node_id, problem.details) for problem in validation.problems]


def test_the_page_is_told_exactly_what_the_class_says(packs, folders):
    spec = packs.nodes["V1Everything"].spec
    assert NodeSpec.from_json(spec.to_json()) == spec
    number = {"default": 1, "min": 0, "max": 9, "step": 2, "tooltip": "how many"}
    assert object_info(spec, folders.names) == {
        "input": {
            "required": {
                "count": ["INT", number],
                "colour": [["red", "green"], {"default": "red"}],
                "word": ["STRING", {"multiline": False, "own_key": {"deep": [1, 2]}}],
            },
            "optional": {"flag": ["BOOLEAN"], "image": ["IMAGE,MASK", {"forceInput": True}]},
            "hidden": {"prompt": "PROMPT", "info": "EXTRA_PNGINFO", "me": "UNIQUE_ID", "free": ["*"]},
        },
        "input_order": {
            "required": ["count", "colour", "word"],
            "optional": ["flag", "image"],
            "hidden": ["prompt", "info", "me", "free"],
        },
        "output": ["STRING", ["red", "green"], "INT"],
        "output_is_list": [False, False, True],
        "output_name": ["text", "colour", "count"],
        "output_tooltips": ["all of it", None, None],
        "name": "V1Everything",
        "display_name": "Everything of V1",
        "description": "Gives back what it gets.",
        "python_module": "custom_nodes.v1_features",
        "category": "tests/v1",
        "output_node": False,
        "deprecated": True,
        "experimental": True,
        "search_aliases": ["all"],
    }


def test_a_plain_class_says_no_more_than_it_must(packs, folders):
    info = object_info(packs.nodes["V1Number"].spec, folders.names)
    assert info["display_name"] == "V1Number"
    assert info["category"] == "sd"
    assert info["output_name"] == ["INT"]
    assert info["output_is_list"] == [False]
    assert not {"deprecated", "experimental", "api_node", "output_tooltips"} & set(info)


def test_inputs_hidden_values_and_outputs_arrive(bench):
    graph = {
        "1": node("V1Everything", count=2, colour="green", word="hello", free=7),
        "2": node("V1Shows", value=["1", 2]),
    }
    outputs = bench.run(graph, "1", "2")
    assert outputs["1"][0] == "2 green hello True 1 7 ['1', '2'] {'workflow': {'id': 1}}"
    assert outputs["1"][1] == "green"
    assert bench.finished.outputs["2"]["text"] == ("0", "1")


@pytest.mark.parametrize(
    ("kind", "inputs", "text"),
    [
        ("V1Added", {}, "1.0 0.5 2 None"),
        ("V1Added", {"scale": 0.25, "own": 3}, "1.0 0.25 3 None"),
        ("V1AddedToLists", {}, "[1.0] [0.5] 2 None"),
        ("V3Added", {}, "0.5 2"),
        ("V3Added", {"scale": 1.0}, "1.0 2"),
    ],
)
def test_a_graph_from_before_an_optional_input_was_added_still_runs(bench, kind, inputs, text):
    inputs = inputs if kind == "V3Added" else {"value": 1.0, **inputs}
    assert bench.run({"1": node(kind, **inputs)}, "1")["1"] == (text,)


def test_progress_bars_report(bench):
    bench.run({"1": node("V1Shows", value="x")}, "1")
    steps = [(event.value, event.total) for event in bench.events if isinstance(event, NodeProgress)]
    assert steps == [(1, 2), (2, 2)]


def test_lists_are_mapped_over_or_taken_whole(bench):
    graph = {
        "1": node("V1Numbers", count=3),
        "2": node("V1Number", value=["1", 0]),
        "3": node("V1Sum", numbers=["2", 0], plus=10),
    }
    assert bench.run(graph, "3")["3"] == (13,)


@pytest.mark.parametrize("kind", ["V1Pick", "V1AsyncPick"])
@pytest.mark.parametrize(("first", "value"), [(True, 1), (False, 2)])
def test_only_the_lazy_input_that_is_wanted_is_computed(bench, first, value, kind):
    graph = {
        "1": node("V1Number", value=1),
        "2": node("V1Number", value=2),
        "3": node(kind, first=first, a=["1", 0], b=["2", 0]),
    }
    assert bench.run(graph, "3")["3"] == (value,)
    assert set(bench.finished.executed) == {"3", str(value)}


@pytest.mark.parametrize("kind", ["V1NeverAsked", "V1AsyncNeverAsked"])
def test_a_class_that_never_says_which_lazy_inputs_it_wants_gets_all(bench, kind):
    graph = {"1": node("V1Number", value=1), "2": node(kind, a=["1", 0]), "3": node(kind, a=["2", 0])}
    assert bench.run(graph, "3")["3"] == (3,)


def test_a_class_that_works_on_lists_gets_hidden_values_in_lists_and_its_id_when_it_is_fingerprinted(bench):
    graph = {"7": node("V1KnowsItself", value=4)}
    assert bench.run(graph, "7")["7"] == ("[4] ['7'] 1 ['7']",)
    assert bench.engine._parts.nodes["V1KnowsItself"].function.__self__.cls.asked == [([4], ["7"], [{}])]
    bench.run(graph, "7")
    assert bench.finished.cached == ("7",)


def test_what_is_linked_to_a_blocked_output_does_not_run(bench):
    graph = {
        "1": node("V1Block", value=1, blocked=True, reason=""),
        "2": node("V1Number", value=["1", 0]),
        "3": node("V1Shows", value=["2", 0]),
        "4": node("V1Shows", value="free"),
    }
    bench.run(graph, "3", "4")
    assert bench.finished.status == "succeeded"
    assert set(bench.finished.outputs) == {"4"}


def test_single_items_of_a_list_may_be_held_back_with_a_reason(bench):
    graph = {
        "1": node("V1BlockSome", count=4, reason="odd"),
        "2": node("V1Number", value=["1", 0]),
        "3": node("V1Shows", value=["2", 0]),
    }
    bench.run(graph, "3")
    assert bench.finished.status == "succeeded", bench.events
    assert bench.finished.outputs["3"]["text"] == ("0", "2")
    assert [event.message for event in bench.events if isinstance(event, NodeBlocked)] == ["odd"]


def test_a_node_sees_the_graph_it_is_in_and_the_link_itself(bench):
    graph = {"1": node("V1Number", value=1), "2": node("V1Looks", after=["1", 0])}
    assert bench.run(graph, "2")["2"] == ("V1Looks ['1', '2'] ('2', None, '2') ['1', 0]",)
    expected = "V1Looks ['1', '1.0.0.looks'] ('1', '1', '1') None"
    assert bench.run({"1": node("V1ExpandLooks")}, "1")["1"] == (expected,)


def test_a_node_can_be_replaced_by_a_graph_of_nodes(bench):
    outputs = bench.run({"1": node("V1Expand", value=5, times=3)}, "1")
    assert bench.finished.status == "succeeded", bench.events
    assert outputs["1"] == (8, "expanded")


def test_tensors_may_stand_in_an_added_graph(bench):
    outputs = bench.run({"1": node("V1ExpandRaw")}, "1")
    assert bench.finished.status == "succeeded", bench.events
    assert outputs["1"][0].samples.shape == (3, 4, 2, 2)


def test_coroutines_are_awaited(bench):
    graph = {"1": node("V1Slow", value=4), "2": node("V1Number", value=["1", 0])}
    assert bench.run(graph, "2")["2"] == (8,)


def test_a_latent_goes_through_packs_and_keeps_what_they_hang_on_it(bench):
    graph = {
        "1": node("EmptyLatentImage", width=64, height=64, batch_size=1),
        "2": node("V1MarkLatent", latent=["1", 0]),
        "3": node("RepeatLatentBatch", samples=["2", 0], amount=2),
        "4": node("V1MarkLatent", latent=["3", 0]),
    }
    result = bench.run(graph, "4")["4"][0]
    assert isinstance(result, LatentBatch)
    assert result.samples.shape == (2, 4, 8, 8)
    assert float(result.samples.mean()) == 2.0
    assert result.extra["mark"] == 2


def test_packs_call_our_nodes_and_send_messages(bench, sent):
    outputs = bench.run({"1": node("V1CallsBuiltin", width=128)}, "1")
    assert bench.finished.status == "succeeded", bench.events
    assert outputs["1"][0].samples.shape == (2, 4, 8, 16)
    assert ("tests.hello", {"width": 128}, None) in sent


def test_an_object_stays_with_its_node_and_equal_nodes_both_run(bench):
    graph = {"1": node("V1Remembers", salt=1), "2": node("V1Remembers", salt=1)}
    assert bench.run(graph, "1", "2") == {"1": (1,), "2": (1,)}
    assert sorted(bench.finished.executed) == ["1", "2"]
    graph["1"]["inputs"]["salt"] = 2
    assert bench.run(graph, "1")["1"] == (2,)


def test_is_changed_decides_whether_a_node_runs_again(bench):
    for always, runs_again in ((True, True), (False, False)):
        graph = {"1": node("V1Changing", always=always)}
        bench.run(graph, "1")
        bench.run(graph, "1")
        assert ("1" in bench.finished.executed) is runs_again


def test_undeclared_links_arrive_by_name_and_undeclared_values_do_not(bench):
    graph = {
        "1": node("V1Number", value=3),
        "2": node("V1TakesAnything", thing=["1", 0], more=["1", 0], dropped=5),
    }
    assert bench.check({**graph, "3": node("V1Shows", value=["2", 0])}).problems == ()
    assert bench.run(graph, "2")["2"] == ({"thing": 3, "more": 3},)


def test_a_section_that_holds_any_name_gets_values_of_any_name(bench):
    graph = {"1": node("V1Number", value=3), "2": node("V1TakesMore", b=["1", 0], a="word")}
    assert bench.run(graph, "2")["2"] == ("a=word b=3",)


def test_a_type_that_is_unequal_to_nothing_fits_everywhere(bench):
    graph = {
        "1": node("V1TakesAnything", thing=1),
        "2": node("EmptyLatentImage", width=64, height=64, batch_size=["1", 0]),
        "3": node("V1TakesAnything", thing=["2", 0]),
        "4": node("V1Shows", value=["3", 0]),
    }
    assert bench.check(graph).problems == ()


def test_a_validator_judges_the_inputs_that_it_names(bench):
    def check(**inputs):
        graph = {"1": node("V1Checked", **inputs), "2": node("V1Shows", value=["1", 0])}
        return problems(bench.check(graph))

    assert check(value=50, other=1, pick="no such word") == []
    assert check(value=1, other=9, pick="red") == [("value_bigger_than_max", "1", "other")]
    refused = check(value=100, other=1, pick="red")
    assert ("custom_validation_failed", "1", "value - value is far too large") in refused


def test_a_validator_may_judge_types_and_be_a_coroutine(bench):
    for kind, fits in (("V1Everything", True), ("V1Number", False)):
        inputs = {"count": 1, "colour": "red", "word": "x"} if fits else {"value": 1}
        graph = {
            "1": node(kind, **inputs),
            "2": node("V1CheckedTypes", thing=["1", 0]),
            "3": node("V1Shows", value=["2", 0]),
        }
        found = problems(bench.check(graph))
        assert bool(found) is not fits, found


@pytest.mark.parametrize(("value", "fits"), [(0.5, True), (5, True), (7, False)])
def test_a_validator_that_takes_all_replaces_the_checks(bench, value, fits):
    graph = {"1": node("V1CheckedAll", value=value), "2": node("V1Shows", value=["1", 0])}
    assert (problems(bench.check(graph)) == []) is fits


def test_what_a_node_raises_fails_the_job_with_its_type(bench):
    bench.run({"1": node("V1Sum", numbers=["2", 0], plus=1), "2": node("V1Numbers", count="x")}, "1")
    failed = next(event for event in bench.events if isinstance(event, NodeFailed))
    assert (failed.node_id, failed.exception_type) == ("2", "TypeError")


def test_latents_and_prompts_go_there_and_back_without_loss():
    mask = torch.ones(1, 8, 8)
    latent = LatentBatch(torch.rand(2, 4, 8, 8), mask, (3, 4), {"type": "audio"})
    back = from_pack(to_pack(latent), "LATENT")
    assert back.samples is latent.samples
    assert (back.noise_mask, back.batch_index, back.extra) == (mask, (3, 4), {"type": "audio"})
    embedding, pooled = torch.rand(1, 77, 8), torch.rand(1, 8)
    entries = (
        Entry(embedding),
        Entry(embedding, pooled, 0.5, CellArea(1, 2, 3, 4), None, 1.0, False, 0.25, 0.75, {"control": 1}),
        Entry(
            embedding, area=FractionArea(0.5, 0.5, 0.0, 0.25), mask=mask, mask_strength=2.0, mask_bounds=True
        ),
    )
    pairs = conditioning_to_list(entries)
    assert pairs[1][1]["area"] == (1, 2, 3, 4)
    assert pairs[2][1]["area"] == ("percentage", 0.5, 0.5, 0.0, 0.25)
    for entry, again in zip(entries, conditioning_from_list(pairs), strict=True):
        assert vars(entry) == vars(again)
    assert to_pack([latent])[0]["samples"] is latent.samples
    assert from_pack({"samples": latent.samples}, "MY_TYPE") == {"samples": latent.samples}

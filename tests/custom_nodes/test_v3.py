"""V3 classes: what the page is told, dynamic inputs, hooks, and runs through the real engine."""

import wave
from fractions import Fraction

import pytest
import torch
from PIL import Image

from executor.run.events import NodeFailed
from nodes.api.catalogue import object_info
from nodes.api.spec import NodeSpec


def node(kind, **inputs):
    return {"class_type": kind, "inputs": inputs}


def problems(validation):
    return [(problem.type, problem.input_name, problem.details) for problem in validation.problems]


def test_the_page_is_told_exactly_what_the_schema_says(packs, folders):
    spec = packs.nodes["V3Everything"].spec
    assert NodeSpec.from_json(spec.to_json()) == spec
    assert object_info(spec, folders.names) == {
        "input": {
            "required": {
                "count": ["INT", {"default": 1, "min": 0, "max": 9, "display": "slider"}],
                "colour": ["COMBO", {"default": "red", "options": ["red", "green"], "multiselect": False}],
                "word": ["STRING", {"tooltip": "any word", "own_key": 1, "multiline": False}],
                "many": ["FLOAT,IMAGE,MASK", {"default": 0.5, "widgetType": "FLOAT"}],
            },
            "optional": {"mine": ["MY_TYPE", {}]},
            "hidden": {"unique_id": ["UNIQUE_ID"], "prompt": ["PROMPT"]},
        },
        "input_order": {
            "required": ["count", "colour", "word", "many"],
            "optional": ["mine"],
            "hidden": ["unique_id", "prompt"],
        },
        "output": ["STRING", "INT"],
        "output_is_list": [False, True],
        "output_name": ["text", "INT"],
        "output_tooltips": ["all of it", None],
        "output_matchtypes": None,
        "name": "V3Everything",
        "display_name": "Everything of V3",
        "description": "Gives back what it gets.",
        "python_module": "custom_nodes.v3_features",
        "category": "tests/v3",
        "output_node": False,
        "deprecated": False,
        "experimental": True,
        "api_node": False,
    }


def test_inputs_that_stand_for_others_are_written_as_templates(packs, folders):
    required = object_info(packs.nodes["V3Dynamic"].spec, folders.names)["input"]["required"]
    assert required["grow"] == [
        "COMFY_AUTOGROW_V3",
        {
            "template": {
                "input": {"required": {"n": ["INT", {"forceInput": True}]}},
                "prefix": "v",
                "min": 1,
                "max": 3,
            }
        },
    ]
    kind, options = required["mode"]
    assert kind == "COMFY_DYNAMICCOMBO_V3"
    assert options["options"][0] == {
        "key": "size",
        "inputs": {"required": {"width": ["INT", {"max": 64}]}, "optional": {"height": ["INT", {}]}},
    }
    assert options["options"][1]["inputs"]["required"]["inner"][0] == "COMFY_DYNAMICCOMBO_V3"


def test_tied_types_are_named(packs, folders):
    info = object_info(packs.nodes["V3Switch"].spec, folders.names)
    assert info["output"] == ["COMFY_MATCHTYPE_V3"]
    assert info["output_matchtypes"] == ["T"]
    options = info["input"]["required"]["a"]
    assert options == [
        "COMFY_MATCHTYPE_V3",
        {"lazy": True, "template": {"template_id": "T", "allowed_types": "INT,STRING"}},
    ]


def test_inputs_hidden_values_and_outputs_arrive(bench):
    outputs = bench.run({"1": node("V3Everything", count=2, colour="red", word="w", many=1.0)}, "1")
    assert outputs["1"][0] == "2 red w 1.0 None 1 ['1'] None"


def test_a_class_keeps_nothing_between_calls(bench):
    bench.run({"1": node("V3Locked")}, "1")
    failed = next(event for event in bench.events if isinstance(event, NodeFailed))
    assert failed.exception_type == "AttributeError"
    assert "V3" not in failed.message or "LockedClone.kept" in failed.message


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({}, "None None"),
        ({"mode": "size", "mode.width": 5}, "None {'mode': 'size', 'width': 5}"),
        ({"mode": "size", "mode.width": 5, "mode.height": 6, "grow.v1": 1}, None),
        (
            {"mode": "nested", "mode.inner": "deep", "mode.inner.x": 3},
            "None {'mode': 'nested', 'inner': {'inner': 'deep', 'x': 3}}",
        ),
    ],
)
def test_what_belongs_together_arrives_in_a_dictionary(bench, inputs, expected):
    graph = {"1": node("V3Dynamic", **inputs), "2": node("V3Shows", value=["1", 0])}
    assert problems(bench.check(graph)) == []
    expected = expected or "{'v1': 1} {'mode': 'size', 'width': 5, 'height': 6}"
    assert bench.run(graph, "1")["1"] == (expected,)


def test_links_into_growing_inputs_are_computed(bench):
    graph = {
        "1": node("V1Number", value=4),
        "2": node("V3Dynamic", **{"grow.v0": ["1", 0], "grow.v1": ["1", 0]}),
    }
    assert bench.run(graph, "2")["2"] == ("{'v0': 4, 'v1': 4} None",)


def test_nested_inputs_are_checked_under_their_full_names(bench):
    def check(**inputs):
        graph = {"1": node("V3Dynamic", **inputs), "2": node("V3Shows", value=["1", 0])}
        return problems(bench.check(graph))

    assert check(mode="size") == [("required_input_missing", "mode.width", "width")]
    assert check(**{"mode": "size", "mode.width": 65})[0][:2] == ("value_bigger_than_max", "mode.width")


def test_only_the_lazy_input_that_is_wanted_is_computed(bench):
    graph = {
        "1": node("V1Number", value=1),
        "2": node("V1Number", value=2),
        "3": node("V3Switch", first=False, a=["1", 0], b=["2", 0]),
    }
    assert bench.run(graph, "3")["3"] == (2,)
    assert set(bench.finished.executed) == {"2", "3"}


def test_checks_and_fingerprints_of_the_class_are_asked(bench):
    def check(value):
        graph = {"1": node("V3Checked", value=value), "2": node("V3Shows", value=["1", 0])}
        return problems(bench.check(graph))

    assert check(50) == []
    assert check(100) == [("custom_validation_failed", "value", "value - value is far too large")]
    for value, runs_again in ((7, True), (8, False)):
        graph = {"1": node("V3Checked", value=value)}
        bench.run(graph, "1")
        bench.run(graph, "1")
        assert ("1" in bench.finished.executed) is runs_again


def test_nodes_show_texts_and_pictures(bench, folders):
    bench.run({"1": node("V3Shows", value="hello"), "2": node("V3ShowsImage")}, "1", "2")
    assert bench.finished.status == "succeeded", bench.events
    assert bench.finished.outputs["1"]["text"] == ("hello",)
    shown = bench.finished.outputs["2"]
    assert shown["animated"] == (False,)
    assert len(shown["images"]) == 2
    assert all((folders.place("temp") / image["filename"]).is_file() for image in shown["images"])


def test_a_node_may_be_replaced_by_a_graph_or_hold_back(bench):
    graph = {"1": node("V3Expand", value=4, blocked=False)}
    assert bench.run(graph, "1")["1"] == (5,)
    graph = {
        "1": node("V3Expand", value=4, blocked=True),
        "2": node("V3Shows", value=["1", 0]),
        "3": node("V3Blocks"),
        "4": node("V3Shows", value=["3", 0]),
    }
    bench.run(graph, "2", "4")
    assert bench.finished.status == "succeeded", bench.events
    assert bench.finished.outputs == {}


def test_hidden_values_are_there_when_a_class_is_fingerprinted(bench, packs):
    graph = {"1": node("V1Number", value=5), "7": node("V3KnowsItself", value=["1", 0])}
    assert bench.run(graph, "7")["7"] == ("5 7",)
    bench.run(graph, "7")
    assert "7" in bench.finished.cached
    assert packs.nodes["V3KnowsItself"].fingerprint(value=None, unique_id="7") == "None 7 {}"


@pytest.mark.parametrize(("how", "milliseconds"), [("png", 100.0), ("webp", 250.0)])
def test_animations_are_saved_with_their_graph(bench, folders, how, milliseconds):
    bench.run({"1": node("V3Saves", how=how)}, "1")
    shown = bench.finished.outputs["1"]
    (record,) = shown["images"]
    assert (tuple(shown["animated"]), record["type"]) == ((True,), "output")
    with Image.open(folders.place("output") / record["filename"]) as picture:
        assert (picture.n_frames, picture.size) == (2, (8, 8))
        picture.seek(1)
        assert picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
        assert picture.info["duration"] == milliseconds
    assert b"V3Saves" in (folders.place("output") / record["filename"]).read_bytes()


@pytest.mark.parametrize(("how", "place"), [("wav", "output"), ("heard", "temp")])
def test_sounds_are_saved_sample_by_sample(bench, folders, how, place):
    bench.run({"1": node("V3Saves", how=how)}, "1")
    (record,) = bench.finished.outputs["1"]["audio"]
    assert record["type"] == place
    with wave.open(str(folders.place(place) / record["filename"])) as sound:
        assert (sound.getnchannels(), sound.getframerate(), sound.getnframes()) == (1, 8000, 3)
        assert torch.frombuffer(bytearray(sound.readframes(3)), dtype=torch.int16).tolist() == [
            0,
            32767,
            -32767,
        ]


def test_a_format_without_an_encoder_is_refused_by_name(bench):
    bench.run({"1": node("V3Saves", how="flac")}, "1")
    (failure,) = (event for event in bench.events if isinstance(event, NodeFailed))
    assert "'flac' needs an encoder" in failure.message


@pytest.mark.parametrize(("how", "count", "place"), [("still", 2, "output"), ("mask", 2, "temp")])
def test_pictures_are_saved(bench, folders, how, count, place):
    bench.run({"1": node("V3Saves", how=how)}, "1")
    records = bench.finished.outputs["1"]["images"]
    assert [
        (record["type"], (folders.place(place) / record["filename"]).is_file()) for record in records
    ] == [(place, True)] * count


def test_a_body_is_shown_with_what_is_behind_it(bench, folders):
    bench.run({"1": node("V3Saves", how="body")}, "1")
    model, camera, behind = bench.finished.outputs["1"]["result"]
    assert (model, camera) == ("body.glb", {"x": 1})
    assert (folders.place("temp") / behind.removeprefix("temp/")).is_file()


def test_a_video_of_parts_tells_its_measures(packs):
    from comfy_api.input_impl import VideoFromComponents
    from comfy_api.latest import InputImpl, Types

    assert InputImpl.VideoFromComponents is VideoFromComponents
    video = VideoFromComponents(Types.VideoComponents(torch.zeros(6, 4, 5, 3), Fraction(3)))
    assert (video.get_dimensions(), video.get_frame_count(), video.get_duration()) == ((5, 4), 6, 2.0)

"""The built-in nodes keep the names, orders, defaults and bounds that saved workflows rely on."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nodes.api.catalogue import object_info
from nodes.api.declare import Node
from nodes.api.spec import NodeSpec
from nodes.builtin import load_builtin

FIXTURES = Path(__file__).parent.parent / "fixtures"
CONTRACT: dict[str, Any] = {
    node_id: entry
    for path in (FIXTURES / "node_contract.json", *sorted((FIXTURES / "node_contracts").glob("*.json")))
    for node_id, entry in json.loads(path.read_text(encoding="utf-8")).items()
}
NODES = load_builtin()
FILES = ["one.safetensors", "two.safetensors"]
# Lists of which we offer a part: what we offer keeps the ecosystem's order.
PARTIAL = ("sampler_name", "scheduler", "type", "strength_type", "device")
REQUIRED = (
    "CheckpointLoaderSimple",
    "CLIPTextEncode",
    "CLIPSetLastLayer",
    "EmptyLatentImage",
    "KSampler",
    "KSamplerAdvanced",
    "VAEDecode",
    "VAEEncode",
    "VAEEncodeForInpaint",
    "SetLatentNoiseMask",
    "LatentUpscale",
    "LatentUpscaleBy",
    "RepeatLatentBatch",
    "LoadImage",
    "LoadImageMask",
    "SaveImage",
    "PreviewImage",
    "ImageScale",
    "ImageScaleBy",
    "ImageInvert",
    "ImageBatch",
    "LoraLoader",
    "LoraLoaderModelOnly",
    "VAELoader",
    "ConditioningCombine",
    "ConditioningConcat",
    "ConditioningZeroOut",
    "PrimitiveInt",
    "PrimitiveFloat",
    "PrimitiveString",
    "PrimitiveStringMultiline",
    "PrimitiveBoolean",
    "PreviewAny",
    "StringConcatenate",
    "StringSubstring",
    "StringLength",
    "CaseConverter",
    "StringTrim",
    "StringReplace",
    "StringContains",
    "StringCompare",
    "RegexMatch",
    "RegexExtract",
    "RegexReplace",
)


def info(node_id: str) -> dict[str, Any]:
    return object_info(NODES[node_id].spec, lambda folder: list(FILES))


def facts(config: list[Any]) -> dict[str, Any]:
    """An input's type, options and bounds in the form of the fixture."""
    kind, options = config
    found = {key: value for key, value in options.items() if key not in ("tooltip", "template", "options")}
    if not found.get("multiselect", True):
        del found["multiselect"]
    if isinstance(kind, list):
        return {"type": "COMBO", **found, "options": "files" if kind == FILES else kind}
    if kind == "COMBO":
        words = options["options"]
        return {"type": kind, **found, "options": "files" if words == FILES else words}
    if kind == "COMFY_DYNAMICGROUP_V3":
        return {"type": kind, **found, "template": section_facts(options["template"])}
    if kind == "COMFY_DYNAMICCOMBO_V3":
        brought = {option["key"]: section_facts(option["inputs"]) for option in options["options"]}
        return {"type": kind, **found, "options": brought}
    template = options.get("template", {})
    if "input" in template and kind == "COMFY_AUTOGROW_V3":
        found["template"] = {**template, "input": section_facts(template["input"])}
    return {"type": kind, **found}


def section_facts(sections: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {key: facts(config) for key, config in inputs.items()}
        for name, inputs in sections.items()
        if inputs
    }


def is_ordered_part(part: list[str], whole: list[str]) -> bool:
    remaining = iter(whole)
    return bool(part) and all(name in remaining for name in part)


def test_every_node_of_the_first_issue_is_offered() -> None:
    assert [name for name in REQUIRED if name not in NODES] == []


def test_every_offered_node_is_in_the_contract() -> None:
    assert sorted(NODES) == sorted(CONTRACT)


@pytest.mark.parametrize("node_id", sorted(CONTRACT))
def test_inputs_have_the_names_order_defaults_and_bounds_of_the_contract(node_id: str) -> None:
    sections = {name: ins for name, ins in info(node_id)["input"].items() if name != "hidden"}
    expected = CONTRACT[node_id]["inputs"]
    assert list(sections) == list(expected)
    for section, inputs in sections.items():
        assert list(inputs) == list(expected[section])
        for name, config in inputs.items():
            ours, theirs = facts(config), dict(expected[section][name])
            if name in PARTIAL:
                assert is_ordered_part(ours.pop("options"), theirs.pop("options"))
            assert ours == theirs, name


@pytest.mark.parametrize("node_id", sorted(CONTRACT))
def test_outputs_and_flags_are_those_of_the_contract(node_id: str) -> None:
    ours, theirs = info(node_id), CONTRACT[node_id]
    assert [list(pair) for pair in zip(ours["output"], ours["output_name"], strict=True)] == theirs["outputs"]
    assert ours["output_is_list"] == theirs.get("output_is_list", [False] * len(theirs["outputs"]))
    assert ours["category"] == theirs["category"]
    assert list(ours["input"].get("hidden", [])) == theirs.get("hidden", [])
    assert ours["display_name"] == theirs.get("display_name", ours["display_name"])
    for flag in ("output_node", "deprecated", "experimental"):
        assert ours.get(flag, False) == theirs.get(flag, False), flag


@pytest.mark.parametrize("node", NODES.values(), ids=NODES.keys())
def test_every_node_and_every_input_explain_themselves(node: Node) -> None:
    assert node.spec.description.endswith(".")
    silent = [entry.name for entry in node.spec.inputs if not entry.tooltip]
    assert silent == []


@pytest.mark.parametrize("node", NODES.values(), ids=NODES.keys())
def test_every_spec_survives_the_way_to_another_process(node: Node) -> None:
    assert NodeSpec.from_json(json.loads(json.dumps(node.spec.to_json()))) == node.spec


def test_no_two_nodes_share_a_name_on_the_page() -> None:
    names = [node.spec.display_name for node in NODES.values() if not node.spec.deprecated]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_the_menus_import_nothing_heavy_but_torch() -> None:
    heavy = ("PIL", "numpy.testing", "scipy", "transformers", "diffusers", "aiohttp", "torchvision")
    code = (
        "import sys; from nodes.builtin import load_builtin; load_builtin(); "
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "[]"

"""The words of node types: whole in every language that has them, and none for what no longer exists."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from nodes.api.catalogue import object_info
from nodes.builtin import load_builtin

STATIC = Path(__file__).resolve().parents[2] / "web" / "static"
LANGUAGES = sorted(path.name.split(".")[1] for path in (STATIC / "languages").glob("nodes.*.json"))
NUMBERED = re.compile(r"(.+?)[._]?\d+\.?")
SIGN = re.compile(r"[A-Za-z]\d*")
WORD = re.compile(r"[a-z]{2}")


def sides(catalogue: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What each type takes and gives, with what only the page and newer files know of."""
    for info in catalogue.values():
        yield from (info, info.get("more", {}))


@pytest.fixture(scope="module")
def catalogue() -> dict[str, dict[str, Any]]:
    return {name: object_info(node.spec, lambda folder: []) for name, node in load_builtin().items()}


def inputs_of(inputs: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each input with its options: those that a drop-down brings and those of rows that grow, too."""
    for section in ("required", "optional"):
        for name, (kind, *rest) in inputs.get(section, {}).items():
            options = rest[0] if rest else {}
            yield name, options
            if kind == "COMFY_DYNAMICCOMBO_V3":
                for choice in options["options"]:
                    yield from inputs_of(choice["inputs"])
            if kind == "COMFY_DYNAMICGROUP_V3":
                yield from inputs_of(options["template"])
            if kind == "COMFY_AUTOGROW_V3":
                template = options["template"]
                for own, about in inputs_of(template["input"]):
                    yield f"{template['prefix']}0" if "prefix" in template else own, about


def keys_for(names: set[str], words: Mapping[str, str]) -> tuple[set[str], set[str]]:
    """The keys that name them, by themselves or without their number, and the names that have none."""
    found, missing = set(), set()
    for name in names:
        numbered = NUMBERED.fullmatch(name)
        key = next((key for key in (name, numbered and numbered[1]) if key in words), None)
        if key is not None:
            found.add(key)
        elif not SIGN.fullmatch(name):
            missing.add(name)
    return found, missing


def page_types() -> set[str]:
    """The types that live on the page only."""
    source = (STATIC / "js" / "model" / "definitions.js").read_text(encoding="utf-8")
    constants = dict(re.findall(r'^export const (\w+) = "([^"]+)";', source, re.MULTILINE))
    named = re.findall(r"^  virtual\((\"?)(\w+)\"?, ", source, re.MULTILINE)
    return {name if quote else constants[name] for quote, name in named}


@pytest.fixture(scope="module", params=LANGUAGES)
def words(request: pytest.FixtureRequest) -> dict[str, dict[str, Any]]:
    text = (STATIC / "languages" / f"nodes.{request.param}.json").read_text(encoding="utf-8")
    read: dict[str, dict[str, Any]] = json.loads(text)
    return read


def test_german_and_french_are_there() -> None:
    assert {"de", "fr"} <= set(LANGUAGES)


def test_every_type_has_a_name_and_a_sentence(catalogue: dict[str, Any], words: dict[str, Any]) -> None:
    page = page_types()
    assert {"Note", "Reroute", "sfumato/entry"} <= page
    assert set(words["nodes"]) == set(catalogue) | page
    assert all(set(entry) >= {"display_name", "description"} for entry in words["nodes"].values())


def test_every_category_has_a_word(catalogue: dict[str, Any], words: dict[str, Any]) -> None:
    parts = {part for info in catalogue.values() for part in info["category"].split("/")}
    assert set(words["categories"]) == parts | {"page"}


def test_every_input_and_output_has_a_label(catalogue: dict[str, Any], words: dict[str, Any]) -> None:
    inputs = {name for info in sides(catalogue) for name, _ in inputs_of(info.get("input", {}))}
    outputs = {name for info in sides(catalogue) for name in info.get("output_name", ())}
    used, missing = keys_for(inputs, words["inputs"])
    named, others = keys_for(outputs, words["outputs"])
    more, unnamed = keys_for(others, words["inputs"])
    assert missing | unnamed == set()
    assert set(words["inputs"]) - used - more == set()
    assert set(words["outputs"]) - named == set()


def test_all_that_is_said_of_inputs_is_said(catalogue: dict[str, Any], words: dict[str, Any]) -> None:
    tips = {
        options.get("tooltip", "")
        for info in sides(catalogue)
        for _, options in inputs_of(info.get("input", {}))
    }
    tips |= {tip for info in sides(catalogue) for tip in info.get("output_tooltips", ()) if tip}
    assert {tip for tip in tips if WORD.search(tip)} == set(words["tooltips"])

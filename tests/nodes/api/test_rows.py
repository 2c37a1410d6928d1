"""Rows of the same inputs: a list of a dataclass."""

import asyncio
import json
from dataclasses import dataclass
from typing import Annotated

import pytest

from executor.graph.fingerprint import fingerprints
from executor.graph.parse import parse
from executor.graph.validate import validate
from executor.graph.widget_values import widget_values
from nodes.api.catalogue import object_info
from nodes.api.declare import node, node_of
from nodes.api.dynamic import brought, live_inputs, rows_present
from nodes.api.errors import DeclarationError, NodeError
from nodes.api.sockets import Image
from nodes.api.spec import NodeSpec
from nodes.api.widgets import Choice, File, Grow, Range


@dataclass(frozen=True)
class Row:
    """A file that counts.

    Args:
        name: a file.
        strength: how much.
    """

    name: Annotated[str, File("loras")]
    strength: Annotated[float, Range(-2.0, 2.0, step=0.5)] = 1.0
    mode: Annotated[str, Choice(("add", "cut"))] = "add"


@node(id="Stack", output_node=True)
def stack(before: int, rows: Annotated[list[Row], Grow(prefix="File", minimum=1, maximum=3)]) -> str:
    """Tell what came.

    Args:
        before: a number.
        rows: files.
    """
    return f"{before} {rows}"


NODE = node_of(stack)
SPEC = NODE.spec
TWO = {"before": 1, "rows.0.name": "a", "rows.0.strength": 0.5, "rows.0.mode": "cut"} | {
    "rows.1.name": "b",
    "rows.1.strength": 1.0,
    "rows.1.mode": "add",
}


def listed(folder: str) -> list[str]:
    return ["a", "b"] if folder == "loras" else []


def checked(inputs: dict[str, object]) -> list[tuple[str, str | None]]:
    graph = parse({"1": {"class_type": "Stack", "inputs": inputs}}, {"Stack": SPEC})
    found = validate(graph, {"Stack": SPEC}, listed, nodes={"Stack": NODE})
    return [(problem.type, problem.input_name) for problem in found.problems]


def test_the_page_sees_what_is_in_a_row_with_the_files_there_are_now() -> None:
    kind, options = object_info(SPEC, listed)["input"]["required"]["rows"]
    assert kind == "COMFY_DYNAMICGROUP_V3"
    assert (options["min"], options["max"], options["group_name"]) == (1, 3, "File")
    row = options["template"]["required"]
    assert row["name"] == ["COMBO", {"tooltip": "a file.", "options": ["a", "b"]}]
    assert row["strength"][1] == {
        "default": 1.0,
        "min": -2.0,
        "max": 2.0,
        "step": 0.5,
        "tooltip": "how much.",
    }
    assert row["mode"] == ["COMBO", {"default": "add", "options": ["add", "cut"]}]
    assert object_info(SPEC, lambda folder: ["c"])["input"]["required"]["rows"][1]["template"]["required"][
        "name"
    ][1]["options"] == ["c"]
    assert NodeSpec.from_json(json.loads(json.dumps(SPEC.to_json()))) == SPEC


def test_rows_have_the_inputs_that_are_there_and_the_least_of_them_always() -> None:
    def names(inputs: dict[str, object]) -> list[str]:
        return [entry.name for entry in live_inputs(SPEC, inputs)]

    row = ("name", "strength", "mode")
    assert names({}) == ["before", *(f"rows.0.{name}" for name in row)]
    sparse = [f"rows.{number}.{name}" for number in (0, 2) for name in row]
    assert names({"rows.2.strength": 1.0}) == ["before", *sparse]
    assert rows_present("rows", ["rows.10.x", "rows.2.x", "rows.x.y", "rows.3", "row.1.x"]) == [2, 10]
    files = [entry.widget.folder for entry in live_inputs(SPEC, {}) if isinstance(entry.widget, File)]
    assert files == ["loras"]


def test_flat_inputs_become_rows_in_their_order() -> None:
    flat = {"before": 1, "rows.2.name": "c", "rows.0.name": "a", "rows.0.strength": 0.5, "rows.0.mode": "cut"}
    assert NODE.function(**flat) == f"1 {[Row('a', 0.5, 'cut'), Row('c')]}"
    assert NODE.function(before=1) == "1 []"
    with pytest.raises(NodeError, match="rows has a row 4, but there may be 3 at most"):
        NODE.function(before=1, **{"rows.3.name": "d"})


def test_every_input_of_a_row_is_checked_by_its_full_name() -> None:
    assert checked(TWO) == []
    assert checked({**TWO, "rows": 2}) == []
    assert checked({**TWO, "rows.1.name": "zz"}) == [("value_not_in_list", "rows.1.name")]
    assert checked({**TWO, "rows.0.strength": 7}) == [("value_bigger_than_max", "rows.0.strength")]
    without = {name: value for name, value in TWO.items() if name != "rows.1.mode"}
    assert checked(without) == [("required_input_missing", "rows.1.mode")]
    assert {problem for problem, _ in checked({"before": 1})} == {"required_input_missing"}


def test_a_file_of_a_row_counts_for_the_fingerprint() -> None:
    def of(inputs: dict[str, object], changed: int = 0) -> str:
        graph = parse({"1": {"class_type": "Stack", "inputs": inputs}}, {"Stack": SPEC})
        return fingerprints(graph, {"Stack": NODE}, lambda folder, name: (folder, name, changed))["1"]

    assert of(TWO) == of(dict(reversed(TWO.items())))
    assert of(TWO) != of(TWO, changed=1)
    assert of(TWO) != of({**TWO, "rows.1.strength": 0.0})


def stored(values: object) -> dict[str, object]:
    return widget_values({"widgets_values": values}, SPEC)


def test_a_saved_number_says_how_many_rows_follow_it() -> None:
    assert stored([1, 2, "a", 0.5, "cut", "b", 1.0, "add"]) == TWO
    assert stored({"before": 1, "rows": 2, **TWO}) == TWO
    assert stored(dict(TWO)) == TWO
    first = {"before": 7, "rows.0.strength": 1.0, "rows.0.mode": "add"}
    assert stored([7]) == first
    assert stored([7, None]) == first
    assert stored([7, 99, "a"])["rows.0.name"] == "a"
    (entry,) = (entry for entry in SPEC.inputs if entry.name == "rows")
    counts = {told: len(brought(entry, told)) for told in (0, 2.9, 99, float("nan"), True, "x")}
    assert list(counts.values()) == [3, 6, 9, 3, 3, 3]


def test_rows_of_sockets_are_refused_where_they_are_declared() -> None:
    @dataclass(frozen=True)
    class Picture:
        """A picture."""

        image: Image

    def bad(pictures: list[Picture]) -> str:
        """Bad."""
        return ""

    bad.__annotations__["pictures"] = list[Picture]
    with pytest.raises(DeclarationError, match=r"Picture.image: rows hold widgets, and IMAGE is a socket"):
        node()(bad)


def test_rows_may_be_empty_and_as_many_as_one_likes() -> None:
    def free(rows: list[Row]) -> str:
        """Tell.

        Args:
            rows: files.
        """
        return str(len(rows))

    made = node_of(node(id="Free")(free))
    options = object_info(made.spec, listed)["input"]["required"]["rows"][1]
    assert (options["min"], options["max"]) == (1, 50)
    assert "group_name" not in options
    assert not asyncio.iscoroutinefunction(made.function)
    assert made.function(**{"rows.7.name": "a"}) == "1"

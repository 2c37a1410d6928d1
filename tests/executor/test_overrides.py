"""`NODE.INPUT=VALUE` on nodes whose inputs depend on what is chosen."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import pytest

from executor.graph.workflow import Graph, Instance
from executor.overrides import OverrideError, override
from nodes.api.declare import node, node_of
from nodes.api.widgets import Choice, Grow


@dataclass(frozen=True)
class Wide:
    """A width."""

    key: ClassVar[str] = "by width"
    width: int


@dataclass(frozen=True)
class Fit:
    """A way to fit."""

    key: ClassVar[str] = "fit"
    how: Annotated[str, Choice(("crop", "pad"))]


@node(id="Toy")
def toy(mode: Wide | Fit, values: Annotated[dict[str, float], Grow(names=("a", "b"))], end: int = 0) -> int:
    """Do nothing."""
    return end


SPECS = {"Toy": node_of(toy).spec}


def changed(inputs: dict[str, Any], *assignments: str) -> dict[str, Any]:
    graph = override(Graph({"5": Instance("5", "Toy", inputs)}), SPECS, assignments)
    return dict(graph.instances["5"].inputs)


def test_a_word_and_what_it_brings_are_set_in_order() -> None:
    found = changed({"mode": "by width", "mode.width": 3}, "5.mode=fit", "5.mode.how=pad", "Toy.end=4")
    assert found == {"mode": "fit", "mode.width": 3, "mode.how": "pad", "end": 4}
    assert changed({"mode": "by width"}, "5.mode.width=7")["mode.width"] == 7
    assert changed({"mode": "fit"}, "5.values.b=0.5")["values.b"] == 0.5


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("5.mode=wild", "mode is one of by width, fit"),
        ("5.mode.how=pad", r"has no input 'mode\.how'; it has mode, mode\.width, end"),
        ("5.mode.width=x", "mode"),
        ("5.values=1", "has no input 'values'"),
        ("5.values.c=1", r"has no input 'values\.c'"),
    ],
)
def test_what_is_not_there_is_refused(assignment: str, message: str) -> None:
    with pytest.raises(OverrideError, match=message):
        changed({"mode": "by width"}, assignment)

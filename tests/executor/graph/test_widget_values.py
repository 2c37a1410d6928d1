"""Saved widget values of drop-downs that bring inputs find their names."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import pytest

from executor.graph.inputs import without_strangers
from executor.graph.widget_values import widget_values
from executor.graph.workflow import Graph, Instance, Link
from nodes.api.declare import node, node_of
from nodes.api.sockets import Image
from nodes.api.widgets import Choice, Seed


@dataclass(frozen=True)
class Still:
    """Nothing more."""

    key: ClassVar[str] = "still"


@dataclass(frozen=True)
class Moving:
    """A speed and what it is like."""

    key: ClassVar[str] = "moving"
    speed: int
    match: Image
    shape: Still | None = None


@dataclass(frozen=True)
class Outer:
    """A choice in a choice."""

    key: ClassVar[str] = "outer"
    inner: Still | Moving
    last: Annotated[str, Choice(("x", "y"))] = "y"


@node(id="Toy")
def toy(image: Image, form: Still | Moving | Outer, seed: Seed, end: str = "end") -> Image:
    """Do nothing."""
    return image


SPEC = node_of(toy).spec


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (["still", 5, "fixed", "z"], {"form": "still", "seed": 5, "end": "z"}),
        (["outer", "moving", 9, "still", "x", 5, "randomize", "z"], {
            "form": "outer",
            "form.inner": "moving",
            "form.inner.speed": 9,
            "form.inner.shape": "still",
            "form.last": "x",
            "seed": 5,
            "end": "z",
        }),
        (["outer"], {
            "form": "outer", "form.inner": "still", "form.last": "y", "seed": 0, "end": "end",
        }),
        ([], {"form": "still", "seed": 0, "end": "end"}),
    ],
)  # fmt: skip
def test_values_by_position_follow_what_was_chosen(stored: list[Any], expected: dict[str, Any]) -> None:
    assert widget_values({"widgets_values": stored}, SPEC) == expected


def test_a_link_into_what_a_word_brings_stays_and_one_into_another_word_goes() -> None:
    inputs = {"form": "moving", "form.match": Link("1", 0), "form.other": Link("1", 0)}
    graph = without_strangers(Graph({"2": Instance("2", "Toy", inputs)}), {"Toy": SPEC}.get)
    assert graph.instances["2"].inputs == {"form": "moving", "form.match": Link("1", 0)}
    graph = without_strangers(
        Graph({"2": Instance("2", "Toy", inputs | {"form": "still"})}), {"Toy": SPEC}.get
    )
    assert graph.instances["2"].inputs == {"form": "still"}

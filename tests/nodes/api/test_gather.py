"""Drop-downs that bring inputs, and inputs that grow by name, declared with dataclasses and dictionaries."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, ClassVar, TypeVar

import pytest

from nodes.api.catalogue import object_info
from nodes.api.declare import node, node_of
from nodes.api.dynamic import live_inputs
from nodes.api.errors import DeclarationError, NodeError
from nodes.api.sockets import Image, Lazy
from nodes.api.widgets import Choice, File, Grow, Range

T = TypeVar("T")


@dataclass(frozen=True)
class Still:
    """Nothing more to say."""

    key: ClassVar[str] = "still"


@dataclass(frozen=True)
class Moving:
    """A speed.

    Args:
        speed: frames a second.
    """

    key: ClassVar[str] = "moving"
    speed: Annotated[float, Range(0.5, 60.0, step=0.5)]
    loops: int = 3


@dataclass(frozen=True)
class Plain:
    """A choice within the choice."""

    key: ClassVar[str] = "plain"
    kind: Still | Moving
    crop: Annotated[str, Choice(("disabled", "center"))] = "center"


@node(id="Toy")
def toy(
    form: Still | Moving | Plain, values: Annotated[dict[str, int | float], Grow(names=("a", "b"))]
) -> str:
    """Tell what came.

    Args:
        form: a drop-down.
        values: numbers.
    """
    return f"{form} {values}"


def test_the_page_sees_words_with_the_inputs_they_bring() -> None:
    form, values = object_info(node_of(toy).spec, lambda folder: [])["input"]["required"].values()
    assert form[0] == "COMFY_DYNAMICCOMBO_V3"
    assert [option["key"] for option in form[1]["options"]] == ["still", "moving", "plain"]
    moving = form[1]["options"][1]["inputs"]["required"]
    assert moving["speed"] == [
        "FLOAT",
        {"min": 0.5, "max": 60.0, "step": 0.5, "tooltip": "frames a second."},
    ]
    assert moving["loops"] == ["INT", {"default": 3}]
    assert form[1]["options"][2]["inputs"]["required"]["kind"][0] == "COMFY_DYNAMICCOMBO_V3"
    assert values[0] == "COMFY_AUTOGROW_V3"
    assert values[1]["template"] == {
        "input": {"required": {"value": ["INT,FLOAT", {"forceInput": True}]}},
        "names": ["a", "b"],
        "min": 1,
    }


def test_flat_inputs_become_an_object_and_a_dictionary() -> None:
    run = node_of(toy).function
    assert run(**{"form": "still", "values.b": 2}) == "Still() {'b': 2}"
    assert run(**{"form": "moving", "form.speed": 2.0}) == "Moving(speed=2.0, loops=3) {}"
    nested = {"form": "plain", "form.kind": "moving", "form.kind.speed": 1.0, "form.crop": "disabled"}
    assert run(**nested) == "Plain(kind=Moving(speed=1.0, loops=3), crop='disabled') {}"


def test_what_belongs_to_another_word_is_left_away() -> None:
    assert node_of(toy).function(**{"form": "still", "form.speed": 2.0}) == "Still() {}"


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"form": "wild"}, "form must be one of 'still', 'moving', 'plain', not 'wild'"),
        ({"form": "moving"}, "form is 'moving', which needs form.speed"),
        ({"form": "plain", "form.kind": 3}, "form.kind must be one of 'still', 'moving', not 3"),
    ],
)
def test_a_wrong_choice_is_refused_by_name(inputs: dict[str, object], message: str) -> None:
    with pytest.raises(NodeError, match=message):
        node_of(toy).function(**inputs)


def test_an_instance_has_the_inputs_of_its_word_only() -> None:
    values = {"form": "moving", "form.speed": 1.0, "values.a": 1}
    live = [entry.name for entry in live_inputs(node_of(toy).spec, values)]
    assert live == ["form", "form.speed", "form.loops", "values.a"]


def test_sockets_with_numbers_may_be_lazy_and_share_a_type() -> None:
    @node(id="First", outputs=("output",))
    async def first(choices: Annotated[dict[str, Lazy[T]], Grow(prefix="choice", maximum=4)]) -> T:
        """Give the first.

        Args:
            choices: anything.
        """
        return await choices["choice0"]

    spec = node_of(first).spec
    (live,) = live_inputs(spec, {"choices.choice0": 1})
    assert (live.lazy, live.type_variable, live.section) == (True, "T", "required")

    async def seven() -> int:
        return 7

    async def run() -> object:
        return await node_of(first).function(**{"choices.choice0": seven()})

    assert asyncio.run(run()) == 7


def test_a_list_of_files_in_a_word_is_refused_where_it_is_declared() -> None:
    @dataclass(frozen=True)
    class FromFile:
        """A file."""

        key: ClassVar[str] = "file"
        name: Annotated[str, File("input")]

    with pytest.raises(DeclarationError, match="cannot bring a list of files"):

        @node(id="Bad")
        def bad(image: Image, source: FromFile) -> Image:
            """Do it."""
            return image

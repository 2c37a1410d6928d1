import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from nodes.logic.preview import as_text, preview
from nodes.logic.primitive import boolean, integer, real, string, string_multiline
from nodes.logic.switch import switch


def test_primitives_pass_their_value_on() -> None:
    assert integer(-5) == -5
    assert real(0.25) == 0.25
    assert boolean(True) is True
    assert string("a") == string_multiline("a") == "a"


class Unprintable:
    def __repr__(self) -> str:
        return "<a thing>"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text", "text"),
        (3, "3"),
        (0.5, "0.5"),
        (True, "True"),
        (None, "None"),
        ({"a": [1]}, '{\n    "a": [\n        1\n    ]\n}'),
        (Unprintable(), "<a thing>"),
    ],
)
def test_any_value_becomes_text(value: Any, expected: str) -> None:
    assert as_text(value) == expected


def test_a_structure_that_contains_itself_is_shown() -> None:
    loop: list[Any] = []
    loop.append(loop)
    assert as_text(loop) == "[[...]]"


def test_the_text_is_shown_on_the_node(ctx) -> None:
    assert preview(ctx, source={"a": 1}) == '{\n    "a": 1\n}'
    assert ctx.shown == {"text": ['{\n    "a": 1\n}']}


@pytest.mark.parametrize("chosen", [True, False])
async def test_only_the_chosen_side_is_computed(chosen: bool) -> None:
    computed: list[str] = []

    def side(name: str) -> Awaitable[str]:
        async def compute() -> str:
            computed.append(name)
            return name

        return LazySide(compute)

    assert await switch(chosen, side("false"), side("true")) == str(chosen).lower()
    assert computed == [str(chosen).lower()]


class LazySide:
    """An awaitable that starts nothing until it is awaited, as the engine's are."""

    def __init__(self, compute: Any) -> None:
        self.compute = compute

    def __await__(self) -> Any:
        return asyncio.ensure_future(self.compute()).__await__()

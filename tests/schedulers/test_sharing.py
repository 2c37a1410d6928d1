"""Do the positive prompts' controls reach the other lists exactly where they should?"""

import torch

from schedulers.conditioning import CellArea, Entry
from schedulers.sharing import share

AREA = CellArea(2, 2, 0, 0)


def entry(control: str = "", area: CellArea | None = None, *, shared: bool = True, boxes: str = "") -> Entry:
    extra: dict[str, object] = {"control": (control,), "control_apply_to_uncond": shared} if control else {}
    if boxes:
        extra["gligen"] = boxes
    return Entry(torch.zeros(1, 1, 1), area=area, extra=extra)


def controls(entries: list[Entry]) -> list[object]:
    return [one.extra.get("control") for one in entries]


def test_a_control_that_says_so_reaches_the_negative_and_another_does_not() -> None:
    placed = {"positive": [entry("a")], "negative": [entry()], "middle": [entry()]}
    share(placed)
    assert controls(placed["negative"]) == [("a",)]
    assert controls(placed["middle"]) == [("a",)]
    placed = {"positive": [entry("a", shared=False)], "negative": [entry()]}
    share(placed)
    assert controls(placed["negative"]) == [None]


def test_entries_with_an_area_neither_give_nor_take() -> None:
    placed = {"positive": [entry("a", AREA)], "negative": [entry()]}
    share(placed)
    assert controls(placed["negative"]) == [None]
    placed = {"positive": [entry("a")], "negative": [entry(area=AREA), entry()]}
    share(placed)
    assert controls(placed["negative"]) == [None, ("a",)]


def test_a_list_with_a_control_of_its_own_keeps_what_it_has() -> None:
    placed = {"positive": [entry("a")], "negative": [entry("b"), entry()]}
    share(placed)
    assert controls(placed["negative"]) == [("b",), None]


def test_several_controls_go_round_the_takers_and_the_last_stays() -> None:
    placed = {"positive": [entry("a"), entry("b"), entry("c")], "negative": [entry(), entry()]}
    share(placed)
    assert controls(placed["negative"]) == [("c",), ("b",)]


def test_boxes_of_texts_always_reach_the_negative() -> None:
    placed = {"positive": [entry(boxes="x")], "negative": [entry()]}
    share(placed)
    assert placed["negative"][0].extra["gligen"] == "x"

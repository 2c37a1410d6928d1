"""Does every name in the tables of docs/samplers.md exist, and is every name told there?"""

import re
from pathlib import Path

import pytest

from nodes.builtin import load_builtin
from schedulers.samplers.table import SAMPLERS
from schedulers.shelf import SHELF
from schedulers.sigmas import SCHEDULES

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "samplers.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[str]:
    """The first cells of the tables under a heading."""
    part = TEXT.split(f"\n{heading}\n", 1)[1].split("\n## ", 1)[0]
    return [line.split("|")[1] for line in part.splitlines() if line.startswith("| `")]


def names(cells: list[str]) -> list[str]:
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def test_the_samplers_told_are_those_offered() -> None:
    told = [name for name in names(rows("## Samplers")) if name != "_gpu"]
    assert sorted(told) == sorted(name for name in SAMPLERS if not name.endswith("_gpu"))


def test_the_schedules_told_are_those_offered() -> None:
    cells = names(rows("## Schedules"))
    assert [name for name in cells if name in SCHEDULES] == list(SCHEDULES)
    assert [name for name in cells if name not in SCHEDULES and name not in load_builtin()] == []


@pytest.mark.parametrize("heading", ["## What a model is trained on", "## Guidance"])
def test_every_node_told_exists(heading: str) -> None:
    told = names(rows(heading))
    assert told
    assert [name for name in told if name not in load_builtin()] == []


def test_every_scheduler_of_diffusers_is_on_the_shelf_or_its_absence_is_explained() -> None:
    told = names(rows("## Schedulers of diffusers"))
    absent = names(
        [line for line in TEXT.split("Not on the shelf")[1].splitlines() if line.startswith("| `")]
    )
    missing = {name for name in absent if name.endswith("Scheduler")} - set(SHELF)
    assert set(told) - missing == set(SHELF)
    diffusers = pytest.importorskip("diffusers")
    theirs = {
        name
        for name in dir(diffusers.schedulers)
        if name.endswith("Scheduler") and not name.startswith(("Flax", "Scheduler"))
    }
    assert theirs == set(SHELF) | missing
    assert not set(SHELF) & missing

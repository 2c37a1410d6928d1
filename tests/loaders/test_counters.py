import os
from pathlib import Path
from typing import Any

import pytest

from loaders.counters import Counters


def test_a_folder_is_not_looked_through_again_however_full_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(300):
        (tmp_path / f"old_{number:05}_.png").touch()
    looks = []
    scandir = os.scandir

    def look(folder: Path) -> Any:
        looks.append(folder)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", look)
    counters = Counters()
    names = [counters.create(tmp_path, stem, "png") for stem in ("old", "new", "old", "new")]
    assert names == ["old_00300_.png", "new_00001_.png", "old_00301_.png", "new_00002_.png"]
    assert looks == [tmp_path] * 2  # once for each name


def test_a_name_may_hold_numbers_itself(tmp_path: Path) -> None:
    for name in ("a_00004_b_00002_.png", "a_0000x_.png", f"a_{'9' * 5000}"[:200], "_00003_.png"):
        (tmp_path / name).touch()
    counters = Counters()
    names = [counters.create(tmp_path, stem, "png") for stem in ("a", "a_00004_b", "")]
    assert names == ["a_00005_.png", "a_00004_b_00003_.png", "_00004_.png"]


def test_what_others_saved_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    ours, theirs = Counters(), Counters()
    names = [counters.create(tmp_path, "x", "png") for counters in (ours, theirs, ours, theirs, theirs, ours)]
    assert names == [f"x_{number:05}_.png" for number in range(1, 7)]

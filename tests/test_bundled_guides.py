"""Does the bundled model follow maps of edges, and take colours from pictures?"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.bundled_guides import follow_edges, follow_picture
from executor.session import Session


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Session, Path]]:
    base = tmp_path_factory.mktemp("guides")
    with Session(base) as session:
        (base / "input").mkdir(exist_ok=True)
        yield session, base / "input"


def test_figures_go_where_the_edges_are(opened: tuple[Session, Path]) -> None:
    overlaps = [follow_edges(*opened, case)[0] for case in range(4)]
    assert sum(overlaps) / len(overlaps) >= 0.8


def test_colours_come_from_the_picture_and_the_kind_from_the_prompt(opened: tuple[Session, Path]) -> None:
    assert sum(follow_picture(*opened, case)[0] for case in range(4)) >= 3

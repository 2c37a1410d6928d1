"""Every workflow to begin with runs with what comes with the app, here with few steps."""

import json
import shutil
from pathlib import Path

import pytest

from executor.session import Session
from web.routes.templates import TEMPLATES

STEPS = 2


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    base = tmp_path_factory.mktemp("templates")
    (base / "input").mkdir()
    for picture in TEMPLATES.glob("*.png"):
        shutil.copy(picture, base / "input" / picture.name)
    with Session(base) as opened:
        yield opened


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*[!x].json")), ids=lambda path: path.stem)
def test_a_template_runs(session: Session, path: Path) -> None:
    workflow = json.loads(path.read_text())
    for node in workflow.values():
        if node["class_type"] == "KSampler":
            node["inputs"]["steps"] = STEPS
    [picture] = session.run(workflow).tensors[0]
    assert picture.std() > 0.01

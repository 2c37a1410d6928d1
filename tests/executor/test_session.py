import json
import re
import threading
from pathlib import Path

import pytest
import torch
from PIL import Image

from executor.run.events import JobFinished, NodeProgress, NodesCached, NodeStarted
from executor.session import InvalidGraphError, JobFailedError, Session
from loaders.folders import Folders
from nodes.api.catalogue import collect
from nodes.api.errors import Cancelled, WorkflowError
from tests.executor.worker import toy_nodes
from tests.executor.worker.no_memory import NoMemory
from tests.fixtures.checkpoints import tiny_checkpoint
from tests.fixtures.graphs import text_to_image

PICTURE = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 32, "height": 16, "batch_size": 2, "color": 255}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "made"}},
}


def toy(kind, **inputs):
    return {
        "1": {"class_type": kind, "inputs": {"value": "x", **inputs}},
        "2": {"class_type": "ToyShow", "inputs": {"value": ["1", 0]}},
    }


@pytest.fixture
def session(tmp_path):
    with Session(tmp_path, cpu=True) as session:
        yield session


@pytest.fixture
def toys(tmp_path):
    with Session(Folders(tmp_path), nodes=collect([toy_nodes]), memory=NoMemory()) as session:
        yield session


def test_a_run_gives_pictures_and_tensors(session):
    result = session.run(PICTURE)
    (tensor,) = result.tensors
    assert tensor.shape == (2, 16, 32, 3)
    assert tensor.dtype == torch.float32
    assert [image.size for image in result.images] == [(32, 16), (32, 16)]
    assert result.images[0].getpixel((0, 0)) == (0, 0, 255)
    assert [path.name for path in result.files] == ["made_00001_.png", "made_00002_.png"]
    assert sorted(result.executed) == ["1", "2"]


def test_a_second_run_computes_nothing_and_gives_the_same(session):
    first, second = session.run(PICTURE), session.run(PICTURE)
    assert second.executed == ()
    assert second.files == first.files
    assert torch.equal(second.tensors[0], first.tensors[0])


def test_overrides_change_one_run(session):
    result = session.run(PICTURE, overrides=["EmptyImage.width=8", "1.batch_size=1"])
    assert result.tensors[0].shape == (1, 16, 8, 3)


def test_a_saved_picture_can_be_loaded_and_run(session):
    path = session.run(PICTURE).files[0]
    workflow = session.load(path)
    assert workflow["1"]["inputs"]["color"] == 255
    assert session.run(workflow).executed == ()


def test_the_drawn_workflow_is_saved_with_the_picture(session):
    drawn = {
        "nodes": [
            {
                "id": 1,
                "type": "EmptyImage",
                "inputs": [],
                "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [1]}],
                "widgets_values": [8, 8, 1, 0],
            },
            {
                "id": 2,
                "type": "SaveImage",
                "inputs": [{"name": "images", "type": "IMAGE", "link": 1}],
                "outputs": [],
                "widgets_values": ["drawn"],
            },
        ],
        "links": [[1, 1, 0, 2, 0, "IMAGE"]],
        "version": 0.4,
    }
    (path,) = session.run(drawn).files
    with Image.open(path) as picture:
        assert json.loads(picture.info["workflow"]) == drawn
        assert json.loads(picture.info["prompt"])["2"]["inputs"]["filename_prefix"] == "drawn"


def test_metadata_can_be_left_out(tmp_path):
    with Session(tmp_path, cpu=True, metadata=False) as session:
        assert "prompt" not in session.run(PICTURE).images[0].info


def test_events_come_as_they_happen(toys):
    events = toys.events(toy("ToySteps", count=2, seconds=0))
    names = [type(event).__name__ for event in events]
    assert names == [
        "JobStarted",
        "NodesCached",
        "NodeStarted",
        *["NodeProgress"] * 2,
        *["NodeFinished", "NodeStarted", "NodeFinished"],
        "JobFinished",
    ]


def test_leaving_the_events_early_cancels_the_run(toys):
    for event in toys.events(toy("ToySteps", count=100_000, seconds=0.001)):
        if isinstance(event, NodeProgress):
            break
    result = toys.run(toy("ToyText"))
    assert result.outputs == {"2": {"text": ("x",)}}


def test_a_run_can_be_cancelled_from_another_thread(toys):
    def cancel(event):
        if isinstance(event, NodeStarted):
            threading.Thread(target=toys.cancel).start()

    with pytest.raises(Cancelled):
        toys.run(toy("ToySteps", count=100_000, seconds=0.001), on_event=cancel)


def test_problems_are_raised_all_at_once_before_anything_runs(session, tmp_path):
    graph = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": "wide", "height": 0}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0]}},
    }
    with pytest.raises(InvalidGraphError, match="width") as raised:
        session.run(graph)
    assert {problem.input_name for problem in raised.value.problems} >= {"width", "height", "batch_size"}
    with pytest.raises(InvalidGraphError):
        session.events(graph)
    assert list((tmp_path / "output").iterdir()) == []


def test_what_is_no_workflow_is_refused(session):
    with pytest.raises(WorkflowError):
        session.run({"1": "nothing"})


def test_a_failed_node_is_named(toys):
    with pytest.raises(JobFailedError, match=r"ToyFail \(node 1\) failed: no good: x") as raised:
        toys.run(toy("ToyFail"))
    assert raised.value.failure.exception_type == "ValueError"
    assert toys.run(toy("ToyText")).outputs == {"2": {"text": ("x",)}}


def test_only_the_targets_are_computed(toys):
    graph = {**toy("ToyText"), "3": {"class_type": "ToyShow", "inputs": {"value": ["1", 0]}}}
    assert set(toys.run(graph, targets=["3"]).outputs) == {"3"}


def test_two_runs_at_a_time_are_refused(toys):
    events = toys.events(toy("ToySteps", count=9, seconds=0.01))
    next(events)
    with pytest.raises(RuntimeError, match="second session"):
        toys.run(toy("ToyText"))
    events.close()


def test_closing_ends_a_run_that_nobody_watches(tmp_path):
    session = Session(Folders(tmp_path), nodes=collect([toy_nodes]), memory=NoMemory())
    events = session.events(toy("ToySteps", count=100_000, seconds=0.001))
    next(events)
    session.close()
    assert list(events)[-1].status == "cancelled"


def test_freed_results_are_computed_again(toys):
    toys.run(toy("ToyText"))
    toys.free()
    heard = []
    toys.run(toy("ToyText"), on_event=heard.append)
    assert [event.nodes for event in heard if isinstance(event, NodesCached)] == [()]
    assert isinstance(heard[-1], JobFinished)


def test_the_example_of_the_documentation_runs(tmp_path, monkeypatch, capsys):
    text = (Path(__file__).resolve().parents[2] / "docs" / "python.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(example.strip().splitlines()) <= 11
    tiny_checkpoint(tmp_path / "pictures" / "models" / "checkpoints" / "tiny.safetensors")
    (tmp_path / "graph.json").write_text(json.dumps(text_to_image(64)))
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "docs/python.md", "exec"), {})
    assert (tmp_path / "seed-1.png").read_bytes() != (tmp_path / "seed-2.png").read_bytes()
    first, second, *events = capsys.readouterr().out.splitlines()
    assert first.endswith("drawn_00001_.png torch.Size([1, 64, 64, 3]) 6")
    assert second.endswith("drawn_00002_.png torch.Size([1, 64, 64, 3]) 3")
    assert events[0].startswith("JobStarted")
    assert events[-1].startswith("JobFinished")

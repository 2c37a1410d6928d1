import io
from pathlib import Path

import pytest

from executor.graph.parse import parse
from executor.graph.validate import Problem
from executor.run.events import JobFinished, NodeFailed, NodeFinished, NodeProgress, NodeStarted
from executor.session_output import Terminal

GRAPH = parse(
    {
        "1": {"class_type": "KSampler", "inputs": {}, "_meta": {"title": "Draw"}},
        "2": {"class_type": "SaveImage", "inputs": {}},
    }
)
IMAGE = {"filename": "a.png", "subfolder": "x", "type": "output"}


class Screen(io.StringIO):
    def isatty(self):
        return True


def locate(record):
    return Path("/out") / record["subfolder"] / record["filename"]


@pytest.mark.parametrize("stream", [Screen(), io.StringIO()], ids=["terminal", "file"])
def test_a_bar_is_drawn_on_a_terminal_only(stream):
    report = Terminal(GRAPH, locate, stream)
    report.tell(NodeStarted("a", "1"))
    for step in range(20):
        report.tell(NodeProgress("a", "1", step + 1, 20))
    report.tell(NodeFinished("a", "1"))
    report.tell(JobFinished("a", "succeeded", {}, ("1",), ("2",), 1.25, 0.0))
    text = stream.getvalue()
    assert ("KSampler 'Draw' (node 1):" in text) == stream.isatty()
    assert text.endswith("succeeded in 1.25 s: 1 nodes ran, 1 were cached\n")


def test_results_are_named_on_standard_output(capsys):
    report = Terminal(GRAPH, locate, io.StringIO())
    report.tell(NodeFinished("a", "2", {"images": (IMAGE, IMAGE), "text": ("hello",), "animated": (True,)}))
    assert capsys.readouterr().out == "/out/x/a.png\n/out/x/a.png\nSaveImage (node 2): hello\n"


def test_a_failure_is_one_sentence():
    stream = io.StringIO()
    Terminal(GRAPH, locate, stream).tell(NodeFailed("a", "1", "KSampler", "ValueError", "no steps\n"))
    assert stream.getvalue() == "KSampler 'Draw' (node 1) failed: no steps\n"


def test_a_problem_names_its_node():
    stream = io.StringIO()
    Terminal(GRAPH, locate, stream).problems([Problem("t", "Too small", "steps", "1"), Problem("t", "Empty")])
    assert stream.getvalue() == "KSampler 'Draw' (node 1): Too small (steps)\nEmpty\n"

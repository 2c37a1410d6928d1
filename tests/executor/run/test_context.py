import io
from itertools import pairwise

import pytest
from PIL import Image

from executor.run import context as module
from executor.run.context import context_maker
from executor.run.engine import RunRequest
from executor.run.events import NodePreview, NodeProgress
from nodes.api.errors import Cancelled
from tests.executor.run.kit import NoFiles, borrow, graph_of


class Desk:
    """A context and what it reports."""

    def __init__(self, **options):
        self.events = []
        self.cancelled = False
        self.files = NoFiles()
        request = RunRequest("job", graph_of(a=("number", {})), ("a",), **options)
        make = context_maker(self.files, borrow)
        self.context = make(request, "a", self.events.append, lambda: self.cancelled)


def test_a_context_knows_where_it_is():
    desk = Desk(prompt={"a": {}}, extra_pnginfo={"workflow": {}}, preview_method="none")
    context = desk.context
    assert (context.job_id, context.node_id) == ("job", "a")
    assert context.prompt == {"a": {}}
    assert context.extra_pnginfo == {"workflow": {}}
    assert context.preview_method == "none"
    assert context.files is desk.files
    assert context.log.name == "nodes.number"


def test_progress_is_reported():
    desk = Desk()
    desk.context.progress(3, 20, "step")
    assert desk.events == [NodeProgress("job", "a", 3, 20, "step")]


def test_progress_that_nobody_could_see_is_passed_over_but_not_its_end(monkeypatch):
    now = [5.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    desk = Desk()
    for step in range(1, 50_001):
        now[0] += 0.0001  # five seconds in all
        desk.context.progress(step, 50_000)
    assert module.PROGRESS_AT_ONCE < len(desk.events) < module.PROGRESS_AT_ONCE + 6 * 50
    assert desk.events[0].value == 1
    assert desk.events[-1].value == 50_000
    waits = [after.value - before.value for before, after in pairwise(desk.events[-100:])]
    assert max(waits) <= 2 * 10_000 / module.PROGRESS_PER_SECOND
    desk.cancelled = True
    with pytest.raises(Cancelled):
        desk.context.progress(0, 50_000)


def test_parts_of_progress_add_up():
    desk = Desk()
    first, second = desk.context.sub(0.0, 0.25), desk.context.sub(0.25, 0.75)
    first.progress(2, 4)
    second.sub(0.5, 0.5).progress(1, 2, "deep")
    second.progress(0, 0)
    shares = [(event.value, event.total, event.text) for event in desk.events]
    assert shares == [(0.125, 1.0, ""), (0.25 + 0.75 * 0.75, 1.0, "deep"), (1.0, 1.0, "")]


def test_a_part_shows_on_the_same_node():
    desk = Desk()
    desk.context.show("text", ["a"])
    desk.context.sub(0, 1).show("text", ["b"])
    assert desk.context.shown == {"text": ["a", "b"]}


@pytest.mark.parametrize(
    "act",
    [
        lambda context: context.progress(1, 2),
        lambda context: context.preview(Image.new("RGB", (4, 4))),
        lambda context: context.check_cancelled(),
    ],
)
def test_whatever_a_cancelled_node_does_next_stops_it(act):
    desk = Desk()
    desk.cancelled = True
    with pytest.raises(Cancelled, match="job job was cancelled"):
        act(desk.context.sub(0, 1))
    assert desk.events == []


def test_a_preview_is_sent_small_and_leaves_the_picture_alone():
    desk = Desk()
    picture = Image.new("RGBA", (2048, 1024), "red")
    desk.context.preview(picture)
    (event,) = desk.events
    assert isinstance(event, NodePreview)
    assert (event.format, event.width, event.height) == ("jpeg", 512, 256)
    assert Image.open(io.BytesIO(event.data)).size == (512, 256)
    assert (picture.size, picture.mode) == ((2048, 1024), "RGBA")
    small = Image.new("RGB", (8, 8))
    desk.context.preview(small)
    assert desk.events[1].width == 8


def test_no_preview_is_sent_when_none_are_wanted():
    desk = Desk(preview_method="none")
    desk.context.preview(Image.new("RGB", (4, 4)))
    assert desk.events == []


def test_networks_are_borrowed_from_whom_was_handed_in():
    with Desk().context.resident("network") as network:
        assert network == "network"

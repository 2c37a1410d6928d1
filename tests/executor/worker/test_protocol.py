import io
import json
from pathlib import Path

import pytest

from executor.run.events import JobFinished, NodeFailed, NodeFinished, NodePreview, NodesCached
from executor.worker import protocol


def round_trip(message):
    return protocol.read(io.BytesIO(protocol.encode(message)))


@pytest.mark.parametrize(
    "message",
    [
        protocol.Read("1.2", '{"1": {"class_type": "X", "inputs": {"t": "größe \u2028"}}}'.encode()),
        protocol.Run("a", "1.2", ("1",), {"w": [1]}, "auto"),
        protocol.Cancel("a", "1.2"),
        protocol.Free(True, False),
        protocol.Stop(),
        protocol.Lease(0.5),
        protocol.Reload(),
        protocol.Validate(7, {"1": {}}, ("1",)),
        protocol.Hello(1, {"name": "cpu", "index": None}),
        protocol.Beat(),
        protocol.Moved(),
        protocol.Device({"name": "cpu"}, ("checkpoints/a",)),
        protocol.Catalogue(({"id": "X"}, {"id": "Y"}), ({"name": "pack"},)),
        protocol.Verdict(7, ({"message": "no"},)),
        protocol.LogRecord(30, "x.y", "two\nlines", 1.5, "a", "1"),
        NodesCached("a", ("1", "2")),
        NodePreview("a", "1", "jpeg", bytes(range(256)), 16, 8),
        NodeFinished("a", "1", {"text": ["x"]}, True, 0.5),
        NodeFailed("a", "1", "X", "ValueError", "no", ("line 1", "line 2"), {"x": "1"}),
        JobFinished("a", "succeeded", {"1": {"text": ["x"]}}, ("1",), (), 1.0, 2.0),
    ],
    ids=lambda message: type(message).__name__,
)
def test_every_message_arrives_as_it_was_sent(message):
    assert round_trip(message) == message


def test_a_message_about_a_job_shows_its_token():
    frame = protocol.encode(NodesCached("a", ()), "3.1")
    assert protocol.decode(frame[protocol.LENGTHS.size :]) == (NodesCached("a", ()), "3.1")
    assert protocol.decode(protocol.encode(protocol.Beat())[protocol.LENGTHS.size :]) == (protocol.Beat(), "")


def test_frames_follow_each_other_and_the_end_is_told():
    stream = io.BytesIO(protocol.encode(protocol.Cancel("a", "1.2")) + protocol.encode(protocol.Stop()))
    assert [protocol.read(stream) for _ in range(3)] == [protocol.Cancel("a", "1.2"), protocol.Stop(), None]


def test_half_a_frame_is_the_end():
    frame = protocol.encode(protocol.Cancel("a", "1.2"))
    assert all(protocol.read(io.BytesIO(frame[:length])) is None for length in range(len(frame)))


@pytest.mark.parametrize(
    "head",
    [b"", b"{", b"[]", b"3", b"{}", b'{"kind": "System"}', b'{"kind": "Cancel"}', b'{"kind": ["Cancel"]}'],
)
def test_what_is_no_message_is_refused(head):
    with pytest.raises(protocol.ProtocolError):
        protocol.decode(head)


def test_an_absurd_length_is_refused_before_anything_is_read():
    with pytest.raises(protocol.ProtocolError, match="4294967296 bytes"):
        protocol.lengths(b"\xff\xff\xff\xff\x00\x00\x00\x01")


def test_what_a_node_shows_becomes_plain_data():
    class Array:
        def tolist(self):
            return [1, 2]

    endless = []
    endless.append(endless)
    shown = {"a": Array(), "b": Path("x"), "c": {1}, 4: (object,), "d": {("k", 1): None}, "e": endless}
    ui = round_trip(NodeFinished("a", "1", shown)).ui
    assert ui["a"] == [1, 2]
    assert (ui["b"], ui["c"], ui["d"]) == ("x", [1], {"('k', 1)": None})
    assert "object" in ui["4"][0]
    json.dumps(ui)

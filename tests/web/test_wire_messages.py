"""How events become messages: coalescing, failures told once, a second attempt."""

from typing import Any

from executor.queue.jobs import QueuedJob
from executor.run.allowance import Allowance
from executor.run.events import (
    JobFinished,
    JobStarted,
    NodeBlocked,
    NodeFailed,
    NodeFinished,
    NodePreview,
    NodeProgress,
    NodesCached,
    NodeStarted,
)
from web.hub import Message
from web.wire_messages import STATES_AT_ONCE, WHOLE_STATE_NODES, JobMessages

GRAPH = {"1": {"class_type": "A", "inputs": {}}, "2": {"class_type": "B", "inputs": {}}}


def job(graph: dict[str, Any] | None = None) -> QueuedJob:
    return QueuedJob("j", 0, 0, graph or GRAPH, {"client_id": "c"}, ("2",), 0.0)


def end(status: str) -> JobFinished:
    return JobFinished("j", status, {}, (), (), 1.0, 12.5)


def told(messages: JobMessages, *events: Any, now: float = 0.0) -> list[Message]:
    return [message for event in events for message in messages.translate(event, now)]


def test_an_allowance_lets_a_burst_through_and_then_its_rate() -> None:
    allowance = Allowance(per_second=10, at_once=3)
    assert [allowance.take(0.0) for _ in range(5)] == [True, True, True, False, False]
    assert allowance.take(0.1)
    assert not allowance.take(0.11)
    assert [allowance.take(100.0) for _ in range(4)] == [True, True, True, False]


def test_a_flood_of_progress_is_thinned_and_the_last_word_is_said() -> None:
    messages = JobMessages(job())
    told(messages, JobStarted("j", 1.0), NodesCached("j", ()), NodeStarted("j", "1"))
    flood = [message for step in range(1000) for message in told(messages, NodeProgress("j", "1", step, 999))]
    assert len([m for m in flood if m.type == "progress"]) < STATES_AT_ONCE
    assert messages.has_waiting
    assert messages.flush(0.0) == []
    assert [m.type for m in messages.flush(0.1)] == ["progress_state", "progress"]
    told(messages, *(NodeProgress("j", "1", 999, 999) for _ in range(50)), now=0.1)
    finished = told(messages, NodeFinished("j", "1", None), now=0.1)
    assert [m.type for m in finished] == ["progress"]
    assert finished[0].data is not None
    assert finished[0].data["value"] == 999
    last = told(messages, end("succeeded"), now=0.1)
    assert [m.type for m in last] == ["progress_state", "execution_success"]


def test_a_large_graph_is_told_by_what_changed() -> None:
    messages = JobMessages(job())
    told(messages, JobStarted("j", 1.0))
    for index in range(WHOLE_STATE_NODES + 1):
        told(messages, NodeStarted("j", f"n{index}"), NodeFinished("j", f"n{index}"), now=1000.0 * index)
    [state, _] = told(messages, NodeStarted("j", "last"), now=1e9)
    assert state.data is not None
    assert list(state.data["nodes"]) == ["last"]


def test_a_failure_is_told_once_at_the_end_with_its_node() -> None:
    messages = JobMessages(job())
    failed = NodeFailed("j", "1", "A", "ValueError", "no", ("line",), {"x": 1, "y": [2]})
    assert told(messages, JobStarted("j", 1.0), NodeStarted("j", "1"), failed)[-1].type == "executing"
    error = told(messages, end("failed"))[-1]
    assert error.type == "execution_error"
    assert error.data == {
        "prompt_id": "j",
        "timestamp": 12500,
        "node_id": "1",
        "node_type": "A",
        "executed": [],
        "exception_message": "no",
        "exception_type": "ValueError",
        "traceback": ["line"],
        "current_inputs": {"x": [1], "y": [2]},
        "current_outputs": ["1", "2"],
    }


def test_a_failure_without_a_node_still_says_what_ran() -> None:
    messages = JobMessages(job())
    told(messages, JobStarted("j", 1.0), NodeStarted("j", "2"))
    error = told(messages, end("failed"))[-1]
    assert error.data is not None
    assert (error.data["node_id"], error.data["node_type"]) == ("2", "B")
    assert error.data["exception_message"]


def test_a_cached_output_is_shown_without_running() -> None:
    messages = JobMessages(job())
    shown = told(messages, JobStarted("j", 1.0), NodeFinished("j", "2", {"text": ["x"]}, cached=True))
    assert [m.type for m in shown] == ["execution_start", "executed", "progress_state"]
    nothing = told(messages, NodeFinished("j", "1", None, cached=True))
    assert nothing[0].data == {"node": "1", "display_node": "1", "output": None, "prompt_id": "j"}


def test_a_second_attempt_starts_anew() -> None:
    messages = JobMessages(job())
    told(messages, JobStarted("j", 1.0), NodeStarted("j", "1"), NodeFinished("j", "1"), NodeStarted("j", "2"))
    told(messages, JobStarted("j", 2.0))
    assert messages.running_node is None
    stopped = told(messages, end("cancelled"))[-1]
    assert stopped.type == "execution_interrupted"
    assert stopped.data is not None
    assert stopped.data["executed"] == []


def test_an_instance_that_a_node_added_names_the_node_of_the_page() -> None:
    messages = JobMessages(job())
    ids = {"display_id": "1", "parent_id": "1", "real_id": "1"}
    told(messages, JobStarted("j", 1.0))
    state, begin = told(messages, NodeStarted("j", "1.0.0.2", **ids))
    assert begin.data == {"node": "1.0.0.2", "display_node": "1", "prompt_id": "j"}
    assert state.data is not None
    about = state.data["nodes"]["1.0.0.2"]
    assert (about["display_node_id"], about["parent_node_id"], about["real_node_id"]) == ("1", "1", "1")
    executed = told(messages, NodeFinished("j", "1.0.0.2", {"text": ["x"]}, **ids))[0]
    assert executed.data is not None
    assert (executed.data["node"], executed.data["display_node"]) == ("1.0.0.2", "1")


def test_a_node_that_is_held_back_is_told_and_the_job_goes_on() -> None:
    messages = JobMessages(job())
    told(messages, JobStarted("j", 1.0), NodeStarted("j", "1"), NodeFinished("j", "1"))
    [blocked] = told(messages, NodeBlocked("j", "2", "B", "not today"))
    assert blocked.type == "execution_error"
    assert blocked.data is not None
    assert blocked.data["exception_message"] == "Execution Blocked: not today"
    assert blocked.data["exception_type"] == "ExecutionBlocked"
    assert (blocked.data["node_id"], blocked.data["executed"]) == ("2", ["1"])
    assert "timestamp" not in blocked.data
    assert told(messages, end("succeeded"))[-1].type == "execution_success"


def test_whole_pictures_are_owed_and_passing_ones_may_be_skipped() -> None:
    kinds = [NodePreview("j", "1", kind, b"bytes", 4, 4) for kind in ("png", "jpeg")]
    whole, passing = told(JobMessages(job()), *kinds)
    assert [whole.is_owed, passing.is_owed] == [True, False]
    assert whole.legacy_frame == (1).to_bytes(4, "big") + (2).to_bytes(4, "big") + b"bytes"

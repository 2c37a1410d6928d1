import json

from executor.queue.history import HistoryEntry, Outcome
from executor.queue.jobs import QueuedJob
from executor.run.events import JobFinished, NodeFinished
from executor.worker.record import RunRecord

JOB = QueuedJob("job", 0, 0, {"a": {"class_type": "Loop", "inputs": {}}}, {}, ("a",), 0.0)


def test_what_added_instances_put_out_belongs_to_the_one_that_stands_in_the_graph():
    record = RunRecord(JOB)
    record.note(NodeFinished("job", "a.0.0.1", {"text": ["inner"]}, False, 0.1, "a", "a.0", "a"))
    record.note(NodeFinished("job", "a.0.0.2", None, False, 0.1, "a", "a.0", "a"))
    record.note(NodeFinished("job", "a", {"text": ["outer"]}))
    shown = {"a": {"text": ["outer"]}, "a.0.0.1": {"text": ["inner"]}}
    record.note(JobFinished("job", "succeeded", shown, ("a.0.0.1", "a.0.0.2", "a"), (), 0.2, 1.0))
    stored = Outcome.from_json(json.loads(json.dumps(record.outcome().to_json())))
    assert HistoryEntry(0, JOB, stored).wire()["meta"] == {
        "a": {"node_id": "a", "display_node": "a", "parent_node": None, "real_node_id": "a"},
        "a.0.0.1": {
            "node_id": "a.0.0.1",
            "display_node": "a",
            "parent_node": "a.0",
            "real_node_id": "a",
        },
    }


def test_an_outcome_that_was_stored_before_there_were_families_can_be_read():
    stored = Outcome.from_json(
        {"state": "succeeded", "started": 0, "finished": 1, "outputs": {}}
        | {"executed": [], "cached": [], "failure": None}
    )
    assert stored.families == {}

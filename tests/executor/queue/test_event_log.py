import pytest

from executor.queue import event_log
from executor.queue.event_log import EventLog
from executor.queue.jobs import QueuedJob
from executor.queue.store import Store
from executor.run.events import JobFinished, JobStarted, NodeFinished, NodePreview, NodeProgress, NodeStarted

JOB = QueuedJob("a", 0, 0, {}, {}, (), 7.5)
END = JobFinished("a", "succeeded", {}, ("1",), (), 1.0, 2.0)


@pytest.fixture
async def store(tmp_path):
    store = Store(tmp_path / "queue.db")
    await store.add(JOB)
    yield store
    store.close()


@pytest.fixture
async def log(store):
    log = EventLog(store)
    await log.open("a", is_first=True)
    yield log
    log.stop()


async def kinds(store, after=0):
    return [(event.id, event.kind) for event in await store.events("a", after)]


async def test_events_are_numbered_stored_and_read_from_any_point(store, log):
    events = [JobStarted("a", 1.0), NodeStarted("a", "1"), NodeFinished("a", "1", {"text": ["x"]}), END]
    assert [log.note(event) for event in events] == [2, 3, 4, 5]
    await log.flush("a")
    everything = await store.events("a", 0)
    assert [(event.id, event.kind) for event in everything] == [
        (1, "JobQueued"),
        (2, "JobStarted"),
        (3, "NodeStarted"),
        (4, "NodeFinished"),
        (5, "JobFinished"),
    ]
    assert everything[0].time == 7.5
    told = {"node_id": "1", "ui": {"text": ["x"]}, "cached": False, "seconds": 0.0}
    assert everything[3].data == told | {"display_id": "", "parent_id": "", "real_id": ""}
    assert await kinds(store, 3) == [(4, "NodeFinished"), (5, "JobFinished")]
    assert await store.events("unknown", 0) == []


async def test_of_progress_the_last_word_stays_and_pictures_are_not_stored(store, log):
    for step in range(50):
        log.note(NodeProgress("a", "1", step, 50))
        log.note(NodeProgress("a", "2", step, 50))
        assert log.note(NodePreview("a", "1", "jpeg", b"x", 8, 8)) == 0
    await log.flush("a")
    rows = await store.events("a", 1)
    assert [(row.data["node_id"], row.data["value"]) for row in rows] == [("1", 49), ("2", 49)]
    assert [row.id for row in rows] == [100, 101]


async def test_a_job_that_says_too_much_is_cut_short_but_its_end_is_kept(store, log, monkeypatch):
    monkeypatch.setattr(event_log, "MOST_EVENTS", 10)
    for number in range(30):
        log.note(NodeStarted("a", str(number)))
        await log.flush("a")
    log.note(END)
    log.close("a")
    await store.begin(JOB.started())
    rows = await kinds(store, 1)
    assert len(rows) == 11
    assert rows[-1][1] == "JobFinished"


async def test_a_second_attempt_goes_on_counting(store, log):
    log.note(JobStarted("a", 1.0))
    await log.flush("a")
    again = EventLog(store)
    await again.open("a", is_first=False)
    assert again.note(JobStarted("a", 2.0)) == 3
    await again.flush("a")
    again.stop()
    assert await kinds(store, 1) == [(2, "JobStarted"), (3, "JobStarted")]


async def test_what_is_not_open_is_not_stored(store, log):
    assert log.note(JobStarted("other", 1.0)) == 0
    log.close("a")
    assert log.note(END) == 0

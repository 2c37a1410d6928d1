import asyncio
import json
import sqlite3
from dataclasses import replace

import pytest

from executor.queue.history import Failure, Outcome
from executor.queue.jobs import (
    DuplicateJobError,
    JobState,
    QueuedJob,
    StaleLeaseError,
    now,
    stored_extra_data,
)
from executor.queue.pending import PendingJobs
from executor.queue.rows import Page
from executor.queue.schema import MIGRATIONS, QueueDatabaseError
from executor.queue.store import Keep, Store
from tests.executor.queue.entries import entries

GRAPH = {"1": {"class_type": "Toy", "inputs": {"text": "größe"}}}


def make_job(sequence, number=None, job_id=None):
    return QueuedJob(
        job_id=job_id or f"job-{sequence}",
        sequence=sequence,
        number=sequence if number is None else number,
        graph=GRAPH,
        extra_data={"client_id": "c"},
        targets=("1",),
        created=1.5,
    )


def make_outcome(state=JobState.SUCCEEDED, **values):
    return Outcome(state, **{"started": 2.0, "finished": 3.0, "outputs": {"1": {"text": ["x"]}}, **values})


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "queue.db")
    yield store
    store.close()


async def finish(store, job, outcome=None):
    await store.add(job)
    await store.begin(job.started())
    await store.finish(job.started(), outcome or make_outcome())


async def test_what_was_added_is_found_after_a_restart_in_order(tmp_path):
    store = Store(tmp_path / "queue.db")
    jobs = [make_job(0), make_job(1, number=-1), make_job(2, number=0.5)]
    await asyncio.gather(*(store.add(job) for job in jobs))
    store.close()
    store = Store(tmp_path / "queue.db")
    recovered = store.recover(losses=2)
    store.close()
    assert [job.job_id for job in PendingJobs(recovered.waiting)] == ["job-1", "job-0", "job-2"]
    assert sorted(recovered.waiting, key=lambda job: job.sequence) == jobs
    assert recovered.next_sequence == 3


async def test_the_sequence_goes_on_after_everything_was_removed(store):
    await store.add(make_job(41))
    await store.remove(["job-41"])
    recovered = store.recover(losses=2)
    assert recovered.waiting == ()
    assert recovered.next_sequence == 42


async def test_a_running_job_waits_again_once_and_fails_the_second_time(store):
    job = make_job(0)
    await store.add(job)
    await store.begin(job.started())
    recovered = store.recover(losses=2)
    assert recovered.failed == ()
    (again,) = recovered.waiting
    assert (again.attempts, again.losses, again.state) == (1, 1, JobState.LOST)
    await store.begin(again.started())
    recovered = store.recover(losses=2)
    assert recovered.waiting == ()
    assert [failed.job_id for failed in recovered.failed] == ["job-0"]
    entry = await store.history_entry("job-0")
    assert entry.outcome.state is JobState.FAILED
    assert "stopped while this job was running, 2 times" in entry.outcome.failure.message


async def test_a_second_job_of_the_same_id_is_refused_while_the_first_is_open(store):
    first, second = make_job(0, job_id="same"), make_job(1, job_id="same")
    await store.add(first)
    with pytest.raises(DuplicateJobError, match="'same'"):
        await store.add(second)
    await store.begin(first.started())
    with pytest.raises(DuplicateJobError):
        await store.add(second)


async def test_a_finished_id_may_be_used_again(store):
    await finish(store, make_job(0, job_id="same"))
    await store.add(make_job(1, job_id="same"))
    assert await store.history_entry("same") is None
    assert [job.sequence for job in store.recover(2).waiting] == [1]


async def test_one_refused_write_does_not_undo_its_neighbours(store):
    await store.add(make_job(0, job_id="taken"))
    jobs = [make_job(1), make_job(2, job_id="taken"), make_job(3)]
    results = await asyncio.gather(*(store.add(job) for job in jobs), return_exceptions=True)
    assert [type(result) for result in results] == [QueuedJob, DuplicateJobError, QueuedJob]
    assert {job.sequence for job in store.recover(2).waiting} == {0, 1, 3}


async def test_history_pages_from_the_oldest_or_gives_the_newest(store):
    for index in range(6):
        await finish(store, make_job(index))

    async def page(*window):
        return [entry.job.sequence for entry in await entries(store, *window)]

    assert await page() == [0, 1, 2, 3, 4, 5]
    assert await page(2) == [4, 5]
    assert await page(2, -1) == [4, 5]
    assert await page(2, 0) == [0, 1]
    assert await page(2, 3) == [3, 4]
    assert await page(None, 4) == [4, 5]
    assert await page(2, 6) == []
    assert await page(0) == []
    assert await store.history_count() == 6


async def test_the_oldest_history_is_forgotten_beyond_the_limit(tmp_path):
    store = Store(tmp_path / "queue.db", Keep(jobs=3))
    for index in range(5):
        await finish(store, make_job(index))
    assert [entry.job.sequence for entry in await entries(store)] == [2, 3, 4]
    store.close()
    rows = sqlite3.connect(tmp_path / "queue.db")
    assert rows.execute("SELECT count(*) FROM jobs").fetchone() == (3,)
    rows.close()


async def test_deleted_history_is_gone_and_waiting_jobs_stay(store):
    for index in range(3):
        await finish(store, make_job(index))
    await store.add(make_job(3))
    await store.delete_history(["job-1", "job-3", "unknown"])
    assert [entry.job_id for entry in await entries(store)] == ["job-0", "job-2"]
    await store.delete_history()
    assert await entries(store) == []
    assert [job.job_id for job in store.recover(2).waiting] == ["job-3"]


async def test_an_entry_is_told_as_the_api_tells_it(store):
    await finish(store, make_job(7), make_outcome(cached=("0",), executed=("1",)))
    entry = await store.history_entry("job-7")
    assert entry.wire() == {
        "prompt": [7, "job-7", GRAPH, {"client_id": "c"}, ["1"]],
        "outputs": {"1": {"text": ["x"]}},
        "status": {
            "status_str": "success",
            "completed": True,
            "messages": [
                ["execution_start", {"prompt_id": "job-7", "timestamp": 2000}],
                ["execution_cached", {"nodes": ["0"], "prompt_id": "job-7", "timestamp": 2000}],
                ["execution_success", {"prompt_id": "job-7", "timestamp": 3000}],
            ],
        },
        "meta": {"1": {"node_id": "1", "display_node": "1", "parent_node": None, "real_node_id": "1"}},
    }


@pytest.mark.parametrize(
    ("state", "event"), [(JobState.FAILED, "execution_error"), (JobState.CANCELLED, "execution_interrupted")]
)
async def test_an_entry_that_did_not_succeed_says_where_and_why(store, state, event):
    failure = Failure("1", "Toy", "ValueError", "no\n", ("a", "b"), {"text": ["x"]})
    await finish(store, make_job(7), make_outcome(state, failure=failure, executed=("0",)))
    status = (await store.history_entry("job-7")).wire()["status"]
    assert (status["status_str"], status["completed"]) == ("error", False)
    name, data = status["messages"][-1]
    assert name == event
    assert (data["node_id"], data["node_type"], data["executed"]) == ("1", "Toy", ["0"])
    if state is JobState.FAILED:
        assert (data["exception_type"], data["exception_message"]) == ("ValueError", "no\n")
        assert (data["traceback"], data["current_inputs"]) == (["a", "b"], {"text": ["x"]})


def test_credentials_are_not_stored():
    kept = stored_extra_data({"auth_token_comfy_org": "s", "api_key_comfy_org": "s", "client_id": "c"}, 2.5)
    assert kept == {"client_id": "c", "create_time": 2500}


def test_a_second_server_on_the_same_database_is_refused(store):
    with pytest.raises(QueueDatabaseError, match="another Sfumato server"):
        Store(store.path)


def test_a_place_where_nothing_can_be_written_is_refused(tmp_path):
    (tmp_path / "queue.db.lock").mkdir()
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "queue.db", tmp_path / "file" / "queue.db"):
        with pytest.raises(QueueDatabaseError, match="cannot be used as the queue's database"):
            Store(path)


def test_a_database_of_a_newer_version_is_refused(tmp_path):
    path = tmp_path / "queue.db"
    Store(path).close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    with pytest.raises(QueueDatabaseError, match="newer Sfumato"):
        Store(path)


def test_a_file_that_is_no_database_is_refused(tmp_path):
    path = tmp_path / "queue.db"
    path.write_bytes(b"hello " * 1000)
    with pytest.raises(QueueDatabaseError, match=r"queue\.db cannot be used"):
        Store(path)


async def test_jobs_that_arrive_together_share_commits(store):
    statements = []
    store._connection.set_trace_callback(statements.append)
    await asyncio.gather(*(store.add(make_job(number)) for number in range(300)))
    assert statements.count("COMMIT") < 30
    assert len(store.recover(2).waiting) == 300


def test_commits_are_synchronous_and_logged_ahead(store):
    connection = store._connection
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_who_has_lost_the_lease_cannot_say_how_a_job_ended(store):
    first = make_job(0).started()
    await store.add(make_job(0))
    await store.begin(first)
    await store.requeue(first.lost())
    with pytest.raises(StaleLeaseError):
        await store.finish(first, make_outcome())
    second = first.lost().started()
    await store.begin(second)
    with pytest.raises(StaleLeaseError):
        await store.finish(first, make_outcome())
    assert await entries(store) == []
    await store.finish(second, make_outcome())
    with pytest.raises(StaleLeaseError):
        await store.finish(second, make_outcome(JobState.FAILED))
    assert [entry.outcome.state for entry in await entries(store)] == [JobState.SUCCEEDED]
    assert first.token != second.token


async def test_a_key_makes_one_job_whatever_becomes_of_it(store):
    first = replace(make_job(0), idempotency_key="k")
    answers = await asyncio.gather(
        store.add(first), *(store.add(replace(make_job(n), idempotency_key="k")) for n in (1, 2))
    )
    assert [(job.job_id, job.is_repeat) for job in answers] == [
        ("job-0", False),
        ("job-0", True),
        ("job-0", True),
    ]
    await store.begin(first.started())
    await store.finish(first.started(), make_outcome())
    again = await store.add(replace(make_job(3), idempotency_key="k"))
    assert (again.job_id, again.state) == ("job-0", JobState.SUCCEEDED)
    assert store.recover(2).waiting == ()


async def test_a_page_lists_jobs_of_any_state_without_their_prompts(store):
    for index in range(5):
        outcome = make_outcome(JobState.FAILED if index % 2 else JobState.SUCCEEDED, finished=3.0 + index)
        await finish(store, make_job(index), outcome)
    await store.add(make_job(5))
    rows, total = await store.page(Page(limit=2, offset=1))
    assert ([row.sequence for row in rows], total) == ([4, 3], 6)
    assert rows[0].outputs == {"1": {"text": ["x"]}}
    assert not hasattr(rows[0], "graph")
    rows, total = await store.page(Page({JobState.FAILED, JobState.QUEUED}, order="asc"))
    assert ([row.sequence for row in rows], total) == ([1, 3, 5], 3)
    rows, _ = await store.page(Page({JobState.SUCCEEDED}, "duration", "desc"))
    assert [row.sequence for row in rows] == [4, 2, 0]
    assert await store.page(Page(set())) == ([], 0)
    row = await store.job("job-5")
    assert (row.state, row.started, row.client_id) == (JobState.QUEUED, None, "c")
    assert await store.job("unknown") is None


async def test_history_is_forgotten_by_age(tmp_path):
    store = Store(tmp_path / "queue.db", Keep(days=1))
    await finish(store, make_job(0), make_outcome(finished=now() - 2 * 86_400))
    await finish(store, make_job(1), make_outcome(finished=now()))
    await store.add(make_job(2))
    assert [entry.job_id for entry in await entries(store)] == ["job-1"]
    assert [job.job_id for job in store.recover(2).waiting] == ["job-2"]
    store.close()


def test_a_database_of_the_first_version_is_brought_up_to_date(tmp_path):
    path = tmp_path / "queue.db"
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in MIGRATIONS[0]:
        connection.execute(statement)
    connection.execute("PRAGMA user_version = 1")
    extra = json.dumps({"client_id": "c", "extra_pnginfo": {"workflow": {"id": "w"}}})
    for job_id, state in (("done", "succeeded"), ("open", "running")):
        connection.execute(
            "INSERT INTO jobs (job_id, number, state, attempts, created, graph, extra_data, targets)"
            " VALUES (?, 0, ?, 1, 1.0, '{}', ?, '[]')",
            (job_id, state, extra),
        )
    outcome = json.dumps(make_outcome().to_json())
    connection.execute("INSERT INTO history (job_id, outcome) VALUES ('done', ?)", (outcome,))
    connection.close()
    store = Store(path)
    (again,) = store.recover(3).waiting
    assert (again.job_id, again.state) == ("open", JobState.LOST)
    row = asyncio.run(store.job("done"))
    assert (row.client_id, row.workflow_id, row.finished) == ("c", "w", 3.0)
    store.close()


async def test_the_history_as_text_is_what_its_entries_tell(store):
    secret = {"client_id": "c", "webhook": {"url": "u", "secret": "hidden"}, "note": "größe"}
    failure = Failure("1", "Toy", "ValueError", "no", ("line\n",), {"x": [1]})
    await finish(store, make_job(0))
    await finish(store, replace(make_job(1, number=0.5), extra_data=secret))
    await finish(store, make_job(2), make_outcome(JobState.FAILED, failure=failure))
    text = await store.history_text()
    assert json.loads(text) == {
        entry.job_id: json.loads(json.dumps(entry.wire())) for entry in await entries(store)
    }
    assert "hidden" not in text
    assert (await store.history_entry("job-1")).job.extra_data == secret

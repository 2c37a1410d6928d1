import asyncio
import sqlite3

import pytest

from executor.queue.jobs import JobState
from executor.queue.store import Store
from executor.run.events import JobFinished, JobStarted
from executor.worker.notices import JobClosed, QueueChanged
from tests.executor.worker.service_kit import (
    SILENT,
    chain,
    make_service,
    new_job,
    run,
    running_service,
    until,
)


@pytest.fixture
async def queue(tmp_path):
    """A queue whose jobs wait, and what it says."""
    async with running_service(tmp_path, SILENT) as (service, heard):
        yield service, heard


async def submit(service, *job_ids, **values):
    return [await service.submit(new_job(job_id, chain(), **values)) for job_id in job_ids]


def waiting(service):
    return [job.job_id for job in service.pending()]


async def test_a_waiting_job_is_cancelled_once_and_remembered(queue):
    service, heard = queue
    await submit(service, "a", "b")
    assert await asyncio.gather(*(service.cancel("a") for _ in range(3))) == [True, False, False]
    assert not await service.cancel("a")
    assert not await service.cancel("unknown")
    assert waiting(service) == ["b"]
    row = await service.job("a")
    assert (row.state, row.attempts, row.position) == (JobState.CANCELLED, 0, None)
    entry = await service.history_entry("a")
    assert entry.wire()["status"]["messages"][-1][0] == "execution_interrupted"
    await asyncio.sleep(0)
    told = [type(item.event) for item in heard if item.job is not None and item.job.job_id == "a"]
    assert told == [JobFinished, JobClosed]
    assert [event.kind for event in await service.events_after("a")] == ["JobQueued", "JobFinished"]
    assert (await service.events_after("a", 1))[0].data["status"] == "cancelled"


async def test_a_job_is_cancelled_while_it_is_being_written(queue):
    service, _ = queue
    submitting = asyncio.create_task(service.submit(new_job("a", chain())))
    await asyncio.sleep(0)
    assert await service.cancel("a")
    await submitting
    assert waiting(service) == []
    assert (await service.job("a")).state is JobState.CANCELLED


async def test_waiting_jobs_change_places_for_good(tmp_path, queue):
    service, heard = queue
    await submit(service, *"abcd")
    assert await service.reorder("d", "b")
    assert await service.reorder("c", None)
    assert waiting(service) == list("cadb")
    assert not await service.reorder("c", "gone")
    assert not await service.reorder("gone", None)
    await submit(service, "e", front=True)
    assert waiting(service) == list("ecadb")
    assert [(await service.job(job_id)).position for job_id in "ecb"] == [0, 1, 4]
    assert isinstance(heard[-1].event, QueueChanged)
    await service.stop()
    again = make_service(tmp_path, SILENT)
    await again.start()
    assert waiting(again) == list("ecadb")
    await again.stop()


async def test_the_same_key_gives_the_same_job(queue):
    service, _ = queue
    first, second = await asyncio.gather(
        service.submit(new_job("a", chain(), idempotency_key="k")),
        service.submit(new_job("b", chain(), idempotency_key="k")),
    )
    assert (first.job_id, second.job_id) == ("a", "a")
    assert (first.is_repeat, second.is_repeat) == (False, True)
    assert (await service.submit(new_job("a", chain(), idempotency_key="k"))).is_repeat
    assert waiting(service) == ["a"]
    await service.cancel("a")
    assert (await service.submit(new_job("c", chain(), idempotency_key="k"))).state is JobState.CANCELLED
    assert waiting(service) == []


async def test_a_job_that_is_over_can_be_tried_again(queue):
    service, _ = queue
    await submit(service, "a", extra_data={"client_id": "me"})
    with pytest.raises(ValueError, match="not over"):
        await service.retry("a")
    with pytest.raises(KeyError):
        await service.retry("unknown")
    await service.cancel("a")
    again = await service.retry("a")
    assert again.job_id != "a"
    assert (again.graph, again.targets, again.client_id) == (chain(), ("show",), "me")
    assert waiting(service) == [again.job_id]


async def test_a_list_shows_every_state_and_no_prompt(queue):
    service, _ = queue
    extra = {"client_id": "me", "extra_pnginfo": {"workflow": {"id": "w"}}}
    await submit(service, "a", "b", "c", extra_data=extra)
    await service.cancel("b")
    rows, total = await service.history_page()
    assert [(row.job_id, row.state, row.position) for row in rows] == [
        ("c", JobState.QUEUED, 1),
        ("b", JobState.CANCELLED, None),
        ("a", JobState.QUEUED, 0),
    ]
    assert total == 3
    rows, total = await service.history_page({JobState.QUEUED}, order="asc", limit=1, workflow_id="w")
    assert ([row.job_id for row in rows], total) == (["a"], 2)
    assert (rows[0].client_id, rows[0].workflow_id) == ("me", "w")
    assert (await service.history_page(workflow_id="other"))[1] == 0


async def test_a_queue_that_starts_paused_waits_until_it_is_told_to_go_on(tmp_path):
    async with running_service(tmp_path, paused=True) as (service, _):
        await submit(service, "a")
        await until(lambda: service.worker_state == "ready")
        await asyncio.sleep(0.05)
        assert (service.paused, service.running(), waiting(service)) == (True, [], ["a"])
        service.resume()
        await until(lambda: not service.queue_remaining())
        assert (await service.job("a")).state is JobState.SUCCEEDED
        service.pause()
        assert service.paused
        assert await service.validate(chain(), ("show",)) == []
        (problem,) = await service.validate({"1": {"class_type": "ToyShow", "inputs": {}}}, ("1",))
        assert (problem["node_id"], problem["input_name"]) == ("1", "value")


async def test_without_a_worker_there_is_no_verdict(queue):
    service, _ = queue
    assert await service.validate(chain(), timeout=0.01) is None


async def test_nothing_of_a_job_runs_before_it_is_on_disk(tmp_path, monkeypatch):
    file = tmp_path / "lines"
    graph = {"show": {"class_type": "ToyAppend", "inputs": {"path": str(file), "line": "ran"}}}
    add, written_first = Store.add, []

    async def add_slowly(store, job):
        stored = await add(store, job)
        await asyncio.sleep(0.3)  # a worker that was told too early would be done by now
        written_first.append(not file.exists())
        return stored

    async with running_service(tmp_path) as (service, heard):
        await until(lambda: service.worker_state == "ready")
        monkeypatch.setattr(Store, "add", add_slowly)
        entry = await run(service, heard, "a", graph)
        assert entry.outcome.state is JobState.SUCCEEDED
        assert written_first == [True]
        assert file.read_text() == "ran\n"


async def test_a_job_that_cannot_be_written_does_not_run_and_the_next_one_does(tmp_path, monkeypatch):
    add = Store.add

    async def add_to_full_disk(store, job):
        raise sqlite3.OperationalError("database or disk is full")

    async with running_service(tmp_path) as (service, heard):
        await until(lambda: service.worker_state == "ready")
        monkeypatch.setattr(Store, "add", add_to_full_disk)
        with pytest.raises(sqlite3.OperationalError):
            await service.submit(new_job("a", chain()))
        assert (service.running(), service.queue_remaining()) == ([], 0)
        monkeypatch.setattr(Store, "add", add)
        assert (await run(service, heard, "a", chain())).outcome.state is JobState.SUCCEEDED
        assert sum(isinstance(told.event, JobStarted) for told in heard) == 1

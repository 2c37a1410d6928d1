import asyncio
import os
import signal
import time

import pytest

from executor.queue.jobs import JobState
from executor.run.events import JobStarted, NodeProgress, NodeStarted
from executor.worker import patience
from executor.worker.notices import CatalogueChanged, JobLost
from tests.executor.worker.service_kit import chain, closed, is_gone, new_job, run, running_service, until

FRESH_SECONDS = 5.0


def has_begun(heard, job_id, node_id):
    return lambda: any(told.event == NodeStarted(job_id, node_id) for told in heard)


async def test_a_worker_that_comes_back_after_a_long_pause_commits_nothing(tmp_path):
    lines = tmp_path / "lines.txt"
    graph = {
        "1": {"class_type": "ToySteps", "inputs": {"value": "x", "count": 40, "seconds": 0.01}},
        "show": {"class_type": "ToyShow", "inputs": {"value": ["1", 0]}},
        "2": {"class_type": "ToyAppend", "inputs": {"path": str(lines), "line": "done"}},
    }
    async with running_service(tmp_path, lease_seconds=0.4) as (service, heard):
        await service.submit(new_job("slow", graph | {"show": graph["show"]}))
        await until(has_begun(heard, "slow", "1"))
        first = service.workers()[0].process_id
        os.kill(first, signal.SIGSTOP)
        await until(lambda: any(isinstance(told.event, JobLost) for told in heard))
        await closed(heard, "slow")
        entry = await service.history_entry("slow")
        assert (entry.outcome.state, entry.job.attempts) == (JobState.SUCCEEDED, 2)
        assert service.workers()[0].process_id != first
        assert is_gone(first)
        (lost,) = (told.event for told in heard if isinstance(told.event, JobLost))
        assert "stood still for 0.4 s" in lost.message
        kinds = [event.kind for event in await service.events_after("slow")]
        assert (kinds.count("JobStarted"), kinds.count("JobLost"), kinds.count("JobFinished")) == (2, 1, 1)


async def test_what_is_said_with_an_old_token_is_not_heard(tmp_path, caplog):
    async with running_service(tmp_path) as (service, heard):
        await service.submit(new_job("a", chain("ToySteps", count=100_000, seconds=0.001)))
        await until(has_begun(heard, "a", "2"))
        lane = service._lanes[0]
        lane._receive(JobStarted("a", 1.0), "0.7")
        assert "without a lease" in caplog.text
        assert sum(isinstance(told.event, JobStarted) for told in heard) == 1
        await service.cancel("a")
        await closed(heard, "a")


async def test_a_worker_that_is_busy_in_native_code_is_left_alone(tmp_path):
    async with running_service(tmp_path, lease_seconds=0.1) as (service, heard):
        entry = await run(service, heard, "native", chain("ToyStuck", seconds=0.5))
        assert (entry.outcome.state, entry.job.attempts) == (JobState.SUCCEEDED, 1)


@pytest.mark.parametrize("kind", ["ToyStuck", "ToyLoop", "ToySocket"])
async def test_what_hears_no_cancel_is_killed_and_replaced_quickly(tmp_path, kind):
    async with running_service(tmp_path, cancel_grace_seconds=0.1) as (service, heard):
        await service.submit(new_job("stuck", chain(kind)))
        await until(has_begun(heard, "stuck", "2"))
        start = time.monotonic()
        assert await service.cancel("stuck")
        assert await service.cancel("stuck")
        await closed(heard, "stuck")
        await until(lambda: service.worker_state == "ready")
        seconds = time.monotonic() - start
        assert not await service.cancel("stuck")
        entry = await service.history_entry("stuck")
        assert (entry.outcome.state, entry.job.attempts) == (JobState.CANCELLED, 1)
        assert seconds < FRESH_SECONDS * (1 + os.getloadavg()[0] / (os.cpu_count() or 1))


async def test_by_force_there_is_no_time_of_grace(tmp_path):
    async with running_service(tmp_path, cancel_grace_seconds=600.0) as (service, heard):
        for job_id, is_soft_first in (("soft", True), ("hard", False)):
            await service.submit(new_job(job_id, chain("ToyStuck", value=job_id)))
            await until(has_begun(heard, job_id, "2"))
            if is_soft_first:
                assert await service.cancel(job_id)
            assert await service.cancel(job_id, by_force=True)
            await closed(heard, job_id)
            entry = await service.history_entry(job_id)
            assert (entry.outcome.state, entry.job.attempts) == (JobState.CANCELLED, 1)


@pytest.mark.parametrize("kind", ["ToyStuck", "ToySocket"])
async def test_what_stands_still_gets_no_long_grace(tmp_path, kind):
    async with running_service(tmp_path, cancel_grace_seconds=600.0) as (service, heard):
        await service.submit(new_job("stuck", chain(kind)))
        await until(has_begun(heard, "stuck", "2"))
        assert await service.cancel("stuck")
        await closed(heard, "stuck")
        assert (await service.history_entry("stuck")).outcome.state is JobState.CANCELLED


@pytest.mark.parametrize(
    ("kind", "inputs", "signs"),
    [
        pytest.param("ToyThink", {"seconds": 3.5}, 0, id="computes"),
        pytest.param("ToySteps", {"count": 9, "seconds": 2.2}, 2, id="takes long steps"),
    ],
)
async def test_what_will_stop_at_its_next_step_keeps_its_worker(tmp_path, monkeypatch, kind, inputs, signs):
    monkeypatch.setattr(patience, "STILL_SECONDS", 2.0)
    async with running_service(tmp_path) as (service, heard):
        await service.submit(new_job("slow", chain(kind, **inputs)))
        await until(has_begun(heard, "slow", "2"))
        await until(lambda: sum(isinstance(told.event, NodeProgress) for told in heard) >= signs)
        worker = service.workers()[0].process_id
        assert await service.cancel("slow")
        await closed(heard, "slow")
        assert (await service.history_entry("slow")).outcome.state is JobState.CANCELLED
        assert service.workers()[0].process_id == worker


async def test_processes_that_a_node_left_behind_go_with_its_worker(tmp_path):
    pids = tmp_path / "pids"
    async with running_service(tmp_path, cancel_grace_seconds=0.1) as (service, heard):
        await service.submit(new_job("messy", chain("ToyOrphans", path=str(pids))))
        await until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
        await service.cancel("messy")
        await closed(heard, "messy")
        assert (await service.history_entry("messy")).outcome.state is JobState.CANCELLED
        orphans = pids.read_text().split()
        await until(lambda: all(is_gone(process_id) for process_id in orphans))


async def test_a_look_that_finds_nothing_new_says_so(tmp_path):
    async with running_service(tmp_path) as (service, heard):
        await until(lambda: any(isinstance(told.event, CatalogueChanged) for told in heard))
        heard.clear()
        looks = await asyncio.gather(*(service.doors.look_again(60) for _ in range(5)))
        assert looks == [True] * 5
        assert not any(isinstance(told.event, CatalogueChanged) for told in heard)

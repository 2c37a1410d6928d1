import asyncio
import os
import signal

import pytest

from executor.queue.jobs import DuplicateJobError, JobState
from executor.run.events import (
    JobFinished,
    NodeFailed,
    NodeFinished,
    NodeProgress,
    NodesCached,
    NodeStarted,
)
from executor.worker.notices import CatalogueChanged, JobLost, QueueChanged, WorkerChanged
from tests.executor.queue.entries import entries
from tests.executor.worker.service_kit import (
    PATIENCE_SECONDS,
    chain,
    closed,
    make_service,
    new_job,
    run,
    running_service,
    until,
)


async def test_a_job_runs_and_is_told_in_order(tmp_path):
    async with running_service(tmp_path) as (service, heard):
        entry = await run(service, heard, "a", chain("ToySteps"), extra_data={"client_id": "me"})
        assert entry.outcome.state is JobState.SUCCEEDED
        assert entry.outcome.outputs == {"show": {"text": ["x"]}}
        assert sorted(entry.outcome.executed) == ["1", "2", "show"]
        told = [item for item in heard if not isinstance(item.event, WorkerChanged | CatalogueChanged)]
        names = [type(item.event).__name__ for item in told]
        assert names == [
            "QueueChanged",
            "QueueChanged",
            "JobStarted",
            "NodesCached",
            *["NodeStarted", "NodeFinished"],
            *["NodeStarted", "NodeProgress", "NodeProgress", "NodeProgress", "NodeFinished"],
            *["NodeStarted", "NodeFinished"],
            "JobFinished",
            "QueueChanged",
            "JobClosed",
        ]
        assert [item.event.remaining for item in told if isinstance(item.event, QueueChanged)] == [1, 1, 0]
        assert {item.job.client_id for item in told if item.job is not None} == {"me"}
        states = [item.event.state for item in heard if isinstance(item.event, WorkerChanged)]
        assert states == ["ready", "busy", "ready"]


async def test_an_unchanged_job_is_served_from_the_cache(tmp_path):
    async with running_service(tmp_path) as (service, heard):
        await run(service, heard, "a", chain("ToySteps"))
        heard.clear()
        entry = await run(service, heard, "b", chain("ToySteps"))
        assert entry.outcome.executed == ()
        assert entry.outcome.outputs == {"show": {"text": ["x"]}}
        assert not any(isinstance(told.event, NodeStarted) for told in heard)


async def test_the_server_knows_the_nodes_of_the_last_run_before_a_worker_is_up(tmp_path):
    async with running_service(tmp_path) as (service, _):
        assert service.specs == {}
        assert await service.catalogue_ready(PATIENCE_SECONDS)
        specs = service.specs
        await until((tmp_path / "catalogue.json").exists)
    service = make_service(tmp_path)
    await service.start()
    assert service.worker_state == "starting"
    assert service.specs == specs
    assert await service.catalogue_ready(0)
    await service.stop()


async def test_a_node_that_raises_fails_its_job_and_the_next_one_runs(tmp_path):
    async with running_service(tmp_path) as (service, heard):
        entry = await run(service, heard, "bad", chain("ToyFail"))
        assert entry.outcome.state is JobState.FAILED
        failure = entry.outcome.failure
        assert (failure.node_id, failure.node_type, failure.exception_type) == ("2", "ToyFail", "ValueError")
        assert "no good: x" in failure.message
        entry = await run(service, heard, "good", chain())
        assert entry.outcome.state is JobState.SUCCEEDED


@pytest.mark.parametrize(
    ("kind", "how"),
    [("ToyDie", "killed by SIGKILL"), ("ToyExit", "ended by itself with exit code 3")],
)
async def test_a_job_that_kills_its_worker_twice_fails_and_the_next_one_runs(tmp_path, kind, how):
    async with running_service(tmp_path) as (service, heard):
        await service.submit(new_job("deadly", chain(kind)))
        await service.submit(new_job("next", chain()))
        await closed(heard, "next")
        entry = await service.history_entry("deadly")
        failure = entry.outcome.failure
        assert entry.outcome.state is JobState.FAILED
        assert (entry.job.attempts, entry.job.losses) == (2, 2)
        assert how in failure.message
        assert "died 2 times of this job" in failure.message
        assert (failure.node_id, failure.node_type, failure.exception_type) == ("2", kind, "WorkerLost")
        if kind == "ToyDie":
            assert {"about to die", "last words"} <= set(failure.traceback)
        ends = [told.event for told in heard if told.job is not None and told.job.job_id == "deadly"]
        ends = [type(end) for end in ends if isinstance(end, JobLost | NodeFailed | JobFinished)]
        assert ends == [JobLost, NodeFailed, JobFinished]
        (lost,) = (told.event for told in heard if isinstance(told.event, JobLost))
        assert (lost.attempt, lost.node_id) == (1, "2")
        assert how in lost.message
        assert (await service.history_entry("next")).outcome.state is JobState.SUCCEEDED


async def test_a_crash_in_native_code_is_named(tmp_path):
    async with running_service(tmp_path, attempts_after_loss=1) as (service, heard):
        entry = await run(service, heard, "deadly", chain("ToyDie", number=int(signal.SIGSEGV)))
        assert "killed by SIGSEGV" in entry.outcome.failure.message
        assert any("Segmentation fault" in line for line in entry.outcome.failure.traceback)


async def test_a_worker_that_is_killed_between_jobs_is_replaced(tmp_path):
    async with running_service(tmp_path) as (service, heard):
        await run(service, heard, "first", chain())
        os.kill(service.workers()[0].process_id, signal.SIGKILL)
        await until(lambda: service.worker_state == "lost")
        entry = await run(service, heard, "next", chain())
        assert entry.outcome.state is JobState.SUCCEEDED


async def test_a_soft_cancel_stops_a_job_at_its_next_step(tmp_path):
    async with running_service(tmp_path) as (service, heard):
        await service.submit(new_job("long", chain("ToySteps", count=100_000, seconds=0.001)))
        await until(lambda: any(isinstance(told.event, NodeProgress) for told in heard))
        worker = service.workers()[0].process_id
        assert not await service.interrupt("another")
        assert await service.interrupt("long")
        assert await service.interrupt()
        await closed(heard, "long")
        entry = await service.history_entry("long")
        assert entry.outcome.state is JobState.CANCELLED
        name, data = entry.wire()["status"]["messages"][-1]
        assert (name, data["node_id"], data["node_type"]) == ("execution_interrupted", "2", "ToySteps")
        assert (await run(service, heard, "next", chain())).outcome.state is JobState.SUCCEEDED
        assert service.workers()[0].process_id == worker
        assert not await service.interrupt()


async def test_a_node_that_hears_no_cancel_is_killed_after_the_grace_time(tmp_path):
    async with running_service(tmp_path, cancel_grace_seconds=0.2) as (service, heard):
        await service.submit(new_job("stuck", chain("ToyStuck")))
        await until(lambda: any(told.event == NodeStarted("stuck", "2") for told in heard))
        worker = service.workers()[0].process_id
        await service.interrupt("stuck")
        await closed(heard, "stuck")
        entry = await service.history_entry("stuck")
        assert entry.outcome.state is JobState.CANCELLED
        assert (await run(service, heard, "next", chain())).outcome.state is JobState.SUCCEEDED
        assert service.workers()[0].process_id != worker


async def test_a_job_cancelled_the_moment_it_is_taken_does_not_run(tmp_path):
    async with running_service(tmp_path) as (service, heard):
        interrupts = []

        def interrupt(told):
            if isinstance(told.event, QueueChanged) and service.running() and not interrupts:
                interrupts.append(asyncio.ensure_future(service.interrupt("early")))

        service.listen(interrupt)
        await service.submit(new_job("early", chain("ToySteps", count=100_000, seconds=0.001)))
        await closed(heard, "early")
        assert await interrupts[0]
        assert (await service.history_entry("early")).outcome.state is JobState.CANCELLED
        assert not any(isinstance(told.event, NodeProgress) for told in heard)


async def test_jobs_run_by_number_and_those_in_front_first(tmp_path):
    async with running_service(tmp_path) as (service, heard):
        await service.submit(new_job("blocker", chain("ToySteps", count=200, seconds=0.001, value="b")))
        await until(service.running)
        for job_id, values in {"c": {}, "b": {"number": 0.5}, "a": {"front": True}, "d": {}}.items():
            await service.submit(new_job(job_id, chain(value=job_id), **values))
        assert [job.job_id for job in service.pending()] == ["a", "b", "c", "d"]
        assert service.queue_remaining() == 5
        numbers = [job.item5()[:2] for job in service.pending()]
        assert numbers == [[-3, "a"], [0.5, "b"], [1, "c"], [4, "d"]]
        await closed(heard, "d")
        assert [entry.job_id for entry in await entries(service)] == ["blocker", "a", "b", "c", "d"]


async def test_waiting_jobs_can_be_deleted_and_cleared(tmp_path):
    async with running_service(tmp_path) as (service, heard):
        await service.submit(new_job("blocker", chain("ToySteps", count=100_000, seconds=0.001)))
        await until(service.running)
        for job_id in "abcd":
            await service.submit(new_job(job_id, chain()))
        assert await service.delete(["b", "blocker", "nothing"]) == ["b"]
        assert [job.job_id for job in service.pending()] == ["a", "c", "d"]
        assert await service.clear() == ["a", "c", "d"]
        assert service.queue_remaining() == 1
        await service.interrupt()
        await closed(heard, "blocker")
    async with running_service(tmp_path) as (service, _):
        assert service.pending() == []


async def test_an_id_is_refused_while_it_is_open_and_welcome_afterwards(tmp_path):
    async with running_service(tmp_path) as (service, heard):
        await service.submit(new_job("same", chain("ToySteps", count=300, seconds=0.001)))
        with pytest.raises(DuplicateJobError):
            await service.submit(new_job("same", chain()))
        await closed(heard, "same")
        heard.clear()
        await run(service, heard, "same", chain())
        assert len(await entries(service)) == 1


async def test_a_number_must_be_finite(tmp_path):
    async with running_service(tmp_path) as (service, _):
        with pytest.raises(ValueError, match="finite"):
            await service.submit(new_job("a", chain(), number=float("nan")))


async def test_a_job_that_was_running_at_a_clean_stop_runs_again(tmp_path):
    async with running_service(tmp_path) as (service, _):
        await service.submit(new_job("long", chain("ToySteps", count=300, seconds=0.001)))
        await until(service.running)
        await asyncio.sleep(0.05)
    async with running_service(tmp_path) as (service, heard):
        await closed(heard, "long")
        entry = await service.history_entry("long")
        assert entry.outcome.state is JobState.SUCCEEDED
        assert entry.job.attempts == 2


async def test_a_graph_the_worker_does_not_know_fails_with_a_sentence(tmp_path):
    async with running_service(tmp_path) as (service, heard):
        entry = await run(service, heard, "odd", {"show": {"class_type": "Gone", "inputs": {}}})
        assert entry.outcome.state is JobState.FAILED
        assert "Gone does not exist" in entry.outcome.failure.message
        assert (await run(service, heard, "next", chain())).outcome.state is JobState.SUCCEEDED


async def test_log_records_of_the_worker_carry_job_and_node(tmp_path, caplog):
    graph = {"show": {"class_type": "ToyLog", "inputs": {"value": "hello"}}}
    async with running_service(tmp_path) as (service, heard):
        await run(service, heard, "talk", graph)
    (record,) = [record for record in caplog.records if "said: hello" in record.getMessage()]
    assert (record.levelname, record.job_id, record.node_id) == ("WARNING", "talk", "show")


async def test_memory_can_be_freed(tmp_path):
    async with running_service(tmp_path) as (service, heard):
        await run(service, heard, "a", chain())
        await service.free(unload_models=False, free_memory=True)
        heard.clear()
        entry = await run(service, heard, "b", chain())
        assert NodesCached("b", ()) in [told.event for told in heard]
        assert sorted(entry.outcome.executed) == ["1", "show"]
        assert any(isinstance(told.event, NodeFinished) for told in heard)

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from executor.queue.jobs import JobState, QueuedJob
from executor.run.events import JobFinished, JobStarted
from executor.worker.lane import Lane
from tests.executor.worker.service_kit import is_gone, until

TOY_WORKER = Path(__file__).with_name("toy_worker.py")
GRAPH = {"1": {"class_type": "ToyShow", "inputs": {"value": "x"}}}
JOB = QueuedJob("a", 0, 0, GRAPH, {}, ("1",), 0.0)


@asynccontextmanager
async def supervised(command, **environment):
    heard = []
    lane = Lane(command, lambda message, job: heard.append(message), environment=environment)
    supervisor = asyncio.create_task(lane.supervise())
    try:
        yield lane, heard
    finally:
        lane.stop()
        await asyncio.wait_for(supervisor, 60)


@pytest.fixture
def command(tmp_path):
    return [sys.executable, str(TOY_WORKER), str(tmp_path)]


async def test_a_worker_that_dies_before_it_was_given_the_job_is_not_the_jobs_fault(command):
    async with supervised(command) as (lane, _):
        await lane.ready()
        lane.take(JOB)
        os.kill(lane.process_id, signal.SIGKILL)
        await until(lambda: lane.state == "lost")
        outcome = await asyncio.wait_for(lane.run(), 90)
        assert outcome.state is JobState.SUCCEEDED


async def test_a_job_can_be_cancelled_while_there_is_no_worker(tmp_path):
    async with supervised([sys.executable, "-c", "import time; time.sleep(60)"]) as (lane, heard):
        lane.take(JOB)
        lane.cancel()
        lane.cancel()
        assert [type(message) for message in heard] == [JobStarted, JobFinished]


async def test_a_worker_that_cannot_start_is_tried_again_ever_later_and_stops_at_once(caplog):
    async with supervised(["/nothing/of/the/kind"]) as (lane, _):
        await until(lambda: lane.state == "lost")
    assert "The worker process could not be started" in caplog.text


async def test_a_worker_that_ignores_stop_is_killed(tmp_path):
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    async with supervised([sys.executable, "-c", deaf]) as (lane, _):
        await until(lambda: lane.process_id is not None)
        process_id = lane.process_id
    with pytest.raises(ProcessLookupError):
        os.kill(process_id, 0)


async def test_children_of_a_worker_do_not_outlive_it(tmp_path):
    mark = tmp_path / "child"
    parent = (
        "import subprocess, sys, time, pathlib\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"pathlib.Path({str(mark)!r}).write_text(str(child.pid))\n"
        "time.sleep(600)"
    )
    async with supervised([sys.executable, "-c", parent]) as (lane, _):
        await until(lambda: mark.exists() and mark.read_text())
        os.kill(lane.process_id, signal.SIGKILL)
        await until(lambda: lane.state == "lost")
    await until(lambda: is_gone(mark.read_text()))


async def test_a_worker_that_holds_memory_for_no_known_reason_is_replaced_and_no_job_is_lost(command, caplog):
    leak = {"1": {"class_type": "ToyLeak", "inputs": {"megabytes": 64}}}
    async with supervised(command, TOY_UNACCOUNTED_LIMIT=str(32 * 2**20)) as (lane, _):
        processes = []
        for name in "abc":
            await asyncio.wait_for(lane.ready(), 90)
            processes.append(lane.process_id)
            lane.take(QueuedJob(name, 0, 0, leak, {}, ("1",), 0.0))
            outcome = await asyncio.wait_for(lane.run(), 90)
            assert outcome.state is JobState.SUCCEEDED
            lane.release()
            lane.take(QueuedJob(f"{name} quick", 0, 0, GRAPH, {}, ("1",), 0.0))
            quick = await asyncio.wait_for(lane.run(), 90)
            assert quick.state is JobState.SUCCEEDED
            lane.release()
            await until(lambda before=lane.process_id: lane.process_id not in (None, processes[-1]))
        assert len(set(processes)) == 3
        assert not any(record.levelname == "ERROR" for record in caplog.records)

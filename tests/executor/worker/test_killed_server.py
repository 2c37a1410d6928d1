import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from executor.queue.jobs import JobState
from executor.queue.store import Store
from tests.executor.queue.entries import entries

TOY_SERVER = Path(__file__).with_name("toy_server.py")
COUNT = 20


def start(base, count, seconds=0.05):
    command = [sys.executable, str(TOY_SERVER), str(base), str(count), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def wait_for_lines(base, count):
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if len(read_lines(base)) >= count:
            return
        time.sleep(0.005)
    raise AssertionError(f"only {len(read_lines(base))} of {count} jobs ran")


def read_lines(base):
    path = base / "lines.txt"
    return path.read_text().split() if path.exists() else []


def kill(server):
    children = psutil.Process(server.pid).children(recursive=True)
    server.send_signal(signal.SIGKILL)
    server.wait()
    gone, alive = psutil.wait_procs(children, timeout=30)
    assert alive == [], "a worker outlived its server"
    return gone


@pytest.mark.parametrize("done_before", [0, 5, 12])
async def test_no_job_is_lost_or_done_twice_when_the_server_is_killed(tmp_path, done_before):
    with start(tmp_path, COUNT) as server:
        assert server.stdout.readline() == "submitted\n"
        wait_for_lines(tmp_path, done_before)
        kill(server)
    with start(tmp_path, 0) as server:
        assert server.wait(180) == 0
    store = Store(tmp_path / "queue.db")
    found = await entries(store)
    assert store.recover(2).waiting == ()
    store.close()
    assert Counter(entry.job_id for entry in found) == Counter(f"job-{n}" for n in range(COUNT))
    assert all(entry.outcome.state is JobState.SUCCEEDED for entry in found)
    # The one job that was running when the server was killed may have run again; no other may.
    ran = Counter(read_lines(tmp_path))
    again = [entry.job_id for entry in found if entry.job.attempts > 1]
    assert len(again) <= 1
    assert {name for name, times in ran.items() if times > 1} <= set(again)
    assert set(ran) == {f"job-{n}" for n in range(COUNT)}


async def test_a_job_that_takes_the_server_down_twice_is_not_tried_a_third_time(tmp_path):
    for attempt in range(2):
        with start(tmp_path, 3 if attempt == 0 else 0, seconds=0.5) as server:
            if attempt == 0:
                assert server.stdout.readline() == "submitted\n"
            deadline = time.monotonic() + 90
            while not running(tmp_path, attempts=attempt + 1) and time.monotonic() < deadline:
                time.sleep(0.002)
            kill(server)
    with start(tmp_path, 0) as server:
        assert server.wait(180) == 0
    store = Store(tmp_path / "queue.db")
    entry = await store.history_entry("job-0")
    states = [entry.outcome.state for entry in await entries(store)]
    store.close()
    assert entry.outcome.state is JobState.FAILED
    assert "stopped while this job was running, 2 times" in entry.outcome.failure.message
    assert states == [JobState.FAILED, JobState.SUCCEEDED, JobState.SUCCEEDED]


def running(base, attempts):
    path = base / "queue.db"
    if not path.exists():
        return False
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
    try:
        query = "SELECT count(*) FROM jobs WHERE job_id = 'job-0' AND state = 'running' AND attempts = ?"
        return connection.execute(query, (attempts,)).fetchone() == (1,)
    except sqlite3.OperationalError:
        return False
    finally:
        connection.close()

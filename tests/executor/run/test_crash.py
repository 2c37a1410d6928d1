import subprocess
import sys
import time

from tests.executor.run.crash_child import LENGTH, SIZE, go_on

ENOUGH = 15
PATIENCE_SECONDS = 30.0


async def test_a_graph_goes_on_after_a_process_was_killed_while_it_stored_results(tmp_path):
    for at_least in (1, ENOUGH):
        command = [sys.executable, "-m", "tests.executor.run.crash_child", str(tmp_path)]
        with subprocess.Popen(command) as child:
            until = time.monotonic() + PATIENCE_SECONDS
            while len(list(tmp_path.glob("*.result"))) < at_least and time.monotonic() < until:
                time.sleep(0.002)
            child.kill()
        assert child.returncode < 0
    stored = len(list(tmp_path.glob("*.result")))
    assert ENOUGH <= stored < LENGTH
    job = await go_on(tmp_path)
    assert job.status == "succeeded"
    assert len(job.finished.executed) == LENGTH - stored
    value = sum(range(LENGTH)) % 251
    assert job.outputs == {f"n{LENGTH - 1}": (bytes([value]) * SIZE,)}

"""How soon is there a fresh, ready worker after a job that is stuck in C code was cancelled?

Run it with `python -m benchmarks.hard_cancel [ROUNDS]`. A real server with all its nodes runs a pack
whose node matches a regular expression for ever and holds the lock of Python. It is cancelled by force, and
softly, as the page does it.
"""

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PORT = 18_300
PATIENCE_SECONDS = 60.0
PACK = """
import re

class Stuck:
    INPUT_TYPES = classmethod(lambda cls: {"required": {"letters": ("INT", {"default": 99})}})
    RETURN_TYPES, FUNCTION, OUTPUT_NODE = (), "run", True

    def run(self, letters):
        re.match("(a+)+$", "a" * letters + "b")
        return ()

NODE_CLASS_MAPPINGS = {"Stuck": Stuck}
"""


def ask(path: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}{path}", data, timeout=PATIENCE_SECONDS) as answer:
        return json.load(answer)


def worker_when(state: str, other_than: int | None = None) -> int:
    """The process id of the worker once it is in that state, and another process than that one."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            (worker,) = ask("/api/workers")["workers"]
        except OSError:
            continue
        else:
            if worker["state"] == state and worker["process_id"] not in (None, other_than):
                return int(worker["process_id"])
        time.sleep(0.005)
    raise SystemExit(f"no worker was {state}")


def seconds_to_fresh_worker(number: int, force: bool) -> float:
    worker_when("ready")
    job = f"stuck-{number}"
    ask("/prompt", {"prompt": {"1": {"class_type": "Stuck", "inputs": {"letters": 99}}}, "prompt_id": job})
    stuck = worker_when("busy")
    time.sleep(0.5)
    start = time.perf_counter()
    ask(f"/api/jobs/{job}/cancel", {"force": force})
    worker_when("ready", other_than=stuck)
    return time.perf_counter() - start


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as base:
        packs = Path(base) / "custom_nodes"
        packs.mkdir()
        (packs / "stuck.py").write_text(PACK)
        command = [sys.executable, str(ROOT / "main.py"), "serve", "--port", str(PORT), "--cpu"]
        command += ["--base-directory", base]
        quiet = subprocess.DEVNULL
        with subprocess.Popen(command, stdout=quiet, stderr=quiet) as server:
            try:
                soft, forced = (
                    [seconds_to_fresh_worker(number, force) for number in range(rounds)]
                    for force in (False, True)
                )
            finally:
                server.terminate()
    for name, seconds in (("softly", soft), ("by force", forced)):
        print(f"{name}: {', '.join(f'{one:.1f}' for one in seconds)} s to a fresh, ready worker")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 5)

"""How long until the server answers, and how much memory does it take while idle?

Run it with `python -m benchmarks.startup [ROUNDS]`. Each round starts a server on a fresh directory, asks for
`/system_stats` until it answers, waits for the worker, and reads the server's resident memory.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS = 60


def ask(address: str) -> dict[str, dict[str, object]]:
    with urllib.request.urlopen(f"{address}/system_stats", timeout=5) as answer:
        stats: dict[str, dict[str, object]] = json.load(answer)
        return stats


def answered(address: str, start: float) -> float:
    while time.perf_counter() - start < PATIENCE_SECONDS:
        try:
            ask(address)
        except OSError:
            time.sleep(0.002)
        else:
            return time.perf_counter() - start
    raise SystemExit("the server did not answer")


def worker_ready(address: str, start: float) -> float:
    while time.perf_counter() - start < PATIENCE_SECONDS:
        system = ask(address)["system"]
        if system["worker"] == "ready":
            return time.perf_counter() - start
        time.sleep(0.05)
    raise SystemExit("the worker did not come up")


def one_round(base: Path, port: int) -> tuple[float, float, float]:
    command = [
        sys.executable,
        str(ROOT / "main.py"),
        "serve",
        "--port",
        str(port),
        "--base-directory",
        str(base),
    ]
    start = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            address = f"http://127.0.0.1:{port}"
            first, ready = answered(address, start), worker_ready(address, start)
            time.sleep(1)
            resident = psutil.Process(server.pid).memory_info().rss / 2**20
        finally:
            server.terminate()
            server.wait(10)
    return first, ready, resident


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as base:
        results = [one_round(Path(base), 18_100 + number) for number in range(rounds)]
    for name, unit, values in zip(
        ("GET /system_stats answered", "worker ready", "resident memory, idle"),
        ("s", "s", "MB"),
        zip(*results, strict=True),
        strict=True,
    ):
        print(f"{name:<28} {statistics.median(values):7.2f} {unit}  (worst of {rounds}: {max(values):.2f})")


if __name__ == "__main__":
    main()

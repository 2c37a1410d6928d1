"""Is anything lost when processes die? Kills server, worker or both at random while jobs run, then counts.

Run it with `python -m benchmarks.kills [ROUNDS [JOBS [SEED]]]`. Each round starts a server on the same queue,
submits jobs that each save a file, and kills with SIGKILL at a random moment. At the end a server works off
what is left, and every job that was ever acknowledged must be there once, with its file.
"""

import asyncio
import faulthandler
import json
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import psutil

from executor.queue.jobs import DuplicateJobError, NewJob
from executor.run.events import JobStarted
from executor.worker.notices import Listener, ServiceEvent
from executor.worker.service import Service

ROOT = Path(__file__).resolve().parent.parent
TOY_WORKER = ROOT / "tests" / "executor" / "worker" / "toy_worker.py"
TARGETS = ("server", "worker", "both")
# Fifty jobs take longer, so that most kills meet a job.
LONGEST_LIFE_SECONDS = 0.8
JOB_SECONDS = 0.02
PATIENCE_SECONDS = 180.0
SHOWN_LETTERS = 20_000
RUNNING = "running\n"
UNTIL_START, UNTIL_ACKNOWLEDGED = 0.2, 0.35
KEEP_ALL = 10_000_000
TWICE = "SELECT job_id, count(*) FROM events WHERE kind = 'JobFinished' GROUP BY job_id HAVING count(*) > 1"


@dataclass
class Report:
    """What was asked for and what became of it; `problems` should be empty."""

    acknowledged: set[str] = field(default_factory=set)
    states: Counter[str] = field(default_factory=Counter)
    attempts: Counter[int] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


async def serve(base: Path, name: str, count: int) -> None:
    """A server without the web: has so many jobs wait, says which are on disk, and ends when all have run."""
    faulthandler.enable()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, show_tasks)
    command = [sys.executable, str(TOY_WORKER), str(base)]
    service = Service(base / "queue.db", command, base / "catalogue.json", keep_history=KEEP_ALL)
    service.listen(say_when_running())
    await service.start()

    async def submit(number: int) -> None:
        job_id = f"{name}-{number}"
        inputs = {"text": job_id, "seconds": JOB_SECONDS}
        try:
            await service.submit(
                NewJob(job_id, {"1": {"class_type": "ToySave", "inputs": inputs}}, targets=("1",))
            )
        except DuplicateJobError:
            return
        sys.stdout.write(f"{job_id}\n")
        sys.stdout.flush()

    # What earlier rounds left counts, so that a slow computer is not buried in jobs.
    await asyncio.gather(*(submit(number) for number in range(count - service.queue_remaining())))
    sys.stdout.write("\n")
    sys.stdout.flush()
    while service.queue_remaining() or count:
        await asyncio.sleep(0.01)
    await service.stop()


def say_when_running() -> Listener:
    """Hears events, and writes once that a job has begun."""
    said = False

    def hear(told: ServiceEvent) -> None:
        nonlocal said
        if not said and isinstance(told.event, JobStarted):
            said = True
            sys.stdout.write(RUNNING)
            sys.stdout.flush()

    return hear


def show_tasks() -> None:
    for task in asyncio.all_tasks():
        task.print_stack(file=sys.stderr)
    sys.stderr.flush()


def give_up(server: "subprocess.Popen[str]", base: Path) -> NoReturn:
    """Have a server that does not go on say what it does, and end it."""
    for number in (signal.SIGUSR1, signal.SIGABRT):
        server.send_signal(number)
        time.sleep(1.0)
    server.kill()
    log = (base / "server.log").read_text()[-SHOWN_LETTERS:]
    raise TimeoutError(f"the server stood still for {PATIENCE_SECONDS:g} s; the end of its log:\n{log}")


def start(base: Path, name: str, count: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "benchmarks.kills", "--serve", str(base), name, str(count)]
    log = (base / "server.log").open("a")
    with log:
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)


def one_round(base: Path, number: int, jobs: int, chance: random.Random, report: Report) -> None:
    """Let a server live for a while, kill what chance says, and note what it had acknowledged."""
    with start(base, f"round{number}", jobs) as server:
        assert server.stdout is not None
        lines, acknowledged, running = server.stdout, threading.Event(), threading.Event()

        def listen() -> None:
            for line in lines:
                if line == RUNNING:
                    running.set()
                else:
                    report.acknowledged.update(line.split())
                acknowledged.set()
            acknowledged.set()  # or the server ended without a word
            running.set()

        reader = threading.Thread(target=listen)
        reader.start()
        # Some kills come at any time from the start, some once jobs are on disk, most while jobs run.
        share = chance.random()
        event = acknowledged if share < UNTIL_ACKNOWLEDGED else running
        if share > UNTIL_START and not event.wait(PATIENCE_SECONDS):
            give_up(server, base)
        time.sleep(chance.uniform(0.0, LONGEST_LIFE_SECONDS))
        target = chance.choice(TARGETS)
        report.kills[target] += 1
        if target in ("worker", "both"):
            kill_workers(server.pid)
        if target == "worker":
            time.sleep(chance.uniform(0.0, LONGEST_LIFE_SECONDS))
        if server.poll() is not None:
            log = (base / "server.log").read_text()[-SHOWN_LETTERS:]
            report.problems.append(f"round {number}: the server ended by itself:\n{log}")
        server.kill()
        server.wait()
        reader.join()
    # Events of old jobs are forgotten, so this is asked after each round.
    report.problems += ended_twice(base)


def kill_workers(server_id: int) -> None:
    for worker in psutil.Process(server_id).children():
        worker.kill()


def ended_twice(base: Path) -> list[str]:
    """Jobs whose end was recorded more than once."""
    if not (base / "queue.db").is_file():
        return []
    connection = sqlite3.connect(base / "queue.db")
    try:
        return [f"{job_id} ended {times} times" for job_id, times in connection.execute(TWICE)]
    except sqlite3.OperationalError:  # killed before the tables were made
        return []
    finally:
        connection.close()


def judge(base: Path, report: Report) -> None:
    """Compare what is on disk with what was acknowledged."""
    connection = sqlite3.connect(base / "queue.db")
    rows = connection.execute(
        "SELECT job_id, state, attempts, outcome FROM jobs LEFT JOIN history USING (job_id)"
    )
    claimed: Counter[str] = Counter()
    seen = set()
    for job_id, state, attempts, outcome in rows.fetchall():
        seen.add(job_id)
        report.states[state] += 1
        report.attempts[attempts] += 1
        if outcome is None:
            report.problems.append(f"{job_id} is {state} and has no end")
        elif state == "succeeded":
            for record in json.loads(outcome)["outputs"]["1"]["files"]:
                claimed[record["filename"]] += 1
                path = base / "output" / record["filename"]
                if not path.is_file() or path.read_text() != job_id:
                    report.problems.append(f"{job_id} is done without its file {record['filename']}")
    connection.close()
    report.problems += ended_twice(base)
    report.problems += [f"{name} belongs to {times} jobs" for name, times in claimed.items() if times > 1]
    report.problems += [f"{job_id} is lost" for job_id in sorted(report.acknowledged - seen)]


def run_rounds(base: Path, rounds: int, jobs: int, seed: int) -> Report:
    """Kill so many times, work off what is left, and report."""
    chance = random.Random(seed)
    report = Report()
    for number in range(rounds):
        one_round(base, number, jobs, chance, report)
    with start(base, "end", 0) as server:
        try:
            server.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            give_up(server, base)
    judge(base, report)
    return report


def main(rounds: int, jobs: int, seed: int) -> None:
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as directory:
        report = run_rounds(Path(directory), rounds, jobs, seed)
    print(f"{rounds} rounds in {time.perf_counter() - begin:.0f} s, kills: {dict(report.kills)}")
    print(f"{len(report.acknowledged)} jobs acknowledged; they are now {dict(report.states)}")
    print(f"started so many times: {dict(sorted(report.attempts.items()))}")
    print("\n".join(report.problems) or "nothing lost, nothing done without its file, nothing done twice")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        asyncio.run(serve(Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
    else:
        numbers = [int(text) for text in sys.argv[1:]]
        main(*numbers, *(30, 50, 1)[len(numbers) :])

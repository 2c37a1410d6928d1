"""How fast are jobs acknowledged, and what does it cost to run a graph in another process?

Run it with `python -m benchmarks.job_queue [DIRECTORY]`; the directory decides which disk is measured.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from executor.queue.jobs import NewJob, QueuedJob, now
from executor.queue.store import Store
from executor.worker.notices import JobClosed
from executor.worker.service import Service

ROOT = Path(__file__).resolve().parent.parent
GRAPH = {
    str(n): {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "color": n}} for n in range(12)
}
NODES = 1_000


def queued(number: int) -> QueuedJob:
    return QueuedJob(f"job-{number}", number, number, GRAPH, {}, ("1",), now())


async def submits(base: Path, count: int, together: int) -> float:
    """Jobs a second, so many of them waiting for the disk at a time."""
    store = Store(base / f"submits-{together}.db")
    start = time.perf_counter()
    for first in range(0, count, together):
        await asyncio.gather(*(store.add(queued(number)) for number in range(first, first + together)))
    seconds = time.perf_counter() - start
    store.close()
    return count / seconds


async def remembered(base: Path) -> float:
    """Seconds to list the queue with 1,000 jobs waiting, as the API tells it."""
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    service = Service(base / "list.db", command, base / "catalogue.json")
    await service.start()
    await asyncio.gather(*(service.submit(NewJob(f"job-{n}", GRAPH, targets=("1",))) for n in range(1_000)))
    start = time.perf_counter()
    ", ".join(job.item5_text for job in service.pending())
    seconds = time.perf_counter() - start
    await service.stop()
    return seconds


async def wide_graph(base: Path) -> tuple[float, float]:
    """Seconds from submit to the last word for 1,000 trivial nodes in the worker, new and unchanged."""
    worker = ROOT / "tests" / "executor" / "worker" / "toy_worker.py"
    service = Service(base / "wide.db", [sys.executable, str(worker), str(base)], base / "catalogue.json")
    closed: asyncio.Queue[str] = asyncio.Queue()

    def hear(told: object) -> None:
        event = getattr(told, "event", None)
        if isinstance(event, JobClosed):
            closed.put_nowait(event.job_id)

    service.listen(hear)
    await service.start()
    graph = {f"t{n}": {"class_type": "ToyText", "inputs": {"value": str(n)}} for n in range(NODES // 2)}
    shows = {f"s{n}": {"class_type": "ToyShow", "inputs": {"value": [f"t{n}", 0]}} for n in range(NODES // 2)}
    seconds = []
    for job_id in ("warm", "first", "again"):
        values = graph if job_id == "warm" else {**graph, **shows}
        targets = tuple(values) if job_id == "warm" else tuple(shows)
        if job_id == "first":
            await service.free(unload_models=False, free_memory=True)
        start = time.perf_counter()
        await service.submit(NewJob(job_id, values, targets=targets))
        await closed.get()
        seconds.append(time.perf_counter() - start)
    await service.stop()
    return seconds[1], seconds[2]


async def main(base: Path) -> None:
    for together in (1, 10, 100, 1_000):
        print(f"submits, {together:>5} at a time: {await submits(base, 1_000, together):8.0f} a second")
    print(f"listing 1,000 waiting jobs: {await remembered(base) * 1000:8.1f} ms")
    first, again = await wide_graph(base)
    print(f"{NODES} trivial nodes in the worker: {first * 1000:.0f} ms, unchanged: {again * 1000:.0f} ms")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(main(Path(sys.argv[1])))
    else:
        with tempfile.TemporaryDirectory() as directory:
            asyncio.run(main(Path(directory)))

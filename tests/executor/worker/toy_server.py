"""A server without the web: submits COUNT jobs that each add a line to a file, says so, and runs them.

`python toy_server.py BASE COUNT SECONDS`
"""

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from executor.queue.jobs import NewJob
from executor.worker.service import Service


async def main(base: Path, count: int, seconds: float) -> None:
    worker = Path(__file__).with_name("toy_worker.py")
    service = Service(base / "queue.db", [sys.executable, str(worker), str(base)], base / "catalogue.json")
    await service.start()
    lines = str(base / "lines.txt")
    for number in range(count):
        inputs = {"path": lines, "line": f"job-{number}", "seconds": seconds}
        graph = {"1": {"class_type": "ToyAppend", "inputs": inputs}}
        await service.submit(NewJob(f"job-{number}", graph, targets=("1",)))
    sys.stdout.write("submitted\n")
    sys.stdout.flush()
    while service.queue_remaining():
        await asyncio.sleep(0.01)
    await service.stop()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))

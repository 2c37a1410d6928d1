"""Starts a queue with toy workers, for the tests beside it."""

import asyncio
import sys
from contextlib import asynccontextmanager
from pathlib import Path

from executor.queue.jobs import NewJob
from executor.worker.notices import JobClosed
from executor.worker.service import Service

TOY_WORKER = Path(__file__).with_name("toy_worker.py")
PATIENCE_SECONDS = 90
# A worker that never says a word, so that jobs wait; it ends when it is told to.
LISTEN = """
import socket, sys
line = socket.socket(fileno=int(sys.argv[-1][3:]))
while b"Stop" not in line.recv(9999):
    pass
"""
SILENT = (sys.executable, "-S", "-E", "-c", LISTEN)


def make_service(base, command=(sys.executable, str(TOY_WORKER)), **settings):
    command = [*command, str(base)]
    return Service(base / "queue.db", command, base / "catalogue.json", **settings)


@asynccontextmanager
async def running_service(base, *args, **settings):
    service = make_service(base, *args, **settings)
    heard = []
    service.listen(heard.append)
    await service.start()
    try:
        yield service, heard
    finally:
        await service.stop()


def chain(*types, value="x", **inputs):
    """ToyText -> each type in turn -> ToyShow."""
    graph = {"1": {"class_type": "ToyText", "inputs": {"value": value}}}
    for number, kind in enumerate(types, start=2):
        link = [str(number - 1), 0]
        graph[str(number)] = {"class_type": kind, "inputs": {"value": link, **inputs}}
    last = str(len(graph))
    graph["show"] = {"class_type": "ToyShow", "inputs": {"value": [last, 0]}}
    return graph


def new_job(job_id, graph, **values):
    return NewJob(job_id=job_id, graph=graph, targets=("show",), **values)


async def closed(heard, job_id):
    await until(lambda: any(told.event == JobClosed(job_id) for told in heard))


async def until(condition):
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.005)


def is_gone(process_id):
    """Whether a process has ended, reaped or not."""
    try:
        text = Path(f"/proc/{process_id}/stat").read_text()
    except OSError:
        return True
    return text.rpartition(")")[2].split()[0] == "Z"


async def run(service, heard, job_id, graph, **values):
    await service.submit(new_job(job_id, graph, **values))
    await closed(heard, job_id)
    return await service.history_entry(job_id)

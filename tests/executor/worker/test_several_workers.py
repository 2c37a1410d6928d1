from collections import Counter

from executor.queue.jobs import JobState
from executor.worker.notices import WorkerChanged
from tests.executor.worker.service_kit import chain, new_job, running_service, until


def load(name, seconds=0.0):
    return {
        "1": {"class_type": "ToyFile", "inputs": {"name": name}},
        "2": {"class_type": "ToySteps", "inputs": {"value": ["1", 0], "count": 1, "seconds": seconds}},
        "show": {"class_type": "ToyShow", "inputs": {"value": ["2", 0]}},
    }


async def test_two_workers_share_a_queue_and_keep_their_models(tmp_path):
    for name in ("a", "b"):
        path = tmp_path / "models" / "checkpoints" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    async with running_service(tmp_path, devices=("left", "right")) as (service, heard):
        await until(lambda: [worker.state for worker in service.workers()] == ["ready", "ready"])
        assert [worker.name for worker in service.workers()] == ["left", "right"]
        await service.submit(new_job("0", load("a", seconds=2)))
        await service.submit(new_job("1", load("b", seconds=2)))
        await until(lambda: len(service.running()) == 2)
        running = [worker.job_id for worker in service.workers()]
        assert sorted(running) == ["0", "1"]
        rows, _ = await service.history_page({JobState.RUNNING}, order="asc")
        assert sorted(row.worker for row in rows) == [0, 1]
        await until(lambda: not service.queue_remaining())
        # Both wait whenever a job comes, so that it is the models alone that decide.
        for number, name in enumerate("baab", 2):
            await service.submit(new_job(f"{number}", load(name, seconds=number / 1000)))
            await until(lambda: not service.queue_remaining())
        assert [worker.resident for worker in service.workers()] == [("checkpoints/a",), ("checkpoints/b",)]
        rows, _ = await service.history_page()
        assert Counter(row.state for row in rows) == {JobState.SUCCEEDED: 6}
        assert {told.event.index for told in heard if isinstance(told.event, WorkerChanged)} == {0, 1}
        assert service.worker_state == "ready"
        await service.submit(new_job("last", chain()))
        await until(lambda: not service.queue_remaining())

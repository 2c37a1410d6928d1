import torch

from executor.graph.parse import parse
from executor.run.engine import RunRequest
from executor.run.events import NodeFailed
from executor.worker.workbench import Workbench, open_memory
from loaders.folders import Folders
from nodes.api.declare import node, node_of
from nodes.api.sockets import Image


@node(output_node=True)
def greedy(size: int) -> Image:
    """Make a picture, of any size."""
    return torch.empty(size, dtype=torch.uint8)


def test_a_node_that_wants_more_than_there_is_fails_with_a_sentence_and_the_next_job_runs(tmp_path):
    bench = Workbench({"greedy": node_of(greedy)}, Folders(tmp_path), open_memory(cpu=True))
    try:
        statuses, failures = [], []
        for index, size in enumerate((2**60, 3)):
            graph = parse({"1": {"class_type": "greedy", "inputs": {"size": size}}})
            events = []
            finished = bench.run(RunRequest(f"job{index}", graph, ("1",)), events.append)
            statuses.append(finished.status)
            failures += [event for event in events if isinstance(event, NodeFailed)]
        assert statuses == ["failed", "succeeded"]
        assert failures[0].exception_type == "nodes.api.errors.OutOfMemory"
        assert "1,073,741,824.0 GiB at once was asked for" in failures[0].message
    finally:
        bench.close()

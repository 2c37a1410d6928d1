"""Runs a chain of nodes with large results and a cache on disk, for a test that kills it."""

import asyncio
import sys
from pathlib import Path

from executor.run.cache import ResultCache
from executor.run.context import context_maker
from executor.run.disk_cache import DiskCache
from executor.run.engine import Engine
from nodes.api.declare import node, node_of
from nodes.api.sockets import AnyValue
from tests.executor.run.kit import Job, NoFiles, borrow, graph_of, run

SIZE = 1_000_000
LENGTH = 200


@node()
def step(index: int, before: AnyValue | None = None) -> AnyValue:
    """Give a megabyte that depends on the one before."""
    first = before[0] if before else 0
    return bytes([(first + index) % 251]) * SIZE


NODES = {"step": node_of(step)}
GRAPH = graph_of(
    n0=("step", {"index": 0}),
    **{f"n{index}": ("step", {"index": index, "before": [f"n{index - 1}", 0]}) for index in range(1, LENGTH)},
)


async def go_on(folder: Path) -> Job:
    """Run the chain to its end, from where it was."""
    cache = ResultCache(max_bytes=10 * SIZE)
    cache.disk = DiskCache(folder, worth_seconds=0.0)
    with Engine(NODES, cache, context_maker(NoFiles(), borrow)) as engine:
        return await run(engine, GRAPH, f"n{LENGTH - 1}")


if __name__ == "__main__":
    asyncio.run(go_on(Path(sys.argv[1])))

"""An instance that is being worked on, and what all jobs of an engine share."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from executor.graph.fingerprint import Stat
from executor.graph.workflow import Link
from executor.run.answers import Answers
from executor.run.cache import ResultCache
from executor.run.call import Binding, Plan
from executor.run.contents import Wishes
from executor.run.context import MakeContext, RunContext
from executor.run.instances import InstanceStore
from executor.run.overlap import AsyncThread
from executor.run.why import Past
from nodes.api.declare import Node
from nodes.api.errors import NodeError

Shortage: TypeAlias = Callable[[BaseException], NodeError | None]
"""An error of an allocator as one that people understand; None for what has another cause."""

Relieve: TypeAlias = Callable[[], None]
"""Makes room after memory ran short: networks and results that nobody uses now are let go of."""

NODE_ERRORS = (Exception, SystemExit, asyncio.CancelledError)
"""What a node may raise without harm to the engine."""


@dataclass(frozen=True)
class Parts:
    """What all jobs of an engine share."""

    nodes: Mapping[str, Node]
    cache: ResultCache
    instances: InstanceStore
    past: Past
    make_context: MakeContext
    stat: Stat
    overlap: AsyncThread
    shortage: Shortage
    relieve: Relieve
    wishes: Wishes


class Frame:
    """An instance that was entered and has no result yet.

    needs: what must be there before it goes on, and `rest` what of it was not looked at.
    answers: what its calls gave, while graphs that it wants run in its place are computed.
    is_second_try: whether memory ran short in it before.
    """

    __slots__ = (
        "answers",
        "began",
        "binding",
        "content",
        "context",
        "is_second_try",
        "missing",
        "needs",
        "node_id",
        "plan",
        "rest",
    )

    def __init__(self, node_id: str, plan: Plan) -> None:
        self.node_id = node_id
        self.plan = plan
        self.missing = 0
        self.is_second_try = False
        self.began = 0.0
        self.content = ""
        self.context: RunContext | None = None
        self.binding: Binding | None = None
        self.answers: Answers | None = None
        self.expect([link for _, _, link in plan.strict])

    def expect(self, links: list[Link]) -> None:
        """Have it go on when these are there."""
        self.needs = links
        self.rest: Iterator[Link] = iter(links)

    def seconds(self) -> float:
        """How long ago it began to run."""
        return time.perf_counter() - self.began

"""What does the server count and time, and how does it tell monitoring programs?"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from executor.run.events import JobFinished

if TYPE_CHECKING:
    from executor.worker.notices import ServiceEvent

JOB_ENDS = ("succeeded", "failed", "cancelled")
LAG_EVERY_SECONDS = 0.5
LAGS_KEPT = 120

Labels = Mapping[str, str]


@dataclass
class Measures:
    """Counts since the server started. Used from the event loop only."""

    jobs: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    job_seconds: float = 0.0
    lags: deque[float] = field(default_factory=lambda: deque([0.0], maxlen=LAGS_KEPT))

    def hear(self, told: ServiceEvent) -> None:
        """Count a job that ended."""
        if isinstance(told.event, JobFinished):
            self.jobs[told.event.status] += 1
            self.job_seconds += told.event.seconds

    def answered(self, status: int) -> None:
        """Count an answer by the hundred of its status."""
        self.answers[f"{status // 100}xx"] += 1

    async def watch_loop(self) -> None:
        """Note for ever how much later than asked the event loop comes back."""
        loop = asyncio.get_running_loop()
        while True:
            start = loop.time()
            await asyncio.sleep(LAG_EVERY_SECONDS)
            self.lags.append(max(0.0, loop.time() - start - LAG_EVERY_SECONDS))


def metric(name: str, kind: str, about: str, values: Iterable[tuple[Labels, float]]) -> str:
    """One metric in the text format of Prometheus."""
    lines = [f"# HELP sfumato_{name} {about}", f"# TYPE sfumato_{name} {kind}"]
    for labels, value in values:
        inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        lines.append(f"sfumato_{name}{{{inside}}} {value:g}" if inside else f"sfumato_{name} {value:g}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

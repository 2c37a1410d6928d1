"""What do packs bring beside nodes? Addresses that a worker serves, model folders, a hand in submissions."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from executor.worker import protocol


class Worker(Protocol):
    """A lane, as far as it matters here."""

    @property
    def is_up(self) -> bool:
        """Whether the worker hears what it is sent."""
        ...

    def is_ready(self) -> bool:
        """Whether the worker can take a job."""
        ...

    def send(self, message: Any) -> None:
        """Send the worker a message."""
        ...


@dataclass(frozen=True)
class Door:
    """Where a worker serves the routes of its packs, and what opens them; no address while it is not up."""

    address: str
    secret: str


class Doors:
    """What packs of the workers brought, as `Catalogue.brought` tells it; used on the event loop.

    `routes` holds `address`, `secret` and `paths` (`*` is any end of one), `edits_prompts` says whether packs
    want to see submissions, and `model_folders` holds `places` and `endings` by key.
    """

    def __init__(self, workers: Sequence[Worker]) -> None:
        self._workers = workers
        self._brought: dict[int, Mapping[str, Any]] = {}
        self._looking: asyncio.Future[None] | None = None
        self._awaiting = 0

    def note(self, index: int, brought: Mapping[str, Any]) -> None:
        """Take notice of what the packs of one worker brought."""
        self._brought[index] = brought

    @property
    def is_told(self) -> bool:
        """Whether a worker has said what its packs bring."""
        return bool(self._brought)

    @property
    def model_folders(self) -> Mapping[str, Any]:
        """The model folders that packs added, by key."""
        return {
            key: folder
            for index in sorted(self._brought)
            for key, folder in self._brought[index].get("model_folders", {}).items()
        }

    def find(self, path: str) -> Door | None:
        """Where the packs answer this address (raw path); None if none of them does."""
        known = [
            (index, routes)
            for index in sorted(self._brought)
            if (routes := self._brought[index].get("routes")) and _matches(path, routes.get("paths", ()))
        ]
        for index, routes in known:
            if self._workers[index].is_up:
                return Door(routes["address"], routes["secret"])
        return Door("", "") if known else None

    def editor(self) -> Worker | None:
        """A worker whose packs want to see submissions."""
        for index in sorted(self._brought):
            if self._brought[index].get("edits_prompts") and self._workers[index].is_up:
                return self._workers[index]
        return None

    def judge(self) -> Worker | None:
        """A worker that can be asked now, rather one without a job."""
        up = [worker for worker in self._workers if worker.is_up]
        return min(up, key=lambda worker: not worker.is_ready(), default=None)

    async def look_again(self, seconds: float) -> bool:
        """Have a worker without a job look for packs again; whether it has within that time.

        Many callers make one look. One that is busy looks when its job is over.
        """
        worker = self.judge()
        if worker is None:
            return False
        if self._looking is None:
            self._looking = asyncio.get_running_loop().create_future()
            for each in self._workers:
                each.send(protocol.Reload())
        self._awaiting += 1
        try:
            await asyncio.wait_for(asyncio.shield(self._looking), seconds if worker.is_ready() else 0)
        except TimeoutError:
            return False
        finally:
            self._awaiting -= 1
        return True

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits for what a worker finds."""
        return self._awaiting > 0

    def looked(self) -> None:
        """A worker has looked, or is gone."""
        looking, self._looking = self._looking, None
        if looking is not None and not looking.done():
            looking.set_result(None)


def _matches(path: str, paths: Sequence[str]) -> bool:
    return any(path.startswith(one[:-1]) if one.endswith("*") else path == one for one in paths)

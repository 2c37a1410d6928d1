"""What a node's own check of its inputs says, also where it has to be awaited."""

import asyncio
import inspect
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from nodes.api.results import Blocked


def settle(value: Any) -> Any:
    """The value, or what it gives when awaited, whether or not an event loop runs on this thread."""
    if not inspect.isawaitable(value):
        return value
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(_wait(value))
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(asyncio.run, _wait(value)).result()


def read_verdict(verdict: Any) -> str | None:
    """What is wrong, in words ("" if none were given), or None where nothing is."""
    if verdict is None or verdict is True or isinstance(verdict, Blocked):
        return None
    return "" if verdict is False else str(verdict)


async def _wait(value: Awaitable[Any]) -> Any:
    return await value

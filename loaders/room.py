"""Asks whoever runs the app for room in memory, before weights are read into it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias

from loaders.headers_alone import is_left_out

Sizes: TypeAlias = Callable[[], tuple[int, int]]
"""Counts how many bytes weights take, and how many of these are not as their file has them."""

Ask: TypeAlias = Callable[[str, int, Sizes], bool]
"""Told what weights are of, how many bytes they take at most, and how to count them, it says whether there is
room for all; it raises where there is none for those that cannot be left in their file."""

_ask: ContextVar[Ask | None] = ContextVar("ask", default=None)
_stay: ContextVar[bool] = ContextVar("stay_in_file", default=False)


@contextmanager
def asking(ask: Ask) -> Iterator[None]:
    """Within the block, `ask` is asked."""
    token = _ask.set(ask)
    try:
        yield
    finally:
        _ask.reset(token)


@contextmanager
def claimed(what: str, most_bytes: int, sizes: Sizes) -> Iterator[None]:
    """Within the block, weights are read; where there is no room for them, they stay in their file."""
    ask = _ask.get()
    token = _stay.set(ask is not None and not is_left_out(most_bytes) and not ask(what, most_bytes, sizes))
    try:
        yield
    finally:
        _stay.reset(token)


def stays_in_file() -> bool:
    """Whether weights that are read now are to be mapped, wherever their file is."""
    return _stay.get()

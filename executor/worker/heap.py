"""What does a process do with memory that it uses no more? It looks for it seldom, and gives it back."""

import ctypes
import gc
from functools import cache
from typing import Any

ALLOCATIONS = 20_000
ROUNDS = 20


def settle() -> None:
    """Call this when a process has loaded what it works with: the collector passes over all there is now.

    A full pass over the modules of torch and all nodes takes a quarter of a second, and a large graph brings
    several about.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATIONS, ROUNDS, ROUNDS)


def trim() -> bool:
    """Give memory that was freed back to the system; whether there was any.

    The allocator of the C library keeps freed pieces between used ones, and a worker that computed pictures
    keeps gigabytes so. Only glibc can be asked; elsewhere nothing happens.
    """
    ask = _trimmer()
    return ask is not None and ask(0) == 1


@cache
def _trimmer() -> Any:
    return getattr(ctypes.CDLL(None), "malloc_trim", None)

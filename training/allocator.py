"""Tells the C library to keep the memory it has: asking again costs more than the arithmetic."""

import ctypes
import sys

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -2, -3, -8
_LARGEST = 2**31 - 1


def keep_memory() -> bool:
    """Keep freed memory in the process, in one arena; returns whether the C library took the settings.

    Every tensor above 128 KiB is otherwise a fresh mapping whose pages the kernel clears: a fifth of a
    training step on an idle machine, and far more where several threads wait for the same page table.
    """
    if not sys.platform.startswith("linux"):
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):
        return False
    settings = (
        (_ARENA_MAX, 1),
        (_MMAP_THRESHOLD, _LARGEST),
        (_TRIM_THRESHOLD, _LARGEST),
        (_TOP_PAD, 128 * 2**20),
    )
    taken = [library.mallopt(name, value) == 1 for name, value in settings]
    return all(taken)

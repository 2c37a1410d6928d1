"""Gives memory that is freed in pieces back to the system while much is loaded."""

import ctypes
from functools import cache
from typing import Any

_BETWEEN_BYTES = 1 << 26


class Tidy:
    """Gives freed memory back each time that so much was worked on: else it stays, between what is kept."""

    def __init__(self) -> None:
        self._made = 0

    def made(self, size_bytes: int) -> None:
        """Say that so many bytes were worked on."""
        self._made += size_bytes
        ask = _trimmer()
        if self._made >= _BETWEEN_BYTES and ask is not None:
            self._made = 0
            ask(0)


@cache
def _trimmer() -> Any:
    """What asks the allocator of the C library; only glibc's can be asked."""
    return getattr(ctypes.CDLL(None), "malloc_trim", None)

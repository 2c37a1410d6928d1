"""How many results may a process keep? As many as leave room for the networks that the next job loads."""

from functools import partial

from executor.run.cache import ResultCache
from executor.run.policies import make_cache
from models.host_memory import host_room

SMALLEST_HEADROOM_GIGABYTES = 2.0
HEADROOM_SHARE = 0.25


def available_bytes(ram_limit: int | None = None) -> int:
    """The memory that is free now: of the machine, its container, or what `--ram-limit` leaves."""
    return host_room(ram_limit).free


def roomy_cache(ram_limit: int | None = None) -> ResultCache:
    """The usual cache: generous, but old results and their networks go before memory runs short.

    What is left free is a quarter of all there is, and 2 GiB at least where there are twice as many.
    """
    total = host_room(ram_limit).total / 2**30
    headroom = max(min(SMALLEST_HEADROOM_GIGABYTES, total / 2), total * HEADROOM_SHARE)
    return make_cache("roomy", headroom, partial(available_bytes, ram_limit))

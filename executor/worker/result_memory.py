"""How many results may a process keep? As many as leave room for the networks that the next job loads."""

import psutil

from executor.run.cache import ResultCache
from executor.run.policies import make_cache

SMALLEST_HEADROOM_GIGABYTES = 2.0
HEADROOM_SHARE = 0.25


def available_bytes() -> int:
    """The memory of the machine that is free now."""
    return int(psutil.virtual_memory().available)


def roomy_cache() -> ResultCache:
    """The usual cache: generous, but old results and their networks go before memory runs short."""
    share = psutil.virtual_memory().total * HEADROOM_SHARE / 2**30
    return make_cache("roomy", max(SMALLEST_HEADROOM_GIGABYTES, share), available_bytes)

"""How often does the collector of cycles look through memory? Not for the sake of what stays for good."""

import gc

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

"""Does the code of a node still move? Looks at where the threads of this process are, again and again."""

import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

LOOK_SECONDS = 0.5
DEEPEST = 100
OWN_THREADS = frozenset({"heartbeat", "server-listener", "motion"})

Place = tuple[tuple[int, int], ...]


def watch(is_wanted: Callable[[], bool], moved: Callable[[], None]) -> None:
    """While it is wanted, call `moved` from a thread of its own when code has gone on since the last look.

    Code that does one thing after another moves; what sleeps, waits for a socket, goes round in the tightest
    of loops or is stuck in one call stands still. A call that holds the interpreter's lock halts this too.
    """

    def look() -> None:
        before = places()
        while is_wanted():
            time.sleep(LOOK_SECONDS)
            if (here := places()) != before:
                before = here
                moved()

    threading.Thread(target=look, name="motion", daemon=True).start()


def places() -> dict[int, Place]:
    """Where each thread is that may run nodes: the code and instruction of each of its frames."""
    own = {thread.ident for thread in threading.enumerate() if thread.name in OWN_THREADS}
    return {ident: _place(frame) for ident, frame in sys._current_frames().items() if ident not in own}


def _place(frame: FrameType | None) -> Place:
    place: list[tuple[int, int]] = []
    while frame is not None and len(place) < DEEPEST:
        place.append((id(frame.f_code), frame.f_lasti))
        frame = frame.f_back
    return tuple(place)

"""What did a worker leave behind? The processes that it started carry its mark."""

import os
import signal
from contextlib import suppress
from pathlib import Path

MARK = "SFUMATO_WORKER"
PROCESSES = Path("/proc")


def is_standing_still(process_id: int) -> bool:
    """Whether a process was stopped by a signal or a debugger; False where that cannot be seen."""
    try:
        text = (PROCESSES / str(process_id) / "stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] in ("T", "t")


def kill_marked(mark: str) -> list[int]:
    """Kill every process of this user with that mark in its environment; returns their ids."""
    wanted = f"{MARK}={mark}".encode()
    killed = []
    for entry in PROCESSES.glob("[0-9]*"):
        try:
            is_marked = wanted in (entry / "environ").read_bytes().split(b"\0")
        except OSError:  # it ended, or is somebody else's
            continue
        if is_marked and entry.name != str(os.getpid()):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(int(entry.name), signal.SIGKILL)
                killed.append(int(entry.name))
    return killed

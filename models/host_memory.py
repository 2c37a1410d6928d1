"""Answers how much memory this computer has and how much is free: what a container allows is all there is.

References: Linux kernel documentation, "Control Group v2" (memory.max, memory.current, memory.stat) and
"Memory Resource Controller" of v1.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

CGROUP_FILE = Path("/proc/self/cgroup")
CGROUP_ROOT = Path("/sys/fs/cgroup")
# Of version 2 and of version 1: the limit, what is used, and what of it the system can take back.
_NAMES = (
    ("memory.max", "memory.current", ("inactive_file", "active_file")),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", ("total_inactive_file", "total_active_file")),
)
# No limit is written as a huge number in version 1.
_UNLIMITED = 2**60


@dataclass(frozen=True)
class Room:
    """Memory of one kind.

    Attributes:
        total: bytes there are.
        free: bytes that can be had now.
        owner: who sets the bound, for people.
    """

    total: int
    free: int
    owner: str


def host_room(ram_limit: int | None = None) -> Room:
    """The memory of this process: the computer's, the container's or what `--ram-limit` leaves.

    Free is the least of them; total is that of the narrowest.
    """
    memory = psutil.virtual_memory()
    rooms = [Room(int(memory.total), int(memory.available), "this computer"), *container_rooms()]
    if ram_limit is not None:
        rooms.append(Room(ram_limit, max(0, ram_limit - own_bytes()), "--ram-limit"))
    least = min(rooms, key=lambda room: room.free)
    return Room(min(room.total for room in rooms), least.free, least.owner)


def swap_free_bytes() -> int:
    """What the page file could still take; nothing inside a container with a limit."""
    return 0 if container_rooms() else int(psutil.swap_memory().free)


def own_bytes() -> int:
    """The memory that this process has for itself: mapped files that others could read again do not count."""
    info = psutil.Process().memory_info()
    return int(info.rss - getattr(info, "shared", 0))


def container_rooms(file: Path = CGROUP_FILE, root: Path = CGROUP_ROOT) -> tuple[Room, ...]:
    """The memory of each container (control group) with a limit that this process is in."""
    return tuple(room for place in _places(file, root) if (room := _room(place)) is not None)


def _places(file: Path, root: Path) -> Iterator[Path]:
    """The folders of the groups, innermost first."""
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        number, controllers, path = line.split(":", 2)
        if number == "0" and not controllers:
            top = root
        elif "memory" in controllers.split(","):
            top = root / "memory"
        else:
            continue
        place = top / path.lstrip("/")
        yield from (each for each in (place, *place.parents) if each == top or top in each.parents)


def _room(place: Path) -> Room | None:
    for limit_name, used_name, reclaimable in _NAMES:
        limit, used = _number(place / limit_name), _number(place / used_name)
        if limit is None or used is None or limit >= _UNLIMITED:
            continue
        statistics = _statistics(place / "memory.stat")
        cached = sum(statistics.get(name, 0) for name in reclaimable)
        return Room(limit, max(0, min(limit, limit - used + cached)), "this container")
    return None


def _number(path: Path) -> int | None:
    try:
        text = path.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _statistics(path: Path) -> dict[str, int]:
    try:
        pairs = (line.split() for line in path.read_text().splitlines())
        return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2}
    except (OSError, ValueError):
        return {}

"""How much memory there is: the container's limit counts, in both versions of control groups."""

from pathlib import Path

import psutil
import pytest
import torch

from models import host_memory
from models.attention_backends import choice
from models.host_memory import Room, container_rooms, host_room, own_bytes

GIB = 2**30


def group(root: Path, **files: str) -> None:
    root.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (root / name.replace("__", ".")).write_text(text)


def of_two(limit: int | str, used: int) -> dict[str, str]:
    return {"memory__max": f"{limit}\n", "memory__current": f"{used}\n"}


def of_one(limit: int, used: int) -> dict[str, str]:
    return {"memory__limit_in_bytes": f"{limit}\n", "memory__usage_in_bytes": f"{used}\n"}


def rooms(root: Path, *groups: str) -> tuple[Room, ...]:
    """The rooms of a process in groups whose folders are below `root`."""
    (root / "self").write_text("".join(f"{line}\n" for line in groups))
    return container_rooms(root / "self", root / "fs")


def test_a_limit_of_version_two_counts_and_cached_files_are_free(tmp_path: Path) -> None:
    cached = f"anon 1\ninactive_file {GIB}\nactive_file {GIB}\n"
    group(tmp_path / "fs/app/inner", **of_two(8 * GIB, 6 * GIB), memory__stat=cached)
    group(tmp_path / "fs/app", **of_two("max", 6 * GIB))
    assert rooms(tmp_path, "0::/app/inner") == (Room(8 * GIB, 4 * GIB, "this container"),)


def test_the_limits_of_outer_groups_count_too(tmp_path: Path) -> None:
    group(tmp_path / "fs/app/inner", **of_two(8 * GIB, 0))
    group(tmp_path / "fs/app", **of_two(2 * GIB, GIB))
    assert [room.free for room in rooms(tmp_path, "0::/app/inner")] == [8 * GIB, GIB]


def test_a_limit_of_version_one_counts(tmp_path: Path) -> None:
    cached = f"inactive_file 5\ntotal_inactive_file {GIB}\n"
    group(tmp_path / "fs/memory/job", **of_one(4 * GIB, 3 * GIB), memory__stat=cached)
    group(tmp_path / "fs/memory", **of_one(9223372036854771712, 7))
    found = rooms(tmp_path, "5:devices:/x", "4:memory:/job", "0::/")
    assert found == (Room(4 * GIB, 2 * GIB, "this container"),)


def test_without_groups_the_computer_is_the_bound(tmp_path: Path) -> None:
    assert container_rooms(tmp_path / "none", tmp_path) == ()


def test_the_narrowest_bound_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_memory, "container_rooms", lambda: (Room(2 * GIB, 5, "this container"),))
    assert host_room() == Room(2 * GIB, 5, "this container")
    assert host_memory.swap_free_bytes() == 0


def test_a_limit_on_the_command_line_leaves_what_the_process_has_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_memory, "container_rooms", tuple)
    limit = own_bytes() + 1000 * 2**20
    room = host_room(limit)
    assert room.owner == "--ram-limit"
    assert room.total == min(limit, psutil.virtual_memory().total)
    assert abs(room.free - 1000 * 2**20) < 50 * 2**20
    assert host_room(1).free == 0


def test_attention_counts_with_what_the_container_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_memory, "container_rooms", lambda: (Room(2 * GIB, 4000, "this container"),))
    monkeypatch.setattr(choice._Current, "asked", None)
    assert choice.free_part(torch.device("cpu")) == 1000

"""Answers whether an error of torch means that memory ran out, and says so in a sentence."""

import re

import torch

from executor.memory.devices import Devices
from executor.memory.plan import size_text
from models.host_memory import host_room
from nodes.api.errors import OutOfMemory

_UNITS = {"BYTES": 1, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40, "PIB": 2**50, "EIB": 2**60}
_ASKED = re.compile(r"(?:tried|unable) to allocate ([\d.]+) (bytes|[KMGTPE]iB)", re.IGNORECASE)


def shortage(error: BaseException, devices: Devices) -> OutOfMemory | None:
    """The error as one that says how much was asked for and how much is free, if it is about memory.

    Errors on the compute device are of a type of their own or known by their text, and so are those of the
    processor, whether torch, numpy or Python raised them.
    """
    if isinstance(error, OutOfMemory):
        return error
    text = str(error)
    on_device = isinstance(error, torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and "out of memory" in text.lower()
    )
    on_host = isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and "allocate memory" in text
    )
    if not (on_device or on_host):
        return None
    asked = _ASKED.search(text)
    requested = int(float(asked[1]) * _UNITS[asked[2].upper()]) if asked else 0
    if on_device and devices.compute.type != "cpu":
        free, owner = devices.free_bytes(), str(devices.compute)
    else:
        room = host_room(devices.limits.ram_bytes)
        free, owner = room.free, room.owner
    size = f"{size_text(requested)} at once" if requested else "more"
    return OutOfMemory(
        requested,
        free,
        f"not enough memory: {size} was asked for, but {size_text(free)} are free ({owner}). "
        "A smaller picture or batch needs less",
    )

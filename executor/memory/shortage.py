"""Answers whether an error of torch means that memory ran out, and says so in a sentence."""

import re

import torch

from executor.memory.devices import Devices
from nodes.api.errors import OutOfMemory

_UNITS = {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_ASKED = re.compile(r"tried to allocate ([\d.]+) (bytes|KiB|MiB|GiB)", re.IGNORECASE)


def shortage(error: BaseException, devices: Devices) -> OutOfMemory | None:
    """The error as one that says how much was asked for and how much is free, if it is about memory.

    Errors on the compute device are of a type of their own, those of the processor are known by their text.
    """
    asked = _ASKED.search(str(error))
    if not isinstance(error, torch.OutOfMemoryError) and not (
        isinstance(error, RuntimeError) and asked and "allocate memory" in str(error)
    ):
        return None
    requested = int(float(asked[1]) * _UNITS[asked[2]]) if asked and asked[2] in _UNITS else 0
    on_device = isinstance(error, torch.OutOfMemoryError)
    name = str(devices.compute) if on_device else "this computer"
    free = devices.free_bytes() if on_device else Devices().free_bytes()
    size = f"{requested / 2**30:,.1f} GiB at once" if requested else "more"
    text = (
        f"not enough memory: {size} was asked for, but {free / 2**30:,.1f} GiB are free on {name}. "
        "A smaller picture or batch needs less"
    )
    return OutOfMemory(requested, free, text)

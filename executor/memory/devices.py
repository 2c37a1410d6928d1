"""Answers what the machine can compute on, how much memory is left there, and in which number types."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from executor.memory.bounded import BoundedTier
from executor.memory.limits import Limits
from executor.memory.tiers import DeviceTier, Tier, free_bytes, idle_bytes
from models.host_memory import host_room

logger = logging.getLogger(__name__)

CPU = torch.device("cpu")


USUAL_ACTIVATION_BYTES = 2**30
"""What a network is taken to compute with beside its weights, where nobody knows better."""


@dataclass(frozen=True)
class Devices:
    """Where networks run and where they wait.

    Attributes:
        compute: the device that networks run on.
        storage: the device they wait on.
        limits: how much memory may be used.
        is_bounded: whether a part of the processor's memory, as much as the limits allow of a device, stands
            in for one.
    """

    compute: torch.device = CPU
    storage: torch.device = CPU
    limits: Limits = field(default_factory=Limits)
    is_bounded: bool = False

    @property
    def is_split(self) -> bool:
        """Whether networks move between two memories."""
        return self.is_bounded or self.compute != self.storage

    @property
    def gpu(self) -> str:
        """The name of the GPU that networks run on, as nodes know it; empty where there is none."""
        return f"gpu:{self.compute.index or 0}" if self.compute.type == "cuda" else ""

    @property
    def activation_bytes(self) -> int:
        """What a network computes with beside its weights, where nobody says."""
        return USUAL_ACTIVATION_BYTES if self.compute.type == "cuda" else 0

    def tier(self) -> Tier | None:
        """The memory that networks compute in, new; None if it is the one that they wait in."""
        if self.is_bounded:
            return BoundedTier(self.limits.vram_bytes or 0)
        return DeviceTier(self.compute, self.limits) if self.is_split else None

    def free_bytes(self) -> int:
        """Bytes that could be allocated on the compute device now."""
        if self.compute.type == "cuda":
            return free_bytes(self.compute)
        return host_room(self.limits.ram_bytes).free

    def release(self) -> None:
        """Give cached memory of the compute device back."""
        if self.compute.type == "cuda":
            torch.cuda.empty_cache()

    def info(self) -> Mapping[str, Any]:
        """The compute device as `/system_stats` shows it."""
        if self.compute.type != "cuda":
            room = host_room(self.limits.ram_bytes)
            return _row("cpu", "cpu", None, (room.total, room.free), (room.total, room.free))
        _, total = torch.cuda.mem_get_info(self.compute)
        pool = torch.cuda.memory_reserved(self.compute), idle_bytes(self.compute)
        name = f"{self.compute} {torch.cuda.get_device_name(self.compute)}"
        return _row(name, "cuda", self.compute.index, (total, self.free_bytes()), pool)


def choose_devices(name: str = "auto", limits: Limits | None = None) -> Devices:
    """The devices for a choice: `cpu`, `cuda`, `cuda:N`, or `auto` for a CUDA device where there is one.

    `bounded:BYTES` has a part of the processor's memory stand in for a device, for tests.

    Raises:
        ValueError: for a device that this machine does not have.
    """
    limits = limits or Limits()
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("bounded:") and name.removeprefix("bounded:").isdigit():
        size = int(name.removeprefix("bounded:"))
        return Devices(limits=replace(limits, vram_bytes=size), is_bounded=True)
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"{name!r} is not the name of a device; say cpu, cuda or cuda:N") from error
    if device.type == "cpu":
        return Devices(limits=limits)
    if device.type != "cuda":
        raise ValueError(f"networks run on cpu or cuda, not on {device.type}")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    index = device.index or 0
    if index >= count:
        raise ValueError(f"{name} was asked for, but this machine has {count} CUDA devices")
    chosen = Devices(torch.device("cuda", index), CPU, limits)
    logger.info("computing on %s", torch.cuda.get_device_name(chosen.compute))
    return chosen


def _row(
    name: str, kind: str, index: int | None, memory: tuple[int, int], pool: tuple[int, int]
) -> Mapping[str, Any]:
    return {
        "name": name,
        "type": kind,
        "index": index,
        "vram_total": memory[0],
        "vram_free": memory[1],
        "torch_vram_total": pool[0],
        "torch_vram_free": pool[1],
    }

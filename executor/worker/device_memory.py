"""Which device computes in this process, and what does it tell of itself?"""

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch

from executor.memory.devices import choose_devices
from executor.memory.precision import choose_precision
from executor.memory.residency import Residency
from executor.memory.shortage import shortage
from nodes.api.errors import NodeError


def be_deterministic() -> None:
    """Have torch use algorithms that give equal bits each time, and warn where it has none."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)


class DeviceMemory:
    """Networks on one device; gradients are off unless a node asks.

    Nodes that say "cuda" and no number mean this device too.
    """

    def __init__(self, device: str = "auto", number_type: str | None = None) -> None:
        devices = choose_devices(device)
        self.precision = choose_precision(devices, number_type)
        if devices.compute.type == "cuda":
            torch.cuda.set_device(devices.compute)
        self._residency = Residency(devices)

    def borrow(self, value: Any) -> AbstractContextManager[Any]:
        """The network of a patched model on the compute device, patches installed."""
        return self._residency.borrow(value)

    def release(self) -> None:
        """Let go of every network that nobody borrows."""
        self._residency.free()

    def describe(self) -> Mapping[str, Any]:
        """The device as the ecosystem describes one, plus the version of torch."""
        return {**self._residency.devices.info(), "torch_version": torch.__version__}

    def surroundings(self) -> AbstractContextManager[Any]:
        """No gradients."""
        return torch.no_grad()

    def shortage(self, error: BaseException) -> NodeError | None:
        """An error that means that memory ran out, in a sentence; networks in nobody's use make room then."""
        lack = shortage(error, self._residency.devices)
        if lack is not None:
            self.release()
        return lack

"""Answers where each network is and which patches stand on it, and lends networks that are ready to run."""

import gc
import logging
import threading
import weakref
from collections.abc import Hashable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import nn

from executor.memory.devices import Devices
from executor.memory.shortage import shortage
from models.adapters.patch import HoldsNetwork, Patched, install
from nodes.api.errors import NodeError, OutOfMemory

logger = logging.getLogger(__name__)

N = TypeVar("N", bound=HoldsNetwork)

_ATTRIBUTE = "_resident"


@dataclass(eq=False)
class _Resident:
    """A network's state: what is installed on it, who has borrowed it, and when it was last used.

    It hangs on the network itself, so that what restores the network does not keep it alive.
    """

    network: "weakref.ref[nn.Module]"
    size_bytes: int
    is_on_compute: bool = False
    installed: tuple[Hashable, ...] = ()
    undo: ExitStack = field(default_factory=ExitStack)
    borrows: list[Patched[Any]] = field(default_factory=list)
    last_use: int = 0


class Residency:
    """Lends networks: on the compute device, with their patches installed.

    Patches stay installed after a borrow and are exchanged only when another stack is asked for; networks
    stay on the compute device until the memory is needed. A network that nobody holds any more is forgotten.

    One thread borrows at a time, others wait: a network is never changed below a node that runs it. Within
    a thread borrows may nest, also of one network under two stacks: the inner one gives the outer one its
    stack back.
    """

    def __init__(self, devices: Devices) -> None:
        self.devices = devices
        self.installs = 0
        self.moves = 0
        self._lock = threading.RLock()
        self._residents: weakref.WeakSet[_Resident] = weakref.WeakSet()
        self._clock = 0

    @contextmanager
    def borrow(self, patched: Patched[N]) -> Iterator[N]:
        """The model of a patched value, ready to run until the block ends.

        Raises:
            NodeError: if it is no patched value.
            OutOfMemory: if the compute device cannot hold the network, even alone, or what runs in the block
                finds no memory.
        """
        if not isinstance(patched, Patched):
            raise NodeError(f"a model, CLIP or VAE is needed here, but what came is {patched!r:.80}")
        with self._lock:
            resident = self._resident(patched.base.network)
            resident.borrows.append(patched)
            try:
                self._prepare(resident, patched)
                yield patched.base
            except (torch.OutOfMemoryError, RuntimeError) as error:
                if (lack := shortage(error, self.devices)) is not None:
                    raise lack from error
                raise
            finally:
                resident.borrows.remove(patched)
                if resident.borrows:
                    self._prepare(resident, resident.borrows[-1])

    def free(self) -> None:
        """Take patches off and move networks off the compute device, except those in use."""
        with self._lock:
            for resident in list(self._residents):
                if not resident.borrows:
                    self._evict(resident)
            gc.collect()
            self.devices.release()

    def resident_bytes(self) -> int:
        """Bytes of weights on the compute device."""
        with self._lock:
            return sum(r.size_bytes for r in list(self._residents) if r.is_on_compute)

    def _resident(self, network: nn.Module) -> _Resident:
        resident: _Resident | None = network.__dict__.get(_ATTRIBUTE)
        if resident is None:
            size_bytes = 0 if _stays_on_cpu(network) else _size_bytes(network)
            resident = _Resident(weakref.ref(network), size_bytes)
            network.__dict__[_ATTRIBUTE] = resident
        self._residents.add(resident)
        self._clock += 1
        resident.last_use = self._clock
        return resident

    def _prepare(self, resident: _Resident, patched: Patched[Any]) -> None:
        """Bring a network to the compute device under a stack of patches."""
        network = patched.base.network
        stack = patched.stack
        if resident.is_on_compute and resident.installed == stack:
            return
        self._restore(resident)
        if not resident.is_on_compute:
            self._bring(resident, network)
        if not stack:
            return
        try:
            install(network, patched.patches, resident.undo)
        except BaseException:
            resident.undo.close()
            raise
        resident.installed = stack
        self.installs += 1

    def _restore(self, resident: _Resident) -> None:
        resident.installed = ()
        resident.undo.close()

    def _bring(self, resident: _Resident, network: nn.Module) -> None:
        self._make_room(resident.size_bytes)
        if self.devices.is_split and not _stays_on_cpu(network):
            try:
                network.to(self.devices.compute)
            except torch.OutOfMemoryError:
                self._retry(resident, network)
        resident.is_on_compute = True
        self.moves += 1

    def _retry(self, resident: _Resident, network: nn.Module) -> None:
        """Move a network to the compute device after everything idle has left it."""
        network.to(self.devices.storage)
        self._evict_idle(self.resident_bytes())
        try:
            network.to(self.devices.compute)
        except torch.OutOfMemoryError as error:
            network.to(self.devices.storage)
            raise OutOfMemory(resident.size_bytes, self.devices.free_bytes()) from error

    def _make_room(self, needed_bytes: int) -> None:
        """Move the networks that were not used for longest away until there is room."""
        limit = self.devices.limit_bytes
        if limit is not None:
            if needed_bytes > limit:
                raise OutOfMemory(needed_bytes, limit)
            self._evict_idle(self.resident_bytes() + needed_bytes - limit)
            if self.resident_bytes() + needed_bytes > limit:
                raise OutOfMemory(needed_bytes, limit - self.resident_bytes())
        elif self.devices.is_split:
            self._evict_idle(needed_bytes - self.devices.free_bytes())

    def _evict_idle(self, wanted_bytes: int) -> None:
        idle = [r for r in list(self._residents) if r.is_on_compute and not r.borrows]
        idle.sort(key=lambda resident: resident.last_use)
        for resident in idle:
            if wanted_bytes <= 0:
                return
            self._evict(resident)
            wanted_bytes -= resident.size_bytes
        self.devices.release()

    def _evict(self, resident: _Resident) -> None:
        self._restore(resident)
        network = resident.network()
        if network is not None and resident.is_on_compute:
            if self.devices.is_split:
                network.to(self.devices.storage)
            logger.debug("moved %s away: %d bytes", type(network).__name__, resident.size_bytes)
        resident.is_on_compute = False


def _size_bytes(network: nn.Module) -> int:
    tensors = [*network.parameters(), *network.buffers()]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _stays_on_cpu(network: nn.Module) -> bool:
    """Whether a network is computed with where it is stored, because somebody chose so."""
    return bool(getattr(network, "stays_on_cpu", False))

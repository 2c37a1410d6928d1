"""Which device computes in this process, what fits on it, and what does it tell of itself?"""

import logging
import os
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from executor.forecast.forecast import Forecast, Forecaster
from executor.forecast.shadow import Step
from executor.memory.devices import choose_devices
from executor.memory.estimate import Estimates, at_most
from executor.memory.limits import Limits
from executor.memory.plan import size_text
from executor.memory.precision import choose_precision
from executor.memory.residency import Residency
from executor.memory.shortage import shortage
from executor.memory.tiers import DeviceTier
from executor.worker.heap import trim
from loaders.room import Sizes, asking
from models.adapters.patch import Patched
from models.adapters.step_memory import Remembers, remembered_by
from models.attention_backends.choice import ask_for_room
from models.host_memory import host_room, swap_free_bytes
from models.packed.tensor import stored_bytes
from nodes.api.errors import NodeError, OutOfMemory
from nodes.api.precision import Wanted

logger = logging.getLogger(__name__)

Shape = Sequence[int]

MOST_UNACCOUNTED_BYTES = 4 * 2**30
"""A worker that holds more than that for no known reason is replaced."""


def be_deterministic() -> None:
    """Have torch use algorithms that give equal bits each time, and warn where it has none."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)


class DeviceMemory:
    """Networks on one device; gradients are off unless a node asks.

    Nodes that say "cuda" and no number mean this device too. What networks compute with beside their weights
    is estimated before they are placed, and measured while they run.

    Args:
        device: its name, or "auto" for the best one.
        number_type: the torch type that networks draw in, or more such wishes; None for the best.
        limits: how much memory may be used.
        compiler: what every diffusion network is compiled by, a backend of the node TorchCompileModel.
    """

    def __init__(
        self,
        device: str = "auto",
        number_type: str | Wanted | None = None,
        limits: Limits | None = None,
        compiler: str | None = None,
    ) -> None:
        self._compiler = compiler
        self.limits = limits or Limits()
        devices = choose_devices(device, self.limits)
        self.precision = choose_precision(devices, number_type)
        if devices.compute.type == "cuda":
            torch.cuda.set_device(devices.compute)
            _bound(devices.compute, self.limits)
        self.residency = Residency(devices)
        self.estimates = Estimates()
        ask_for_room(self._free_bytes)
        self._short: list[tuple[weakref.ref[Any], str, Shape | None, tuple[Remembers, ...]]] = []
        self._networks: weakref.WeakKeyDictionary[nn.Module, int] = weakref.WeakKeyDictionary()
        self._depth = 0
        self._nested = False

    @contextmanager
    def borrow(self, value: Any, shape: Shape | None = None) -> Iterator[Any]:
        """The network of a patched model on the compute device, patches installed, to be run on a shape."""
        value = self._fast(value)
        network = value.base.network if isinstance(value, Patched) else None
        if network is not None and network not in self._networks:
            self._networks[network] = weight_bytes(network)
        wanted = None
        if network is not None and self._moves(value):
            wanted = self.estimates.activation_bytes(network, shape, value.patches) or None
        try:
            with self.residency.borrow(value, wanted) as base, self._measured(value, shape):
                yield base
        except (RuntimeError, MemoryError, OutOfMemory) as error:
            if network is not None and shortage(error, self.residency.devices) is not None:
                remembering = tuple(patch for patch in value.patches if isinstance(patch, Remembers))
                self._short.append((weakref.ref(value.base), value.device, shape, remembering))
            raise

    def _free_bytes(self, device: torch.device) -> int:
        """What is left for what is computed with, by the limits of this process."""
        if self.residency.tier is None or device != self.residency.tier.device:
            return host_room(self.limits.ram_bytes).free
        held = self.residency.resident_bytes()
        return self.residency.tier.capacity(held) - held

    def _fast(self, value: Any) -> Any:
        """A value with what makes every diffusion network of this process faster."""
        if self._compiler is None or not isinstance(value, Patched):
            return value
        from models.adapters.graphed import WAYS
        from models.diffusion import DiffusionModel

        if not isinstance(value.base, DiffusionModel) or value.base.network.training:
            return value
        patch = WAYS[self._compiler]()
        return value if patch.key in value.stack else value.with_patch(patch)

    def fits(self, value: Any, shape: Shape) -> bool:
        """Whether there is memory to run the network of a patched model on an input of a shape."""
        if not isinstance(value, Patched):
            return True
        network = value.base.network
        moves = self._moves(value)
        room = self._most_activations(value) if moves else host_room(self.limits.ram_bytes).free
        # The bound is loose and quick, and knows of no step caches: most of what is run fits many times.
        if not moves and not remembered_by(value.patches, network) and at_most(network, shape) <= room:
            return True
        return self.estimates.activation_bytes(network, shape, value.patches) <= room

    def release(self) -> None:
        """Let go of every network that nobody borrows."""
        self.residency.free()

    def describe(self) -> Mapping[str, Any]:
        """The device as the ecosystem describes one, plus the version of torch."""
        return {**self.residency.devices.info(), "torch_version": torch.__version__}

    @contextmanager
    def surroundings(self) -> Iterator[None]:
        """No gradients; loaders ask for room."""
        with torch.no_grad(), asking(self.make_room):
            yield

    def shortage(self, error: BaseException) -> NodeError | None:
        """An error that means that memory ran out, in a sentence."""
        return shortage(error, self.residency.devices)

    def relieve(self) -> None:
        """Let go of what nobody uses; what ran short is planned with all the room that can be had."""
        self.release()
        short, self._short = self._short, []
        for reference, device, shape, patches in short:
            base = reference()
            if base is not None and self._moves(patched := Patched(base, device=device)):
                room = self._most_activations(patched)
                self.estimates.ran_short(base.network, room, shape, patches)

    def forecast(self, steps: Iterable[Step]) -> Forecast:
        """What the steps of a graph would take, and where its networks would be.

        Without a GPU, `--vram-limit` stands for one with so much memory.
        """
        tier, name = self.residency.tier, str(self.residency.devices.compute)
        if tier is None and self.limits.vram_bytes is not None:
            tier, name = DeviceTier(torch.device("meta"), self.limits), "a GPU"
        room = host_room(self.limits.ram_bytes)
        # Networks of earlier jobs are counted among those of these steps, or give way to them.
        free = min(room.total, room.free + self.held_bytes())
        return Forecaster(tier, self.limits, self.estimates, free).forecast(name, steps)

    def held_bytes(self) -> int:
        """What networks take of the computer's memory that were run here and are still there."""
        return sum(list(self._networks.values()))

    def unaccounted_limit(self) -> int:
        """How many bytes this process may hold that nothing accounts for: a quarter of `--ram-limit`."""
        limit = self.limits.ram_bytes
        return MOST_UNACCOUNTED_BYTES if limit is None else min(MOST_UNACCOUNTED_BYTES, limit // 4)

    def make_room(self, what: str, most_bytes: int, sizes: Sizes) -> bool:
        """Whether there is memory for weights that are about to be read; idle networks give way to them.

        Raises:
            OutOfMemory: if there is none for those that cannot be left in their file, the page file included.
        """
        free_bytes = host_room(self.limits.ram_bytes).free
        if most_bytes <= free_bytes:
            return True
        whole, copied = sizes()
        if whole <= free_bytes:
            return True
        self.release()
        trim()
        room = host_room(self.limits.ram_bytes)
        free = size_text(room.free)
        if copied > room.free + swap_free_bytes():
            owner = f"{free} of {size_text(room.total)} are free ({room.owner})"
            text = f"not enough memory: the {what} takes {size_text(copied)}, but {owner}"
            raise OutOfMemory(copied, room.free, text)
        if whole > room.free:
            needs = size_text(whole)
            logger.warning("%s: %s are needed and %s free: it stays in its file", what, needs, free)
        return whole <= room.free

    def _moves(self, patched: Patched[Any]) -> bool:
        """Whether a model computes in another memory than it waits in."""
        return self.residency.tier is not None and not patched.stays_on_cpu

    def _most_activations(self, patched: Patched[Any]) -> int:
        """What is left on the device when as little as possible of a network is there."""
        tier = self.residency.tier
        assert tier is not None
        capacity = tier.capacity(self.residency.resident_bytes())
        return max(0, capacity - self.residency.least_bytes(patched))

    @contextmanager
    def _measured(self, value: Any, shape: Shape | None) -> Iterator[None]:
        """Measure what is computed with in the block, unless other networks are borrowed too."""
        device = self.residency.devices.compute
        if device.type != "cuda" or not isinstance(value, Patched):
            yield
            return
        self._depth += 1
        alone = self._depth == 1
        if alone:
            torch.cuda.reset_peak_memory_stats(device)
            before, self._nested = torch.cuda.memory_allocated(device), False
        else:
            self._nested = True
        try:
            yield
        finally:
            self._depth -= 1
        if alone and not self._nested:
            peak = torch.cuda.max_memory_allocated(device) - before
            self.estimates.measured(value.base.network, peak, shape, value.patches)


def _bound(device: torch.device, limits: Limits) -> None:
    """Have torch itself refuse what passes `--vram-limit`, whatever was planned."""
    if limits.vram_bytes is not None:
        _, total = torch.cuda.mem_get_info(device)
        torch.cuda.set_per_process_memory_fraction(min(1.0, limits.vram_bytes / total), device)


def weight_bytes(network: nn.Module) -> int:
    """What the weights of a network take where they wait."""
    return sum(stored_bytes(tensor) for tensor in network.state_dict(keep_vars=True).values())

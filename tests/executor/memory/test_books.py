"""Random sequences of networks, sizes, LoRAs, nested borrows and failures keep the books exact."""

import gc
import random
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, linear

from executor.memory.bounded import BoundedTier
from executor.memory.devices import choose_devices
from executor.memory.residency import Residency
from models.adapters.deltas import Difference
from models.adapters.patch import Patched
from models.adapters.weights import DeltaSet, WeightPatch
from nodes.api.errors import OutOfMemory
from tests.fixtures.streaming import Holder, drawn, have_tiny_leaves_streamed, settled, weight_bytes

WIDTH = 32
SEQUENCES = 200


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    have_tiny_leaves_streamed(monkeypatch)
    gc.collect()
    gc.freeze()
    with torch.no_grad():
        yield
    gc.unfreeze()


def chain(length: int, seed: int) -> nn.Module:
    """Linear layers, each normalised, about 4 KiB a layer."""
    layers = [nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH)) for _ in range(length)]
    return settled(nn.Sequential(*layers), seed)


def lora(length: int, generator: random.Random) -> WeightPatch:
    """Differences of some layers; now and then one that does not fit."""
    chosen = generator.sample(range(length), generator.randint(1, length))
    width = WIDTH if generator.random() < 0.9 else WIDTH + 1
    seed = generator.randrange(1000)
    deltas = {
        f"{index}.0.weight": Difference(0.1 * drawn(width, width, seed=seed + index)) for index in chosen
    }
    return WeightPatch(DeltaSet(deltas), generator.choice((0.5, 1.0)))


class World:
    """Networks that come and go, and a device that now and then has less than it says."""

    def __init__(self, seed: int) -> None:
        self.generator = random.Random(seed)
        self.residency = Residency(choose_devices(f"bounded:{self.generator.randint(16, 60) * 2**10}"))
        tier = self.residency.tier
        assert isinstance(tier, BoundedTier)
        self.tier = tier
        self.networks = [self.new() for _ in range(4)]
        self.loras: dict[int, list[WeightPatch]] = {}
        self.x = drawn(2, WIDTH)
        self._block = tier.block
        self.done = self.faults = 0

    def new(self) -> tuple[nn.Module, list[tuple[int, Tensor]]]:
        network = chain(self.generator.randint(1, 12), self.generator.randrange(10**6))
        return network, [(id(tensor), tensor.clone()) for tensor in network.parameters()]

    def block(self, size_bytes: int) -> Tensor:
        if self.generator.random() < 0.02:
            self.faults += 1
            raise torch.OutOfMemoryError("bounded device out of memory. Tried to allocate 1 bytes")
        return self._block(size_bytes)

    def expected(self, originals: list[tuple[int, Tensor]], stack: tuple[WeightPatch, ...]) -> Tensor:
        x = self.x
        for index in range(0, len(originals), 4):
            weight, bias, gain, shift = (value for _, value in originals[index : index + 4])
            for patch in stack:
                delta = patch.source.deltas.get(f"{index // 4}.0.weight")
                weight = weight if delta is None else delta.change(weight, patch.strength)
            x = layer_norm(linear(x, weight, bias), (WIDTH,), gain, shift)
        return x

    def borrow(self, depth: int) -> None:
        network, originals = self.generator.choice(self.networks)
        length = len(originals) // 4
        stack = tuple(lora(length, self.generator) for _ in range(self.generator.choice((0, 0, 1, 2))))
        activations = self.generator.choice((0, 2**13, 2**14))
        self.tier.home_is_short = self.generator.random() < 0.3
        with self.residency.borrow(Patched(Holder(network), stack), activations):
            self.check()
            for _ in range(self.generator.randint(1, 3)):
                assert torch.equal(network(self.x), self.expected(originals, stack))
            if depth < 2 and self.generator.random() < 0.4:
                self.attempt(depth + 1)
                assert torch.equal(network(self.x), self.expected(originals, stack))
            if self.generator.random() < 0.2:
                raise KeyError
            self.done += 1
        self.check()

    def attempt(self, depth: int = 0) -> None:
        """Borrow, whatever becomes of it; what a device breaks may reach those further out."""
        faults = self.faults
        try:
            self.borrow(depth)
        except OutOfMemory:
            if depth and self.faults > faults:
                raise
        except (KeyError, ValueError):
            return

    def check(self) -> None:
        assert self.tier.peak_bytes <= self.tier.cap_bytes
        if self.tier.held_bytes != self.residency.resident_bytes():
            gc.collect()
        assert self.tier.held_bytes == self.residency.resident_bytes()


def test_the_books_are_exact_after_any_sequence() -> None:
    done = 0
    for seed in range(SEQUENCES):
        world = World(seed)
        world.tier.block = world.block
        for _ in range(4):
            world.attempt()
            if world.generator.random() < 0.3:
                world.networks[world.generator.randrange(4)] = world.new()
            if world.generator.random() < 0.1:
                world.residency.free()
                assert world.tier.held_bytes == 0
        world.residency.free()
        assert world.tier.held_bytes == world.residency.resident_bytes() == 0
        for network, originals in world.networks:
            assert [id(tensor) for tensor in network.parameters()] == [one for one, _ in originals]
            assert all(
                torch.equal(p, value) for p, (_, value) in zip(network.parameters(), originals, strict=True)
            )
            assert not any("forward" in module.__dict__ for module in network.modules())
        done += world.done
    assert done > SEQUENCES
    assert weight_bytes(chain(12, 0)) > 48 * 2**10

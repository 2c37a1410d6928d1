"""Where random numbers come from: the first noise, independent draws, and one Brownian path for all steps.

The Brownian path is the virtual tree of Li et al. 2020 ("Scalable gradients for SDEs", section 4) with the
seeding of google-research/torchsde 0.2.6, so that equal seeds give equal paths.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy
import torch
from torch import Tensor

SEEDS = 2**64
_DIGITS = 6
_POOL_WORDS = 24
_KEPT_SPLITS = 32


def initial_noise(shape: Sequence[int], seed: int, batch_index: Sequence[int] | None = None) -> Tensor:
    """Noise of a shape (B, C, H, W) from a seed, float32 on the CPU; seeds torch's global generators.

    With batch_index, row k is the noise that row batch_index[k] of a batch drawn one by one would get.
    Raises ValueError when shape and batch_index disagree on B.
    """
    torch.manual_seed(seed % SEEDS)
    if batch_index is None:
        return torch.randn(tuple(shape))
    if len(batch_index) != shape[0]:
        raise ValueError(f"batch_index names {len(batch_index)} latents but the batch has {shape[0]}")
    wanted = set(batch_index)
    drawn: dict[int, Tensor] = {}
    for index in range(max(wanted) + 1):
        row = torch.randn((1, *shape[1:]))
        if index in wanted:
            drawn[index] = row
    return torch.cat([drawn[index] for index in batch_index])


def reseeded_noise(shape: Sequence[int], seed: int) -> Tensor:
    """Noise of a shape (B, C, H, W) from seed + 1, float32 on the CPU; seeds torch's global generators."""
    torch.manual_seed((seed + 1) % SEEDS)
    return torch.randn(tuple(shape))


class NoiseSource(Protocol):
    """What a NOISE on a wire is: the first noise of a run, and the seed of what samplers draw later."""

    @property
    def seed(self) -> int:
        """Seed of the run."""
        ...

    def draw(self, latent: Tensor, batch_index: Sequence[int] | None = None) -> Tensor:
        """Noise shaped like the latent (B, C, H, W), float32 on the CPU; see `initial_noise`."""
        ...


@dataclass(frozen=True)
class SeededNoise:
    """Noise from a seed."""

    seed: int

    def draw(self, latent: Tensor, batch_index: Sequence[int] | None = None) -> Tensor:
        """Noise shaped like the latent (B, C, H, W)."""
        return initial_noise(latent.shape, self.seed, batch_index)


@dataclass(frozen=True)
class NoNoise:
    """Zeros, for latents that have their noise; the seed is only for what samplers draw."""

    seed: int = 0

    def draw(self, latent: Tensor, batch_index: Sequence[int] | None = None) -> Tensor:
        """Zeros shaped like the latent (B, C, H, W)."""
        del batch_index
        return torch.zeros(latent.shape)


class GaussianNoise:
    """Independent noise for every step, from a generator of its own on the latent's device."""

    def __init__(self, x: Tensor, seed: int) -> None:
        """x: (B, C, H, W) to draw for; on the CPU seed + 1 keeps the first noise from coming again."""
        self._like = x
        self._generator = torch.Generator(x.device)
        self._generator.manual_seed((seed + (x.device.type == "cpu")) % SEEDS)

    def __call__(self, sigma: float, sigma_next: float) -> Tensor:
        """The next draw, shaped like x (B, C, H, W); sigmas do not matter."""
        del sigma, sigma_next
        like = self._like
        return torch.randn(like.shape, dtype=like.dtype, device=like.device, generator=self._generator)


class _Node(NamedTuple):
    """An interval of the tree: where it lies, and its name (key, depth) that seeds its split."""

    start: float
    end: float
    key: int
    depth: int


class BrownianTree:
    """One Brownian path over [start, end], the same however and in whatever order it is asked."""

    def __init__(self, x: Tensor, start: float, end: float, seed: int) -> None:
        """x: any shape; values of the path have its shape, dtype and device."""
        self._like = x
        self._seed = seed
        self._root = _Node(round(start, _DIGITS), round(end, _DIGITS), 0, 0)
        root_seed = int(numpy.random.SeedSequence(entropy=seed, pool_size=_POOL_WORDS).generate_state(3)[0])
        self._root_increment = self._draw(root_seed) * math.sqrt(end - start)
        self._splits: OrderedDict[tuple[int, int], tuple[Tensor, Tensor]] = OrderedDict()

    @property
    def shape(self) -> torch.Size:
        """The shape of the path's values."""
        return self._like.shape

    def increment(self, start: float, end: float) -> Tensor:
        """W(end) - W(start), shaped like x; both are clipped to the path and rounded to a millionth."""
        low, high = self._root.start, self._root.end
        start = round(min(max(start, low), high), _DIGITS)
        end = round(min(max(end, low), high), _DIGITS)
        if start == end:
            return torch.zeros_like(self._like)
        parts: list[Tensor] = []
        self._cover(self._root, self._root_increment, start, end, parts)
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total

    def _cover(self, node: _Node, increment: Tensor, start: float, end: float, parts: list[Tensor]) -> None:
        """Append the increments of the whole nodes that make up [start, end], left to right."""
        if start == node.start and end == node.end:
            parts.append(increment)
            return
        left, right = self._split(node, increment)
        middle = round(0.5 * (node.end + node.start), _DIGITS)
        if start < middle:
            child = _Node(node.start, middle, 2 * node.key, node.depth + 1)
            self._cover(child, left, start, min(end, middle), parts)
        if end > middle:
            child = _Node(middle, node.end, 2 * node.key + 1, node.depth + 1)
            self._cover(child, right, max(start, middle), end, parts)

    def _split(self, node: _Node, increment: Tensor) -> tuple[Tensor, Tensor]:
        """Increments of the two halves of a node: a Brownian bridge pinned at its middle."""
        name = (node.key, node.depth)
        if name in self._splits:
            self._splits.move_to_end(name)
            return self._splits[name]
        middle = round(0.5 * (node.end + node.start), _DIGITS)
        before, after, inverse = middle - node.start, node.end - middle, 1 / (node.end - node.start)
        sequence = numpy.random.SeedSequence(entropy=self._seed, spawn_key=name, pool_size=_POOL_WORDS)
        bridge = self._draw(int(sequence.generate_state(4)[0])) * math.sqrt(before * after * inverse)
        left = before * increment * inverse + bridge
        self._splits[name] = (left, increment - left)
        if len(self._splits) > _KEPT_SPLITS:
            self._splits.popitem(last=False)
        return self._splits[name]

    def _draw(self, seed: int) -> Tensor:
        like = self._like
        generator = torch.Generator(like.device).manual_seed(seed)
        return torch.randn(like.shape, dtype=like.dtype, device=like.device, generator=generator)


class BrownianNoise:
    """Noise whose draws are increments of one path, so that more steps refine the same picture."""

    def __init__(self, x: Tensor, sigmas: Sequence[float], seed: int, *, on_device: bool = False) -> None:
        """x: (B, C, H, W); the path spans the positive sigmas, on the CPU unless on_device."""
        self._device = x.device
        like = x if on_device else torch.empty(x.shape, dtype=x.dtype)
        low, high = min(sigma for sigma in sigmas if sigma > 0), max(sigmas)
        self._tree = BrownianTree(like, low, high, seed)

    def __call__(self, sigma: float, sigma_next: float) -> Tensor:
        """The path's increment from sigma to sigma_next at unit variance, shaped like x (B, C, H, W)."""
        low, high = min(sigma, sigma_next), max(sigma, sigma_next)
        if low == high:
            return torch.zeros(self._tree.shape, device=self._device)
        sign = 1.0 if sigma < sigma_next else -1.0
        value = self._tree.increment(low, high) * (sign / math.sqrt(high - low))
        if value.device == self._device:
            return value
        return value.pin_memory().to(self._device, non_blocking=True)

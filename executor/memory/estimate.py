"""Answers how much memory a network needs beside its weights: counted in a run without memory, then measured.

What was measured outlives the networks: it is kept by their layout, for as long as the process.
"""

import logging
import math
import threading
import weakref
from collections import OrderedDict
from collections.abc import Hashable, Iterable
from typing import TypeAlias

import torch
from torch import nn

from executor.memory.trial import TOKENS, Shape, compute_type, peak_of, twin
from models.adapters.step_memory import remembered_by
from models.text.encoders import TextEncoders
from models.unet.way_down import WayDown
from models.vae.autoencoder import ImageAutoencoder
from models.vision.clip import ClipVision

logger = logging.getLogger(__name__)

MARGIN = 1.1
"""Allocators round up, and kernels take room to work in."""
_MOST_CORRECTION = 4.0
_MOST_KEPT = 512
_ROUGH_LAYERS = 8
_TRIAL_PROBLEMS = (RuntimeError, TypeError, ValueError, LookupError, AttributeError, AssertionError)

Remembered: TypeAlias = tuple[tuple[str, int], ...]
_Key: TypeAlias = tuple[Hashable, tuple[int, ...], torch.dtype, Remembered]


class Estimates:
    """What networks need beside their weights, by layout, shape and number type; safe on any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._layouts: weakref.WeakKeyDictionary[nn.Module, Hashable] = weakref.WeakKeyDictionary()
        self._counted: OrderedDict[_Key, int] = OrderedDict()
        self._measured: OrderedDict[_Key, int] = OrderedDict()
        self._short: OrderedDict[_Key, int] = OrderedDict()
        self._corrections: dict[Hashable, float] = {}

    def activation_bytes(
        self, network: nn.Module, shape: Shape | None = None, patches: Iterable[object] = ()
    ) -> int:
        """The most bytes that a network has in use beside its weights, in one run on a shape.

        Args:
            network: on any device.
            shape: see `trial.peak_of`; that of a usual job if not given.
            patches: what is put on it; what they keep from step to step counts, for the rows of the shape.
        """
        key = self._key(network, shape, patches)
        if key is None:
            return 0
        with self._lock:
            for known in (self._short, self._measured):
                if key in known:
                    return known[key]
            correction = self._corrections.get(key[0], 1.0)
        return int(self._count(network, key) * MARGIN * correction)

    def measured(
        self,
        network: nn.Module,
        peak_bytes: int,
        shape: Shape | None = None,
        patches: Iterable[object] = (),
    ) -> None:
        """Remember what a run took; other shapes of the same network are corrected by it."""
        key = self._key(network, shape, patches)
        if key is None or peak_bytes <= 0:
            return
        counted = self._count(network, key)
        with self._lock:
            _keep(self._measured, key, max(peak_bytes, self._measured.get(key, 0)))
            self._short.pop(key, None)
            ratio = peak_bytes / (counted * MARGIN) if counted else 1.0
            self._corrections[key[0]] = min(_MOST_CORRECTION, max(1.0, ratio))

    def ran_short(
        self,
        network: nn.Module,
        room_bytes: int,
        shape: Shape | None = None,
        patches: Iterable[object] = (),
    ) -> None:
        """Remember that a run found no memory: give the next one `room_bytes`, all that can be had."""
        key = self._key(network, shape, patches)
        if key is not None:
            with self._lock:
                self._measured.pop(key, None)
                _keep(self._short, key, room_bytes)

    def _key(self, network: nn.Module, shape: Shape | None, patches: Iterable[object]) -> _Key | None:
        shape = usual_shape(network) if shape is None else shape
        if shape is None:
            return None
        remembered = tuple(remembered_by(patches, network).items())
        return self._layout(network), tuple(shape), compute_type(network), remembered

    def _layout(self, network: nn.Module) -> Hashable:
        layout = self._layouts.get(network)
        if layout is None:
            shapes = tuple((name, tuple(each.shape)) for name, each in network.named_parameters())
            layout = self._layouts[network] = (type(network).__qualname__, hash(shapes))
        return layout

    def _count(self, network: nn.Module, key: _Key) -> int:
        with self._lock:
            if key in self._counted:
                return self._counted[key]
        counted = count(network, key[1], key[3])
        with self._lock:
            _keep(self._counted, key, counted)
        return counted


def count(network: nn.Module, shape: Shape, remembered: Remembered = ()) -> int:
    """The bytes that tensors take at most in a run on a shape, by one without memory, or a guess.

    What is kept from earlier runs counts: see `trial.peak_of`.
    """
    try:
        return peak_of(twin(network), shape, dict(remembered))
    except _TRIAL_PROBLEMS as problem:
        logger.debug("%s cannot be tried without memory: %s", type(network).__name__, problem)
        return rough(network, shape)


def rough(network: nn.Module, shape: Shape) -> int:
    """A guess: a few layers of the widest features, on all cells of the input."""
    widths = [weight.shape[0] for weight in network.parameters() if weight.ndim > 1]
    cells = math.prod([shape[0], *shape[2:]]) if len(shape) > 2 else math.prod(shape)
    return cells * max(widths, default=1) * compute_type(network).itemsize * _ROUGH_LAYERS


def at_most(network: nn.Module, shape: Shape) -> int:
    """A bound that is quickly told: `rough`, on the cells of what comes out where these are more."""
    guess = rough(network, shape)
    if isinstance(network, ImageAutoencoder) and shape[1] == network.latent_channels:
        return guess * network.downscale**2
    return guess


def usual_shape(network: nn.Module) -> tuple[int, ...] | None:
    """What a network usually runs on: one picture of the size it was trained for; None where nobody knows."""
    if isinstance(network, WayDown):
        side = 64 if network.config.vector_width is None else 128
        return 2, network.config.out_channels, side, side
    if isinstance(network, ImageAutoencoder):
        return 1, network.latent_channels, 64, 64
    if isinstance(network, TextEncoders):
        return 2, TOKENS
    if isinstance(network, ClipVision):
        return 1, 3, network.config.size, network.config.size
    return None


def _keep(table: OrderedDict[_Key, int], key: _Key, value: int) -> None:
    table[key] = value
    table.move_to_end(key)
    while len(table) > _MOST_KEPT:
        table.popitem(last=False)

"""Answers what a network is being run on, for modules that adapters put into it: noise level, rows, size."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import torch
from torch import Tensor

Weighed = tuple[tuple[Tensor, float], ...]
"""Texts (B, T, D) with their strengths."""


def _no_texts(chunk: int) -> Weighed:
    del chunk
    return ()


class Run:
    """What lasts as long as one run of sampling: its random numbers; what a run remembers hangs on it.

    A patch that remembers something keeps it in a WeakKeyDictionary under the run, so that it ends with it.
    """

    def __init__(self, seed: int = 0, noise_shape: Sequence[int] = ()) -> None:
        """For a run with a seed, whose initial noise has a shape (B, C, H, W)."""
        self._seed = seed
        self._noise_shape = tuple(noise_shape)
        self._generators: dict[torch.device, torch.Generator] = {}

    def generator(self, device: torch.device) -> torch.Generator:
        """Random numbers on a device; on the CPU they go on where those of the initial noise ended."""
        if device not in self._generators:
            generator = torch.Generator(device).manual_seed(self._seed)
            if device.type == "cpu" and self._noise_shape:
                torch.randn(self._noise_shape, generator=generator)
            self._generators[device] = generator
        return self._generators[device]


@dataclass(frozen=True)
class Call:
    """One run of a diffusion network during sampling.

    Attributes:
        sigma: the noise level.
        rows: the list of conditions ("positive", "negative", ...) that each chunk of the batch belongs to.
        batch: rows of one chunk.
        height: latent cells of the input from top to bottom.
        width: latent cells of the input from left to right.
        sigmas: every noise level of the run, high to low; empty outside sampling.
        run: the run of sampling it belongs to.
        evaluation: number of the evaluation of lists of conditions that it is part of; several may share a
            noise level.
        purpose: what tells it apart from other calls of such rows: whose conditions it computes, and what is
            installed for it alone.
        against: the texts of the negative prompt that hold where a chunk of the batch does, by its number, in
            the number type of the network; none where there is no negative prompt.
    """

    sigma: float
    rows: tuple[str, ...]
    batch: int
    height: int
    width: int
    sigmas: tuple[float, ...] = ()
    run: Run = field(default_factory=Run, compare=False)
    evaluation: int = field(default=0, compare=False)
    purpose: Hashable = field(default=(), compare=False)
    against: Callable[[int], Weighed] = field(default=_no_texts, compare=False)


_current: ContextVar[Call] = ContextVar("call")


def current_call() -> Call:
    """What the network that is running now is run on; raises LookupError where none runs."""
    return _current.get()


@contextmanager
def calling(call: Call) -> Iterator[None]:
    """Within the block, `call` is what the network is run on."""
    token = _current.set(call)
    try:
        yield
    finally:
        _current.reset(token)

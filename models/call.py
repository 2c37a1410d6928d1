"""Answers what a network is being run on, for modules that adapters put into it: noise level, rows, size."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


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
    """

    sigma: float
    rows: tuple[str, ...]
    batch: int
    height: int
    width: int
    sigmas: tuple[float, ...] = ()


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

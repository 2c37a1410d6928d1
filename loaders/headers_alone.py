"""Leaves the numbers of weights in their files: within the block, networks are built of headers alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

SMALL_BYTES = 1024
"""Settings and scales stand in files as tensors too: so small ones are read all the same."""

_is_on: ContextVar[bool] = ContextVar("headers_alone", default=False)


@contextmanager
def headers_alone(is_on: bool = True) -> Iterator[None]:
    """Within the block, tensors that are read in bulk come without memory, on the meta device."""
    token = _is_on.set(is_on)
    try:
        yield
    finally:
        _is_on.reset(token)


def is_left_out(size_bytes: int) -> bool:
    """Whether the numbers of a tensor of that size are left where they are."""
    return _is_on.get() and size_bytes > SMALL_BYTES


def bare(size_bytes: int) -> Tensor:
    """So many bytes (size_bytes,) without memory."""
    return torch.empty(size_bytes, dtype=torch.uint8, device="meta")

"""Remembers where the numbers of networks can be read with all their bits, where fewer are kept of them."""

from typing import Protocol
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn


class Exact(Protocol):
    """The parameters of a network as the file has them that it came from."""

    @property
    def is_there(self) -> bool:
        """Whether the file is still what it was."""
        ...

    def dtype(self, name: str) -> torch.dtype | None:
        """The number type in which the file has a parameter; None where that is the one that is kept."""
        ...

    def read(self, name: str) -> Tensor | None:
        """A parameter (any shape) as the file has it; None if the file is not what it was."""
        ...


_sources: "WeakKeyDictionary[nn.Module, Exact]" = WeakKeyDictionary()


def remember(network: nn.Module, source: Exact) -> None:
    """Say where the numbers of a network can be read exactly."""
    _sources[network] = source


def exact_of(root: nn.Module, name: str) -> tuple[Exact, str] | None:
    """Where a parameter can be read exactly, and its name there; None where nobody has said so."""
    module, inside = root, name
    while True:
        if module in _sources:
            return _sources[module], inside
        child, _, inside = inside.partition(".")
        if not inside:
            return None
        module = module.get_submodule(child)


def loses(dtype: torch.dtype, kept: torch.dtype) -> bool:
    """Whether numbers of a type are not all numbers of the type in which they are kept."""
    wide, narrow = torch.finfo(kept), torch.finfo(dtype)
    return narrow.eps < wide.eps or narrow.max > wide.max or narrow.smallest_normal < wide.smallest_normal

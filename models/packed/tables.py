"""Keeps small tables where they are looked up: to bring one to a graphics card takes long."""

from collections.abc import Callable, Hashable
from typing import TypeVar

import torch
from torch import Tensor

K = TypeVar("K", bound=Hashable)


def kept_where_used(make: Callable[[K, torch.device], Tensor]) -> Callable[[K, Tensor], Tensor]:
    """A function that makes a table of something on a device, asked with a tensor that is there.

    It is made once for each device; but while a compiler looks, with tensors of its own, none is kept.
    """
    kept: dict[tuple[K, torch.device], Tensor] = {}

    def found(what: K, beside: Tensor) -> Tensor:
        if type(beside) is not Tensor or torch.compiler.is_compiling():
            return make(what, beside.device)
        key = what, beside.device
        if key not in kept:
            kept[key] = make(what, beside.device)
        return kept[key]

    return found


@kept_where_used
def table_of(values: tuple[float, ...], device: torch.device) -> Tensor:
    """Some values as (n,) float32."""
    return torch.tensor(values, dtype=torch.float32, device=device)

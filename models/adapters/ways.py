"""Answers how a change reaches the weight of a layer: made once, beside the layer, or at every use.

What is kept packed, or cannot be replaced because memory is short, is left as it is; then the way that costs
less is taken.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache

import torch
from torch import Tensor, nn

from models.adapters.beside import can_run_beside
from models.adapters.deltas import Step, changed_shape
from models.packed.away import waiting
from models.packed.plain import is_compressed

# So many rows a layer is taken to see at a time: the cells of a picture of a million pixels.
USUAL_ROWS = 4096
# How often the numbers of a weight cross the memory, in float32 and mostly to new places, when it is changed
# at a use; and how often those of an output do when factors run beside a layer, to places that are there.
_PASSES_AT_USE = 12
_PASSES_BESIDE = 1


class Way(Enum):
    """How a change reaches a weight."""

    ONCE = "a changed weight stands in the place of the weight"
    BESIDE = "factors run beside the layer"
    AT_USE = "the weight is changed at every use"


@dataclass(frozen=True)
class Rates:
    """What a device takes for work, in seconds: a multiplication with addition, a byte, a call."""

    product: float
    byte: float
    call: float


def choose(
    layer: nn.Module, parameter: str, weight: Tensor, steps: Sequence[Step] | None, *, stays: bool = False
) -> Way:
    """The way for changes of a parameter, as it was loaded, of a layer.

    Args:
        layer: whose parameter it is.
        parameter: its name there.
        weight: the parameter (any shape).
        steps: what is done to it in order; None if it cannot be told.
        stays: whether there is no memory for a changed weight beside the one that waits.
    """
    if steps is None or not (stays or is_compressed(waiting(weight))):
        return Way.ONCE
    if any(changed_shape(step.delta, weight.shape) != weight.shape for step in steps):
        return Way.ONCE
    able = parameter == "weight" and can_run_beside(layer)
    factors = [step.factors for step in steps]
    if not able or any(factor is None for factor in factors):
        return Way.AT_USE
    rank = sum(factor.down.shape[0] for factor in factors if factor is not None)
    rates = measured_rates(weight.device)
    cheaper = seconds_beside(weight.shape, rank, rates) <= seconds_at_use(weight.shape, rank, rates)
    return Way.BESIDE if cheaper else Way.AT_USE


def seconds_beside(shape: torch.Size, rank: int, rates: Rates, rows: int = USUAL_ROWS) -> float:
    """What factors of a rank take beside a layer with a weight (out, in, ...), in seconds for one run."""
    out, wide = shape[0], shape[1:].numel()
    moved_bytes = 4 * rows * (shape[1] + 2 * rank + _PASSES_BESIDE * out)
    return rows * rank * (wide + out) * rates.product + moved_bytes * rates.byte + 3 * rates.call


def seconds_at_use(shape: torch.Size, rank: int, rates: Rates) -> float:
    """What it takes to change a weight (out, in, ...) by factors of a rank, in seconds for one run."""
    count = shape.numel()
    return count * rank * rates.product + 4 * _PASSES_AT_USE * count * rates.byte + 6 * rates.call


@cache
def measured_rates(device: torch.device) -> Rates:
    """The rates of a device, measured once."""
    side = 1024 if device.type == "cuda" else 256
    matrix = torch.ones(side, side, device=device)
    # Too long for caches, and new memory each time, as for what a layer gives.
    long = torch.ones(2**24 if device.type == "cuda" else 2**23, device=device)
    few = torch.ones(4, device=device)
    call = _seconds(lambda: few.add_(0.0), device)
    product = max(_seconds(lambda: matrix @ matrix, device) - call, 1e-9) / side**3
    byte = max(_seconds(lambda: long + 1.0, device) - call, 1e-9) / (8 * long.numel())
    return Rates(product, byte, call)


def _seconds(work: Callable[[], Tensor], device: torch.device, rounds: int = 5) -> float:
    """The least time of a few runs."""
    found = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        found = min(found, time.perf_counter() - start)
    return found

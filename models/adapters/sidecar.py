"""Answers how a change reaches the weight of a layer: made once, beside the layer, or at every use.

What is kept packed, or cannot be replaced because memory is short, is left as it is. Low-rank factors then
run beside the layer, y = W x + s B (A x), as in Hu et al. 2021 (arXiv:2106.09685), equation 3, which errs no
more than the number type; whatever else can be said of a weight alone is done to it at every use.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import Enum
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, linear

from models.adapters.products import LowRank
from models.packed.away import Away, waiting
from models.packed.tensor import Format, Packed

# So many rows a layer is taken to see at a time: the cells of a picture of a million pixels.
USUAL_ROWS = 4096
# How often the numbers of a weight cross the memory, in float32 and mostly to new places, when it is changed
# at a use; and how often those of an output do when factors run beside a layer, to places that are there.
_PASSES_AT_USE = 12
_PASSES_BESIDE = 1

# The name under which factors hang on a layer.
CHAINS = "factors_beside"
_beside: "WeakKeyDictionary[nn.Module, list[Beside]]" = WeakKeyDictionary()


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


@dataclass(frozen=True, eq=False)
class Step:
    """One change of one weight: a delta (models.adapters.weights.Delta) and its strength."""

    delta: Any
    strength: float

    @property
    def numel(self) -> int:
        """How many numbers the delta is made of."""
        return sum(tensor.numel() for tensor in _tensors(self.delta))

    @property
    def factors(self) -> LowRank | None:
        """What is added, if that is the product of small matrices and nothing else is done."""
        product = getattr(self.delta, "product", None)
        if getattr(self.delta, "magnitude", None) is not None or getattr(self.delta, "grown", None):
            return None
        return product if isinstance(product, LowRank) else None


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
    if steps is None or not (stays or isinstance(waiting(weight), Packed)):
        return Way.ONCE
    if any(getattr(step.delta, "grown", None) for step in steps):
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


def can_run_beside(layer: nn.Module) -> bool:
    """Whether a layer is one beside which factors can run."""
    if isinstance(layer, nn.Conv2d):
        return layer.groups == 1 and layer.padding_mode == "zeros"
    return isinstance(layer, nn.Linear)


class Beside:
    """Factors that run beside one layer, where that layer computes and in its number type.

    They hang on the layer as plain tensors, so that a compiled network takes others of the same shapes as
    they come.
    """

    def __init__(self, layer: nn.Module, steps: Sequence[Step]) -> None:
        self.layer = layer
        self.steps = tuple(steps)
        weight = layer.get_parameter("weight")
        chains = [_chain(step.factors, step.strength) for step in steps if step.factors is not None]
        assert len(chains) == len(steps)
        self.chains = tuple(
            tuple(factor.to(weight.device, weight.dtype) for factor in chain) for chain in _joined(chains)
        )

    @property
    def size_bytes(self) -> int:
        """Bytes of the factors."""
        return sum(factor.numel() * factor.element_size() for chain in self.chains for factor in chain)

    def install(self, undo: ExitStack) -> None:
        """Hang the factors on the layer, beside those that hang there."""
        present = self.layer.__dict__.get(CHAINS)
        if present is None:
            handle = self.layer.register_forward_hook(run_beside)
            undo.callback(handle.remove)
            undo.callback(self.layer.__dict__.pop, CHAINS)
        else:
            undo.callback(self.layer.__dict__.__setitem__, CHAINS, present)
        self.layer.__dict__[CHAINS] = (*(present or ()), *self.chains)

    def stand_in(self, undo: ExitStack) -> None:
        """Run beside the layer in the place of a changed weight, so that later changes find it."""
        _beside.setdefault(self.layer, []).append(self)
        undo.callback(_beside[self.layer].remove, self)
        self.install(undo)


def run_beside(layer: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor:
    """The output of a layer and what its factors make of the input.

    Inputs are (B, ..., in) of a linear layer or (B, in, h, w) of a convolution.
    """
    x = inputs[0]
    with torch.no_grad():
        for chain in layer.__dict__[CHAINS]:
            if isinstance(layer, nn.Linear) and output.dtype == x.dtype and output.is_contiguous():
                # What the layer gave is new, so that it can be added to where it is.
                middle = _through(layer, chain[:-1], x)
                last = chain[-1].to(x.device, x.dtype).flatten(1)
                output.view(-1, output.shape[-1]).addmm_(middle.reshape(-1, middle.shape[-1]), last.t())
            else:
                output = output + _through(layer, chain, x)
        return output


def _through(layer: nn.Module, chain: Sequence[Tensor], x: Tensor) -> Tensor:
    factors = [factor.to(x.device, x.dtype) for factor in chain]
    if isinstance(layer, nn.Linear):
        for factor in factors:
            x = linear(x, factor.flatten(1))
        return x
    assert isinstance(layer, nn.Conv2d)
    wide = max(range(len(factors)), key=lambda index: factors[index].shape[2:].numel())
    for index, factor in enumerate(factors):
        square = factor if factor.ndim == 4 else factor[:, :, None, None]
        if index == wide:
            x = conv2d(x, square, None, layer.stride, layer.padding, layer.dilation)
        else:
            x = conv2d(x, square)
    return x


def besides(network: nn.Module) -> Iterator[Beside]:
    """Everything that runs beside layers of a network now."""
    for layer in network.modules():
        yield from _beside.get(layer, ())


def beside_layer(layer: nn.Module) -> tuple[Step, ...]:
    """What runs beside a layer now."""
    return tuple(step for beside in _beside.get(layer, ()) for step in beside.steps)


def _chain(product: LowRank, strength: float) -> list[Tensor]:
    """The factors in the order in which an input meets them, in float32, scale in the last."""
    scale = strength if product.alpha is None else strength * product.alpha / product.down.shape[0]
    middle = [] if product.mid is None else [product.mid.float()]
    return [product.down.float(), *middle, product.up.float() * scale]


def _joined(chains: list[list[Tensor]]) -> list[list[Tensor]]:
    """Chains of which those of two factors of the same kinds are one."""
    plain = [chain for chain in chains if len(chain) == 2]
    kinds = {(chain[0].shape[1:], chain[1].shape[2:]) for chain in plain}
    if len(plain) < 2 or len(kinds) > 1:
        return chains
    joined = [torch.cat([chain[0] for chain in plain]), torch.cat([chain[1] for chain in plain], dim=1)]
    return [joined, *(chain for chain in chains if len(chain) > 2)]


@dataclass(frozen=True)
class Plain:
    """Numbers as they are, in part `data`: what changed weights are made of where nothing is packed."""

    name: str = "plain"

    def unpack(self, parts: Mapping[str, Tensor], shape: torch.Size, dtype: torch.dtype) -> Tensor:
        """The numbers."""
        return parts["data"].to(dtype).view(shape)

    def pack(self, dense: Tensor) -> Mapping[str, Tensor]:
        """The numbers (any shape)."""
        return {"data": dense}


@dataclass(frozen=True)
class Changed:
    """Another format, whose numbers are changed whenever they are unpacked.

    The tensors that the changes need are parts like those of the format, so that they move with them.

    Attributes:
        inner: the other format.
        steps: the changes with names of parts in the place of tensors.
    """

    inner: Format
    steps: tuple[Step, ...]

    @property
    def name(self) -> str:
        """That of the other format, marked."""
        return f"{self.inner.name} changed"

    def unpack(self, parts: Mapping[str, Tensor], shape: torch.Size, dtype: torch.dtype) -> Tensor:
        """The changed numbers."""
        with torch.no_grad():
            weight = self.inner.unpack(parts, shape, torch.float32)
            for step in self.steps:
                weight = _with_tensors(step.delta, parts).change(weight, step.strength)
            return weight.to(dtype).contiguous()

    def pack(self, dense: Tensor) -> Mapping[str, Tensor]:
        """Nothing is packed so (any shape).

        Raises:
            ValueError: always.
        """
        raise ValueError(f"a tensor of shape {tuple(dense.shape)} cannot be packed as {self.name}")


def changed_at_use(weight: Tensor, steps: Sequence[Step]) -> Tensor:
    """A weight (any shape) that is changed whenever it is used; it waits where the weight waits."""
    home = waiting(weight)
    packed = home if isinstance(home, Packed) else Packed({"data": home}, Plain(), home.shape, home.dtype)
    parts: dict[str, Tensor] = dict(packed.parts)
    named = tuple(replace(step, delta=_without_tensors(step.delta, parts, home.device)) for step in steps)
    changed = Packed(parts, Changed(packed.format, named), home.shape, home.dtype)
    return Away(changed, weight.carrier) if isinstance(weight, Away) else changed


@dataclass(frozen=True)
class _Part:
    """Stands where a tensor was that has become a part."""

    name: str


def _without_tensors(value: Any, parts: dict[str, Tensor], device: torch.device) -> Any:
    """A value with its tensors taken out and put among parts, on a device."""
    if isinstance(value, Tensor):
        name = f"change_{len(parts)}"
        parts[name] = value.to(device)
        return _Part(name)
    return _copied(value, lambda inner: _without_tensors(inner, parts, device))


def _with_tensors(value: Any, parts: Mapping[str, Tensor]) -> Any:
    """A value with its tensors put back."""
    if isinstance(value, _Part):
        return parts[value.name]
    return _copied(value, lambda inner: _with_tensors(inner, parts))


def _tensors(value: Any) -> Iterator[Tensor]:
    """The tensors in a value."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for inner in value:
            yield from _tensors(inner)
    elif is_dataclass(value):
        for part in fields(value):
            yield from _tensors(getattr(value, part.name))


def _copied(value: Any, change: Callable[[Any], Any]) -> Any:
    """A value with everything in it changed: what stands in lists, tuples and dataclasses."""
    if isinstance(value, tuple | list):
        return type(value)(change(inner) for inner in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: change(getattr(value, field.name)) for field in fields(value)})
    return value
